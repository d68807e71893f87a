"""Wilson, McNemar and the paired difference against tables, against enumeration and in their exact coverage."""

import math
from fractions import Fraction
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, multinomial

from azeotrope.errors import Misconfigured
from azeotrope.math.stats import mcnemar, paired_difference, wilson

LETTERS = st.text("+-0>@?", max_size=40)


def verdicts(lost: int, gained: int, both: int = 0, neither: int = 0) -> tuple[str, str]:
    return (
        "+" * lost + "-" * gained + "+" * both + "-" * neither,
        "-" * lost + "+" * gained + "+" * both + "-" * neither,
    )


class TestWilson:
    @pytest.mark.parametrize(
        ("correct", "asked", "low", "high"),
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
    )
    def test_the_table_of_newcombe(self, correct: int, asked: int, low: float, high: float) -> None:
        """Statistics in Medicine 17, 1998, page 857: table I, method 3."""
        assert wilson(correct, asked) == pytest.approx((low, high), abs=5e-5)

    @given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
    def test_its_ends_are_as_many_standard_errors_away_as_the_level_says(
        self, counts: tuple[int, int], level: float
    ) -> None:
        correct, asked = counts
        rate, z = correct / asked, NormalDist().inv_cdf((1 + level) / 2)
        low, high = wilson(correct, asked, level)
        assert 0 <= low <= rate <= high <= 1
        for end in (low, high):
            if 0 < end < 1:
                assert (rate - end) ** 2 == pytest.approx(z * z * end * (1 - end) / asked, rel=1e-6, abs=1e-12)

    @pytest.mark.parametrize("asked", [20, 50, 200])
    def test_its_exact_coverage_is_in_the_known_band(self, asked: int) -> None:
        """Brown, Cai and DasGupta, Statistical Science 16, 2001: about right on average, low only near 0 and 1."""
        ends = np.array([wilson(k, asked) for k in range(asked + 1)])
        even, near_zero = np.linspace(0.0005, 0.9995, 1500), np.linspace(0.05, 1, 400) / asked

        def coverage(rates: Any) -> Any:
            covers = (ends[:, :1] <= rates) & (rates <= ends[:, 1:])
            return (binom.pmf(np.arange(asked + 1)[:, None], asked, rates) * covers).sum(0)

        assert 0.945 < coverage(even).mean() < 0.96
        assert coverage(even[(even > 0.1) & (even < 0.9)]).min() > 0.92
        assert 0.83 < coverage(near_zero).min() < 0.85
        assert near_zero[coverage(near_zero).argmin()] * asked == pytest.approx(0.18, abs=0.02)

    def test_nothing_asked_is_nothing_known(self) -> None:
        assert wilson(0, 0) == (0, 1)

    @pytest.mark.parametrize(("correct", "asked"), [(3, 2), (-1, 2), (1, 0)])
    def test_more_right_than_asked(self, correct: int, asked: int) -> None:
        with pytest.raises(Misconfigured, match="some of the asked"):
            wilson(correct, asked)

    @pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
    def test_level(self, level: float) -> None:
        with pytest.raises(Misconfigured, match="between 0 and 1"):
            wilson(1, 2, level)


def exact(lost: int, gained: int) -> Fraction:
    """Every assignment of the differing problems, counted."""
    n = lost + gained
    as_far = [k for k in range(n + 1) if abs(2 * k - n) >= abs(2 * lost - n)]
    return Fraction(sum(math.comb(n, k) for k in as_far), 2**n)


