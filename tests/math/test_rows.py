"""A statistic of rows: its value by hand, its interval's coverage, and rows kept together."""

import numpy as np
import pytest

from azeotrope.errors import Misconfigured
from azeotrope.math.stats.rows import of_rows


def test_the_value_is_that_of_all_rows_and_the_interval_covers_what_it_says() -> None:
    rng, inside = np.random.default_rng(0), 0
    for _ in range(300):
        values = rng.exponential(2.0, 60).tolist()
        found = of_rows([values], lambda each: each.mean(-1), rng=rng, draws=300)
        assert found.value == pytest.approx(np.mean(values))
        inside += found.low <= 2.0 <= found.high
    assert inside / 300 == pytest.approx(0.95, abs=0.045)


def test_rows_stay_whole() -> None:
    rng = np.random.default_rng(1)
    one = rng.uniform(1, 100, 50)
    found = of_rows([one.tolist(), (2 * one).tolist()], lambda a, b: b.sum(-1) / a.sum(-1), rng=rng, draws=200)
    assert found == pytest.approx((2.0, 2.0, 2.0)), "numbers of a row are drawn together"


@pytest.mark.parametrize("columns", [[[]], [[1.0], [1.0, 2.0]], []])
def test_columns_are_of_one_length(columns: list[list[float]]) -> None:
    with pytest.raises(Misconfigured, match="of one length"):
        of_rows(columns, lambda *each: each[0], rng=np.random.default_rng(0))
