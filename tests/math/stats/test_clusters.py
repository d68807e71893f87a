"""The mean of rates by cluster: the binomial's interval at its limits, and cover whatever clusters have in common."""

import numpy as np
import pytest

from azeotrope.errors import Misconfigured
from azeotrope.math.stats import clopper_pearson, clustered, of_averages


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (3, 8), (20, 20), (1, 40)])
def test_clusters_of_all_or_nothing_are_trials(hits, n) -> None:
    assert clustered([1.0] * hits + [0.0] * (n - hits)) == pytest.approx(clopper_pearson(hits, n))


def test_it_is_never_a_point_and_only_the_mean_counts() -> None:
    low, high = clustered([1.0] * 10)
    assert (round(low, 2), high) == (0.69, 1.0)
    assert clustered([0.25, 0.75, 0.5]) == pytest.approx(clustered([0.5] * 3))


@pytest.mark.parametrize("alike", [0.05, 0.5, 0.95])
def test_it_covers(alike) -> None:
    """Clusters of eight whose own rate is drawn from a beta law: `alike` is the correlation within one."""
    rng = np.random.default_rng(7)
    mean, strength = 0.8, (1 - alike) / alike
    covered = 0
    for _ in range(400):
        own = rng.beta(mean * strength, (1 - mean) * strength, size=12)
        low, high = clustered(list(rng.binomial(8, own) / 8))
        covered += low <= mean <= high
    assert covered >= 0.95 * 400 - 3 * (400 * 0.95 * 0.05) ** 0.5


@pytest.mark.parametrize(("rates", "level"), [([], 0.95), ([1.2], 0.95), ([0.5], 1.0)])
def test_what_is_no_rate_is_refused(rates, level) -> None:
    with pytest.raises(Misconfigured):
        clustered(rates, level)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_averages_of_many_are_covered_and_closer_than_coins(count) -> None:
    rng = np.random.default_rng(11)
    mean, covered, widths = 0.53, 0, []
    for _ in range(600):
        own = rng.normal(mean, 0.01, size=count)
        rates = list(rng.binomial(5000, own) / 5000)
        low, high = of_averages(rates)
        covered += low <= mean <= high
        widths.append(high - low)
    assert 0.92 < covered / 600 < 0.98, "exact but for chance and for the binomial's being nearly normal"
    wide = clustered([mean] * count)
    assert np.median(widths) < wide.high - wide.low


def test_one_average_says_nothing_of_others_and_ends_stay_rates() -> None:
    assert of_averages([0.5]) == clustered([0.5])
    low, high = of_averages([0.0, 0.2, 0.9, 1.0])
    assert (low, high) == (0.0, 1.0)
    with pytest.raises(Misconfigured):
        of_averages([])
