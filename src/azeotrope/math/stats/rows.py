"""A statistic of independent rows, such as traces with several numbers each: its interval by resampling the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from azeotrope.errors import Misconfigured
from azeotrope.math.stats.verdicts import Array, Estimate


def of_rows(
    columns: Sequence[Sequence[float]], statistic: Callable[..., Array], *, rng: np.random.Generator,
    level: float = 0.95, draws: int = 10_000,
) -> Estimate:  # fmt: skip
    """The statistic of all rows and its percentile interval (Efron 1979, Ann. Statist. 7).

    `columns`: equally long, a row's numbers at the same place in each. `statistic`: takes one array a column,
    [..., rows], and reduces the last axis.
    """
    found = [np.asarray(column, dtype=float) for column in columns]
    sizes = {len(column) for column in found}
    if len(sizes) != 1 or not sizes.pop():
        raise Misconfigured(f"columns are of one length, 1 at least; got {', '.join(str(len(one)) for one in found)}")
    picks = rng.integers(0, len(found[0]), (draws, len(found[0])))
    drawn = statistic(*(column[picks] for column in found))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(statistic(*found)), float(low), float(high))