class TestMcNemar:
    def test_its_p_values_are_the_enumerated_ones(self) -> None:
        for n in range(26):
            for lost in range(n + 1):
                found = mcnemar(*verdicts(lost, n - lost, both=3, neither=2))
                assert (found.lost, found.gained) == (lost, n - lost)
                assert found.p_value == pytest.approx(float(exact(lost, n - lost)), rel=1e-12)

    def test_by_hand(self) -> None:
        assert mcnemar(*verdicts(1, 9, both=50)).p_value == pytest.approx(2 * (1 + 10) / 1024)

    @pytest.mark.parametrize("n", [1, 2, 5, 12, 33, 60])
    def test_under_the_null_small_values_are_no_likelier_than_they_say(self, n: int) -> None:
        p_values = [mcnemar(*verdicts(k, n - k)).p_value for k in range(n + 1)]
        for alpha in (*p_values, 0.001, 0.01, 0.05, 0.2):
            chance = sum(math.comb(n, k) for k in range(n + 1) if p_values[k] <= alpha) / 2**n
            assert chance <= alpha * (1 + 1e-9)

    @given(LETTERS.flatmap(lambda a: st.tuples(st.just(a), st.text("+-0>@?", min_size=len(a), max_size=len(a)))))
    def test_only_problems_asked_of_both_count_and_sides_are_alike(self, both: tuple[str, str]) -> None:
        first, second = both
        asked = [(a, b) for a, b in zip(first, second, strict=True) if "?" not in (a, b)]
        found = mcnemar(first, second)
        assert found == mcnemar([a == "+" for a, _ in asked], [b == "+" for _, b in asked])
        back = mcnemar(second, first)
        assert (back.lost, back.gained) == (found.gained, found.lost)
        assert back.p_value == pytest.approx(found.p_value)

    def test_equals_and_nothing_are_no_evidence(self) -> None:
        assert mcnemar("++-", "++-") == (1, 0, 0)
        assert mcnemar("", "") == (1, 0, 0)

    def test_other_problems_and_other_letters(self) -> None:
        with pytest.raises(Misconfigured, match="the same problems"):
            mcnemar("++", "+")
        with pytest.raises(Misconfigured, match="got x"):
            mcnemar("+x", "+-")


class TestPairedDifference:
    def test_by_hand(self) -> None:
        """21 pairs of which 1 is gained and 7 are lost: -6/23 and 1.96 sqrt((10/23 - (6/23)^2) / 23) each way."""
        found = paired_difference(*verdicts(7, 1, both=1, neither=12))
        assert found == pytest.approx((-6 / 21, -0.50836, -0.01338), abs=5e-5)

    @pytest.mark.parametrize(("lose", "gain"), [(0.02, 0.02), (0.05, 0.2), (0.3, 0.3), (0.5, 0.1), (0.0, 0.1)])
    def test_its_exact_coverage(self, lose: float, gain: float) -> None:
        n, covered = 40, 0.0
        law = multinomial(n, [lose, gain, 1 - lose - gain])
        for lost in range(n + 1):
            for gained in range(n + 1 - lost):
                chance = law.pmf([lost, gained, n - lost - gained])
                if chance > 1e-9:
                    _, low, high = paired_difference(*verdicts(lost, gained, both=n - lost - gained))
                    covered += float(chance) * (low <= gain - lose <= high)
        assert 0.93 < covered <= 1

    @given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30))
    @settings(max_examples=50)
    def test_it_turns_round_with_its_sides_and_stays_among_differences(self, lost: int, gained: int, both: int) -> None:
        there = paired_difference(*verdicts(lost, gained, both))
        back = paired_difference(*reversed(verdicts(lost, gained, both)))
        assert (back.value, -back.high, -back.low) == pytest.approx((-there.value, there.low, there.high))
        assert -1 <= there.low < there.high <= 1

    def test_no_difference_seen_is_not_no_difference(self) -> None:
        found = paired_difference("+" * 50, "+" * 50)
        assert found.value == 0
        assert found.low < -0.02 and found.high > 0.02

    def test_failed_halves_leave_and_an_empty_rest_is_refused(self) -> None:
        assert paired_difference("+?+-", "++-?") == paired_difference("++", "+-")
        with pytest.raises(Misconfigured, match="no problem was asked of both"):
            paired_difference("+?", "?+")
