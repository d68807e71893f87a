"""The crossed bootstrap: its coverage in a simulated laboratory, and leakage at its two fixed points."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm, t

from azeotrope.errors import Misconfigured
from azeotrope.math.stats import advantage, difference_of_means, leakage, mean_accuracy, wilson

Array = np.ndarray[Any, np.dtype[Any]]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def students(draw: np.random.Generator, seeds: int, problems: int, skill: float, luck: float, hard: float) -> Array:
    """Right or wrong: a student's luck in training and a problem's hardness add up (probit). [seeds, problems]."""
    of_seed, of_problem = draw.normal(size=(seeds, 1)) * luck, draw.normal(size=(1, problems)) * hard
    return draw.normal(size=(seeds, problems)) < skill + of_seed + of_problem


def expected(skill: float, luck: float, hard: float) -> float:
    """The accuracy of all students that might have been, on all problems that might have been."""
    return float(norm.cdf(skill / np.sqrt(1 + luck**2 + hard**2)))


def arm(rate: float, seeds: int = 5, problems: int = 200, seed: int = 0) -> list[str]:
    """Students that are right at about this rate."""
    right = students(rng(seed), seeds, problems, float(norm.ppf(rate)) * 1.5, 0.1, 1.1)
    return ["".join("+" if each else "-" for each in row) for row in right]


class TestMeanAccuracy:
    def test_it_is_the_mean_over_seeds_of_right_over_asked(self) -> None:
        found = mean_accuracy(["++--??", "+0>@-?"], rng=rng())
        assert found.value == pytest.approx((2 / 4 + 1 / 5) / 2)
        assert found.low < found.value < found.high

    @pytest.mark.parametrize(("seeds", "luck", "band"), [(5, 0.6, (0.92, 0.98)), (5, 0.0, (0.94, 1.0))])
    def test_its_coverage(self, seeds: int, luck: float, band: tuple[float, float]) -> None:
        """In the first case the plain percentile interval covers 90 %."""
        draw, truth, covered = rng(1), expected(0.3, luck, 1.0), 0
        for _ in range(300):
            _, low, high = mean_accuracy(students(draw, seeds, 60, 0.3, luck, 1.0).tolist(), rng=draw, draws=600)
            covered += low <= truth <= high
        assert band[0] < covered / 300 < band[1]

    def test_one_student_is_a_binomial(self) -> None:
        found = mean_accuracy(["+" * 120 + "-" * 80], rng=rng(), draws=20_000)
        assert found == pytest.approx((0.6, *(binom.ppf((0.025, 0.975), 200, 0.6) / 200)), abs=0.0051)

    def test_the_same_student_eight_times_is_no_more_than_once(self) -> None:
        once, often = (mean_accuracy(["+" * 120 + "-" * 80] * n, rng=rng()) for n in (1, 8))
        assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.05)

    def test_many_students_come_to_normal_theory(self) -> None:
        right = students(rng(2), 80, 300, 0.2, 0.5, 1.0)
        variance = right.mean(1).var(ddof=1) / 80 + right.mean(0).var(ddof=1) / 300
        found = mean_accuracy(right.tolist(), rng=rng())
        assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.sqrt(variance), rel=0.06)

    @pytest.mark.parametrize("seeds", [8, 10])
    def test_few_students_that_differ_come_to_students_t(self, seeds: int) -> None:
        rates = 0.5 + 0.2 * norm.ppf((np.arange(seeds) + 0.5) / seeds)
        right = rng(8).random((seeds, 1500)) < rates[:, None]
        width = 2 * t.ppf(0.975, seeds - 1) * right.mean(1).std(ddof=1) / np.sqrt(seeds)
        found = mean_accuracy(right.tolist(), rng=rng())
        assert found.high - found.low == pytest.approx(width, rel=0.04)

    def test_seeds_that_all_or_never_learned(self) -> None:
        found = mean_accuracy(["+" * 50, "-" * 50, "+" * 50, "+" * 50, "-" * 50], rng=rng())
        assert found.value == pytest.approx(0.6)
        assert found.low == 0.0 and found.high == 1.0, "five such seeds say next to nothing"

    def test_certainty_has_no_width(self) -> None:
        """One seed's problems, for more seeds that say the same make no problem more."""
        assert mean_accuracy(["++++"] * 3, rng=rng()) == (1, *wilson(4, 4))
        assert mean_accuracy(["-0>@?", "-----"], rng=rng(), level=0.8) == (0, *wilson(0, 4, 0.8))
        assert mean_accuracy(["-" * 600] * 5, rng=rng(), draws=200) == mean_accuracy(["-" * 600], rng=rng(), draws=200)
        assert mean_accuracy(["-" * 600] * 5, rng=rng(), draws=200).high == pytest.approx(0.0064, abs=1e-4)

    def test_the_generator_decides(self) -> None:
        cells = arm(0.5)
        assert mean_accuracy(cells, rng=rng(3)) == mean_accuracy(cells, rng=rng(3))
        assert mean_accuracy(cells, rng=rng(3)) != mean_accuracy(cells, rng=rng(4))

    def test_a_higher_level_is_wider(self) -> None:
        low, high = (mean_accuracy(arm(0.5), rng=rng(), level=level) for level in (0.8, 0.99))
        assert high.low < low.low < low.high < high.high


