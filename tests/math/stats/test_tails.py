"""The exact tail against brute force and against scipy, far below where floats end; bounds for a claimed rate."""

import math
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats
from scipy.special import logsumexp
from scipy.stats import binom

from azeotrope.errors import Misconfigured
from azeotrope.math.stats import clopper_pearson
from azeotrope.math.stats.tails import log_binomial_tail, log_tail, tail

chances = some.lists(some.fractions(0, 1, max_denominator=9), max_size=7)


def brute(probabilities: list[Fraction], count: int) -> Fraction:
    """Every outcome, counted in whole fractions."""
    total = Fraction(0)
    for happened in product((0, 1), repeat=len(probabilities)):
        if sum(happened) >= count:
            total += math.prod((p if h else 1 - p) for p, h in zip(probabilities, happened, strict=True))
    return total


@given(chances, some.integers(-1, 8))
def test_it_is_what_counting_every_outcome_gives(probabilities: list[Fraction], count: int) -> None:
    assert tail([float(p) for p in probabilities], count) == pytest.approx(
        float(brute(probabilities, count)), rel=1e-13
    )


@given(some.floats(1e-9, 1 - 1e-9), some.integers(1, 200), some.data())
def test_equal_chances_make_it_the_binomial(p: float, n: int, data: some.DataObject) -> None:
    count = data.draw(some.integers(0, n))
    expected = stats.binom.logsf(count - 1, n, p)
    if expected > -600:  # where scipy is exact
        assert log_tail([p] * n, count) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_it_goes_on_where_floats_have_ended() -> None:
    sizes = [3, 1, 2, 5, 1, 1, 2, 4] * 16
    found = log_tail([size / 10**5 for size in sizes], 128)
    exact = sum(math.log(size) - 5 * math.log(10) for size in sizes)
    assert found == pytest.approx(exact, rel=1e-13)
    assert tail([1e-5] * 128, 128) == 0.0


def test_the_figures_of_a_verification() -> None:
    """20 probes over 8 associations at 100,000 values: 2 hits about 1.8e-8, 3 hits about 9e-13."""
    chances = [3e-5] * 4 + [2e-5] * 4
    assert tail(chances, 2) == pytest.approx(1.74e-8, rel=0.01)
    assert tail(chances, 3) == pytest.approx(8.6e-13, rel=0.02)


@given(chances.filter(len), some.integers(1, 7))
def test_more_named_is_never_stronger_evidence(probabilities: list[Fraction], count: int) -> None:
    named = [float(p) for p in probabilities]
    more = [named[0] + (1 - named[0]) / 2, *named[1:]]
    assert log_tail(more, count) >= log_tail(named, count) - 1e-12


@pytest.mark.parametrize("chance", [-0.1, 1.1, math.nan])
def test_what_is_no_probability_is_refused(chance: float) -> None:
    with pytest.raises(Misconfigured, match="between 0 and 1"):
        log_tail([0.5, chance], 1)


def test_a_claim_of_99_percent_needs_368_of_368() -> None:
    assert clopper_pearson(367, 367).low < 0.99 <= clopper_pearson(368, 368).low
    assert clopper_pearson(0, 0) == (0.0, 1.0)
    assert clopper_pearson(0, 20).low == 0.0
    assert clopper_pearson(20, 20).high == 1.0


@given(some.integers(0, 40), some.sampled_from([0.8, 0.95, 0.99]))
def test_the_ends_are_where_the_tails_are_half_of_what_is_left(hits: int, level: float) -> None:
    low, high = clopper_pearson(hits, 40, level)
    if hits:
        assert stats.binom.sf(hits - 1, 40, low) == pytest.approx((1 - level) / 2, rel=1e-6)
    if hits < 40:
        assert stats.binom.cdf(hits, 40, high) == pytest.approx((1 - level) / 2, rel=1e-6)


@given(some.integers(0, 60), some.integers(0, 60), some.floats(0.01, 0.99))
def test_the_binomial_tail_is_that_of_equal_chances(count: int, n: int, p: float) -> None:
    assert log_binomial_tail(count, n, p) == pytest.approx(log_tail([p] * n, count), rel=1e-9, abs=1e-12)


@given(n=some.integers(20_000, 60_000), p=some.floats(0.05, 0.6), above=some.floats(0.1, 1.0))
@settings(max_examples=20)
def test_a_tail_summed_by_blocks_is_the_tail_summed_whole(n: int, p: float, above: float) -> None:
    count = min(n, math.ceil(n * (p + above * (1 - p))))
    whole = float(logsumexp(binom.logpmf(range(count, n + 1), n, p)))
    assert log_binomial_tail(count, n, p) == pytest.approx(whole, rel=1e-12)


def test_a_thousand_million_trials_take_no_more_memory() -> None:
    """What a hostile report claims: Chernoff's bound holds, and within ln n + 1 of it is the tail."""
    n, p, share = 10**9, 0.25, 1 / 3
    bound = -n * (share * math.log(share / p) + (1 - share) * math.log((1 - share) / (1 - p)))
    assert bound - math.log(n) - 1 <= log_binomial_tail(n // 3 + 1, n, p) <= bound + 1


def test_the_binomial_tail_goes_on_below_floats_and_ends_where_it_should() -> None:
    assert log_binomial_tail(2000, 2000, 0.25) == pytest.approx(2000 * math.log(0.25))
    assert log_binomial_tail(1500, 2000, 0.25) == pytest.approx(log_tail([0.25] * 2000, 1500), rel=1e-9)
    assert (log_binomial_tail(0, 5, 0.5), log_binomial_tail(6, 5, 0.5)) == (0.0, -math.inf)
    assert (log_binomial_tail(1, 5, 0.0), log_binomial_tail(5, 5, 1.0)) == (-math.inf, 0.0)
    with pytest.raises(Misconfigured, match="between 0 and 1"):
        log_binomial_tail(1, 2, 1.5)
