"""The mean of rates by cluster: the binomial's interval at its limits, and cover whatever clusters have in common."""

import numpy as np
import pytest

from azeotrope.errors import Misconfigured
from azeotrope.math.stats import clopper_pearson, clustered


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
