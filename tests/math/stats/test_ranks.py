"""Rank correlation: known values, and an interval that covers the truth as often as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from azeotrope.math.stats.ranks import spearman


def test_order_alone_counts() -> None:
    up = spearman([1, 2, 3, 4, 5], [1, 8, 27, 64, 1e9])
    down = spearman([1, 2, 3, 4, 5], [5, 4, 3, 2, -7])
    assert up is not None and up == pytest.approx((1, 1, 1))
    assert down is not None and down == pytest.approx((-1, -1, -1))


def test_what_is_all_the_same_ranks_nothing() -> None:
    assert spearman([1, 1, 1, 1], [1, 2, 3, 4]) is None and spearman([], []) is None


def test_three_pairs_say_nothing() -> None:
    found = spearman([1, 2, 3], [1, 3, 2])
    assert found is not None and (found.low, found.high) == (-1, 1)


@pytest.mark.parametrize("rho", [0.0, 0.5, -0.8])
def test_the_interval_covers_the_truth(rho: float) -> None:
    """Of normal pairs with Pearson's rho, Spearman's is (6 / pi) asin(rho / 2)."""
    truth, rng, covered, runs = 6 / math.pi * math.asin(rho / 2), np.random.default_rng(7), 0, 400
    for _ in range(runs):
        x, y = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 50).T
        found = spearman(x.tolist(), y.tolist())
        assert found is not None
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / runs <= 0.98
