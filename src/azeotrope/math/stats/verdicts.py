"""One model's verdicts, or two models' on the same problems: intervals and the exact paired test.

A problem that could not be asked is neither right nor wrong: it leaves the count, and a pair leaves with either half.
Knows nothing of seeds: these say how sure one trained model's score is, not how another training would have come out.
"""

# scipy is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from azeotrope.errors import Misconfigured
from azeotrope.types import LETTERS

Verdicts = str | Sequence[bool]
"""One a problem, in the problems' order: a `Score`'s letters, or whether it was right."""

Array = np.ndarray[Any, np.dtype[np.float64]]


class Interval(NamedTuple):
    """Both ends belong to it."""

    low: float
    high: float


class Estimate(NamedTuple):
    """A number and its interval."""

    value: float
    low: float
    high: float


class McNemar(NamedTuple):
    """`p_value`, and what it rests on: the problems on which exactly one of the two is right."""

    p_value: float
    lost: int
    """Right first, wrong second."""
    gained: int
    """Wrong first, right second."""


def wilson(correct: int, asked: int, level: float = 0.95) -> Interval:
    """Score interval for a rate (Wilson, JASA 22, 1927, page 209), without continuity correction.

    It covers `level` on average over rates; near 0 and 1 the least coverage is lower (0.84 at 95 %, about 0.18 of the
    asked expected right). [0, 1] where nothing was asked.
    """
    _level(level)
    if not 0 <= correct <= asked:
        raise Misconfigured(f"correct counts some of the asked; got {correct} of {asked}")
    if asked == 0:
        return Interval(0.0, 1.0)
    found = stats.binomtest(correct, asked).proportion_ci(level, method="wilson")
    return Interval(float(found.low), float(found.high))


def mcnemar(first: Verdicts, second: Verdicts) -> McNemar:
    """Exact two-sided test that both are right equally often, on the same problems (McNemar, Psychometrika 12, 1947).

    Where they differ, on n problems, who is right is a fair coin: P(|B - n/2| >= |lost - n/2|), B ~ Bin(n, 1/2).
    Not the mid-p variant, so never too small; 1 where they never differ.
    """
    before, after = _pairs(first, second)
    lost, gained = int((before > after).sum()), int((before < after).sum())
    p_value = stats.binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    return McNemar(float(p_value), lost, gained)


def paired_difference(first: Verdicts, second: Verdicts, level: float = 0.95) -> Estimate:
    """Rate of second minus rate of first on the same problems, with the adjusted Wald interval for pairs.

    Bonett and Price, J. Educ. Behav. Stat. 37, 2012: one is added to both kinds of disagreement and two to the pairs.
    The value is the plain difference, so it need not be the interval's middle.
    """
    _level(level)
    before, after = _pairs(first, second)
    if not len(before):
        raise Misconfigured("no problem was asked of both: there is no pair to compare")
    lost, gained, pairs = (before > after).sum() + 1, (before < after).sum() + 1, len(before) + 2
    middle = (gained - lost) / pairs
    reach = stats.norm.ppf((1 + level) / 2) * np.sqrt(((gained + lost) / pairs - middle**2) / pairs)
    low, high = max(-1.0, middle - reach), min(1.0, middle + reach)
    return Estimate(float(after.mean() - before.mean()), float(low), float(high))


def right_and_asked(verdicts: Verdicts) -> tuple[Array, Array]:
    """Two arrays of 0 and 1, one a problem."""
    if not isinstance(verdicts, str):
        right = np.asarray(verdicts, dtype=bool).astype(np.float64)
        return right, np.ones_like(right)
    unknown = set(verdicts) - set(LETTERS.values())
    if unknown:
        raise Misconfigured(f"verdicts are written with {''.join(LETTERS.values())}; got {''.join(sorted(unknown))}")
    letters = np.array(list(verdicts), dtype="U1")
    return (letters == "+").astype(np.float64), (letters != "?").astype(np.float64)


def _pairs(first: Verdicts, second: Verdicts) -> tuple[Array, Array]:
    if len(first) != len(second):
        raise Misconfigured(f"pairs need the same problems on both sides; got {len(first)} and {len(second)}")
    (before, had), (after, has) = right_and_asked(first), right_and_asked(second)
    both = (had > 0) & (has > 0)
    return before[both], after[both]


def _level(level: float) -> None:
    if not 0 < level < 1:
        raise Misconfigured(f"level is the share of intervals that cover, between 0 and 1; got {level}")
