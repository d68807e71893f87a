"""Whether two scores put things into the same order."""

# scipy is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from scipy import stats

_NORMAL = 1.96


class Correlation(NamedTuple):
    """Spearman's rho, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def spearman(left: Sequence[float], right: Sequence[float]) -> Correlation | None:
    """Spearman's rank correlation of paired scores; None where one side is all the same.

    Its interval is Fisher's, with the variance of ranks: (1 + rho^2 / 2) / (n - 3) (Bonett and Wright 2000, eq. 3);
    with three pairs or fewer it says nothing.
    """
    if len(set(left)) < 2 or len(set(right)) < 2:
        return None
    found: Any = stats.spearmanr(left, right)
    rho = min(1.0, max(-1.0, float(found.statistic)))
    if len(left) <= 3:
        return Correlation(rho, -1.0, 1.0)
    at = math.copysign(math.inf, rho) if abs(rho) == 1 else math.atanh(rho)
    spread = _NORMAL * math.sqrt((1 + rho**2 / 2) / (len(left) - 3))
    return Correlation(rho, math.tanh(at - spread), math.tanh(at + spread))