class TestDifferenceOfMeans:
    def test_an_arm_does_not_differ_from_itself(self) -> None:
        assert difference_of_means(arm(0.4), arm(0.4), rng=rng()) == (0, 0, 0)

    def test_it_is_second_minus_first(self) -> None:
        found = difference_of_means(arm(0.3), arm(0.6, seed=1), rng=rng())
        gap = mean_accuracy(arm(0.6, seed=1), rng=rng()).value - mean_accuracy(arm(0.3), rng=rng()).value
        assert found.value == pytest.approx(gap)
        assert 0 < found.low < found.value < found.high

    def test_pairs_are_kept(self) -> None:
        """The second arm is the first with the same ten problems lost: hardness and luck drop out."""
        right = students(rng(5), 6, 100, 0.5, 0.8, 1.0)
        worse = right.copy()
        worse[:, :10] = False
        found, alone = (difference_of_means(right.tolist(), worse.tolist(), rng=rng()), mean_accuracy(right, rng=rng()))
        assert found.high - found.low < 0.6 * (alone.high - alone.low)

    def test_coverage_of_no_difference(self) -> None:
        draw, covered = rng(6), 0
        for _ in range(150):
            first, second = students(draw, 10, 50, 0.0, 0.5, 1.0).reshape(2, 5, 50).tolist()
            _, low, high = difference_of_means(first, second, rng=draw, draws=500)
            covered += low <= 0 <= high
        assert 0.88 < covered / 150 < 1


class TestLeakage:
    floor, ceiling = [arm(0.05), arm(0.08, seed=1)], [arm(0.7, seed=2), arm(0.6, seed=3)]

    def test_undefended_is_one_and_withheld_is_zero(self) -> None:
        assert leakage(self.ceiling, self.floor, self.ceiling, rng=rng()) == (1, 1, 1)
        assert leakage(self.floor, self.floor, self.ceiling, rng=rng()) == (0, 0, 0)

    def test_it_is_the_ratio_of_the_best(self) -> None:
        defended = [arm(0.2, seed=4), arm(0.35, seed=5), arm(0.1, seed=6)]
        found = leakage(defended, self.floor, self.ceiling, rng=rng())
        best = [
            max(mean_accuracy(one, rng=rng()).value for one in group) for group in (defended, self.floor, self.ceiling)
        ]
        assert found is not None
        assert found.value == pytest.approx((best[0] - best[1]) / (best[2] - best[1]))
        assert 0 < found.low < found.value < found.high < 1

    def test_another_attack_can_only_raise_it(self) -> None:
        defended = [arm(0.2, seed=4)]
        one = leakage(defended, self.floor, self.ceiling, rng=rng())
        weak = leakage([*defended, arm(0.05, seed=7)], self.floor, self.ceiling, rng=rng())
        strong = leakage([*defended, arm(0.5, seed=8)], self.floor, self.ceiling, rng=rng())
        assert one is not None and weak is not None and strong is not None
        assert weak.value == one.value < strong.value

    def test_a_defense_that_teaches_leaks_more_than_all(self) -> None:
        found = leakage([arm(0.9, seed=9)], self.floor, self.ceiling, rng=rng())
        assert found is not None and found.low > 1

    @pytest.mark.parametrize("rate", [0.08, 0.01])
    def test_no_ratio_where_there_was_nothing_to_leak(self, rate: float) -> None:
        assert leakage([arm(0.05)], [arm(0.08, seed=1)], [arm(rate, seed=2)], rng=rng()) is None

    def test_draws_without_a_denominator_are_left_out(self) -> None:
        cells = [["+" * 3 + "-" * 9]], [["+" * 2 + "-" * 10]], [["-" * 7 + "+" * 5]]
        found = leakage(*cells, rng=rng(), level=0.3)
        assert found is not None
        assert found.value == pytest.approx(1 / 3)
        assert leakage(*cells, rng=rng(), level=0.95) is None, "at this level it may have been nothing"

    def test_its_coverage(self) -> None:
        draw, covered = rng(10), 0
        truth = expected(0.0, 0.3, 1.0) - (floor := expected(-2.0, 0.3, 1.0))
        truth /= expected(1.0, 0.3, 1.0) - floor
        for _ in range(100):
            cells = [[students(draw, 5, 60, skill, 0.3, 1.0).tolist()] for skill in (0.0, -2.0, 1.0)]
            found = leakage(*cells, rng=draw, draws=500)
            assert found is not None
            covered += found.low <= truth <= found.high
        assert 0.88 < covered / 100 <= 1


