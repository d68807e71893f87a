"""Exact tails of counts of independent events, down to where a float has long underflowed; bounds for a rate.

Sums of probabilities are sums of positive numbers: nothing cancels, so every tail is exact to some n * 1e-16 relative,
and none is simulated (a simulated p-value of D draws is never below 1 / (1 + D)). Knows nothing of what is counted.
"""

# scipy is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from azeotrope.errors import Misconfigured
from azeotrope.math.stats.verdicts import Interval

_UNDERFLOWS = 1e-280
"""Where a tail as a float begins to lose digits."""
_BLOCK, _NOTHING = 4096, 50.0
"""Terms at a time; and what all that follow may be below the sum, in nats, to be left out."""


def log_tail(chances: Sequence[float], count: int) -> float:
    """ln P(at least `count` of the independent events happen), event i with probability chances[i]; -inf where never.

    The Poisson-binomial law by convolution, one event after the other, in logarithms: O(n * count). Terms of `count`
    and more are kept as one, so the tail is summed and never taken from 1.
    """
    _checked(chances)
    if count <= 0:
        return 0.0
    if count > len(chances):
        return -math.inf
    logs = [0.0] + [-math.inf] * count  # logs[j]: exactly j so far; the last one: at least `count`
    for chance in chances:
        happens, fails = _log(chance), _log1m(chance)
        logs[count] = _log_sum(logs[count], logs[count - 1] + happens)
        for j in range(count - 1, 0, -1):
            logs[j] = _log_sum(logs[j] + fails, logs[j - 1] + happens)
        logs[0] += fails
    return min(0.0, logs[count])


def log_binomial_tail(count: int, trials: int, chance: float) -> float:
    """ln P(at least `count` of `trials` independent events happen, each with `chance`); -inf where never.

    `log_tail` for equal chances, as exact however many trials there are, and in the memory of one block of terms.
    """
    from scipy.special import logsumexp
    from scipy.stats import binom

    _checked([chance])
    if count <= 0:
        return 0.0
    if count > trials or chance == 0:
        return -math.inf
    whole = float(binom.sf(count - 1, trials, chance))
    if whole > _UNDERFLOWS:
        return min(0.0, math.log(whole))
    total = -math.inf
    for start in range(count, trials + 1, _BLOCK):  # so far above the mean each term is less than the one before
        these: Any = binom.logpmf(range(start, min(start + _BLOCK, trials + 1)), trials, chance)
        terms: list[float] = these.tolist()
        summed: Any = logsumexp(terms)
        total = _log_sum(total, float(summed))
        if terms[-1] + math.log(trials) < total - _NOTHING:
            break
    return total


def tail(chances: Sequence[float], count: int) -> float:
    """P(at least `count` of the independent events happen); 0.0 below some 1e-308, where `log_tail` goes on."""
    return math.exp(log_tail(chances, count))


def clopper_pearson(hits: int, asked: int, level: float = 0.95) -> Interval:
    """Exact interval for a rate (Clopper and Pearson, Biometrika 26, 1934): covers at least `level`, whatever the rate.

    It is what a claim such as "TPR >= 0.99" is held to: 368 of 368 are the fewest whose lower end reaches 0.99 at
    95 %. [0, 1] where nothing was asked.
    """
    from scipy import stats

    if not 0 < level < 1:
        raise Misconfigured(f"level is the share of intervals that cover, between 0 and 1; got {level}")
    if not 0 <= hits <= asked:
        raise Misconfigured(f"hits counts some of the asked; got {hits} of {asked}")
    if asked == 0:
        return Interval(0.0, 1.0)
    found = stats.binomtest(hits, asked).proportion_ci(level, method="exact")
    return Interval(float(found.low), float(found.high))


def _checked(chances: Sequence[float]) -> None:
    for chance in chances:
        if not 0.0 <= chance <= 1.0:
            raise Misconfigured(f"a probability is between 0 and 1; got {chance}")


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _log1m(x: float) -> float:
    return math.log1p(-x) if x < 1 else -math.inf


def _log_sum(a: float, b: float) -> float:
    """ln(e^a + e^b)."""
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))