class TestRefusals:
    def test_a_single_string_is_no_arm(self) -> None:
        with pytest.raises(Misconfigured, match="into a list"):
            mean_accuracy("++-", rng=rng())

    @pytest.mark.parametrize("cells", [[], ["++", "+"], [""], [[]]])
    def test_seeds_on_other_problems_or_none(self, cells: Any) -> None:
        with pytest.raises(Misconfigured, match="every seed the same problems"):
            mean_accuracy(cells, rng=rng())

    def test_arms_with_other_seeds(self) -> None:
        with pytest.raises(Misconfigured, match=r"\(1, 2\), \(2, 2\)"):
            difference_of_means(["++"], ["++", "+-"], rng=rng())
        with pytest.raises(Misconfigured, match="seed by seed"):
            leakage([["++"]], [["++"]], [["+++"]], rng=rng())

    def test_a_seed_that_was_never_asked(self) -> None:
        with pytest.raises(Misconfigured, match="leave it out of every arm"):
            mean_accuracy(["++", "??"], rng=rng())

    def test_no_attack(self) -> None:
        with pytest.raises(Misconfigured, match="at least one"):
            leakage([], [arm(0.1)], [arm(0.5)], rng=rng())

    def test_level_and_draws(self) -> None:
        with pytest.raises(Misconfigured, match="between 0 and 1"):
            mean_accuracy(["+-"], rng=rng(), level=95)
        with pytest.raises(Misconfigured, match="at least 100"):
            mean_accuracy(["+-"], rng=rng(), draws=10)


class TestAdvantage:
    def test_of_one_attack_each_it_is_the_difference_of_means(self) -> None:
        low, high = arm(0.4), arm(0.7, seed=1)
        assert advantage([low], [high], rng=rng()) == difference_of_means(low, high, rng=rng())

    def test_another_floor_can_only_lower_it_and_another_ceiling_only_raise_it(self) -> None:
        low, mid, high = arm(0.3), arm(0.5, seed=1), arm(0.7, seed=2)
        found = advantage([low], [mid], rng=rng()).value
        assert advantage([low, mid], [mid], rng=rng()).value == 0 <= found
        assert advantage([low], [mid, high], rng=rng()).value > found

    def test_it_is_the_denominator_of_leakage(self) -> None:
        """There is a ratio exactly where its interval lies above 0."""
        for rate in (0.4, 0.42, 0.45, 0.5, 0.6):
            floor, ceiling = [arm(0.4)], [arm(rate, seed=3)]
            shown = advantage(floor, ceiling, rng=rng()).low > 0
            assert (leakage(ceiling, floor, ceiling, rng=rng()) is not None) == shown
