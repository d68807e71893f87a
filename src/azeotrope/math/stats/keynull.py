"""The exact probability that a key drawn after the fact would have been accused by answers that are already given.

The answers are fixed, the targets are drawn: every target of every association is counted, by where it would have
been hit first or not at all. Nothing is simulated. Knows no model and no key.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, islice, product
from typing import Any

import numpy as np

from azeotrope.errors import Misconfigured
from azeotrope.math.stats.families import Rule
from azeotrope.math.stats.tails import log_tail, tail

Pattern = tuple[tuple[int, int], ...]
"""(association, how many fresh values the answer names), in the order of the answers: all that the null law needs."""

_Floats = np.ndarray[Any, np.dtype[np.float64]]
_PAGE = 20_000
"""Outcomes in memory at a time."""
MOST = 2_000_000
"""Outcomes that are counted; most need none, since few hits never prove and many always do."""


def accused(pattern: Pattern, rule: Rule, *, complete: bool = True, most: int = MOST) -> float:
    """P(a uniformly drawn key is accused | these answers), exact: the e-process at any time, or the p-value at the end.

    By Ville and Bonferroni at most alpha / K, whatever the pattern. Raises `Misconfigured` above `most` outcomes.
    """
    return _accused(pattern, rule, complete, most)


@lru_cache(maxsize=65_536)
def _accused(pattern: Pattern, rule: Rule, complete: bool, most: int) -> float:
    steps = [(at, fresh) for at, fresh in pattern if fresh]
    if not steps:
        return 0.0
    where = {at: [j for j, (a, _) in enumerate(steps) if a == at] for at, _ in steps}
    chances = [sum(steps[j][1] for j in places) / rule.values for places in where.values()]
    surely = _needed(chances, rule) if complete else len(where) + 1  # from so many hits on the p-value proves
    total = tail(chances, surely) if surely <= len(where) else 0.0
    sizes = range(_fewest(steps, where, rule), surely)
    if _count(where, sizes) > most:  # before any of them is made
        raise Misconfigured(f"these answers have more outcomes than are to be counted ({most:,})")
    laws = [np.array([steps[j][1] / rule.values if a == at else 0.0 for j, (a, _) in enumerate(steps)]
                     + [1 - chance]) for at, chance in zip(where, chances, strict=True)]  # fmt: skip
    outcomes = _outcomes(where, sizes)
    while page := list(islice(outcomes, _PAGE)):
        rows = np.array(page, dtype=np.int32)
        reached = _highest(steps, where, rows, rule) >= rule.log_e
        chance = np.ones(len(rows))
        for column, law in enumerate(laws):
            chance *= law[rows[:, column]]  # -1, never hit, is the last
        total += float(chance[reached].sum())
    return min(1.0, total)


def _count(where: dict[int, list[int]], sizes: Sequence[int]) -> int:
    """How many outcomes there are: elementary symmetric polynomials of how often each association is asked."""
    of = [1] + [0] * max(sizes, default=0)
    for places in where.values():
        for size in range(len(of) - 1, 0, -1):
            of[size] += len(places) * of[size - 1]
    return sum(of[size] for size in sizes)


def _outcomes(where: dict[int, list[int]], sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Where each association is hit first, -1 for never; those with so many hits."""
    for size in sizes:
        for hit in combinations(range(len(where)), size):
            choices = [places if column in hit else [-1] for column, places in enumerate(where.values())]
            yield from product(*choices)


def _fewest(steps: Sequence[tuple[int, int]], where: dict[int, list[int]], rule: Rule) -> int:
    """A number of hits below which no wealth can reach the bound: a hit gains left / fresh at most, a miss nothing."""
    gains = sorted(
        (math.log(rule.values / min(steps[j][1] for j in places)) for places in where.values()), reverse=True
    )
    return next((hits for hits in range(len(gains)) if sum(gains[:hits]) >= rule.log_e - 1e-9), len(gains))


def _needed(chances: Sequence[float], rule: Rule) -> int:
    """Fewest hits whose exact p-value proves; one more than there are associations where none does."""
    fits = (hits for hits in range(len(chances) + 1) if log_tail(chances, hits) <= rule.log_p)
    return next(fits, len(chances) + 1)


def _highest(
    steps: Sequence[tuple[int, int]], where: dict[int, list[int]], rows: np.ndarray[Any, Any], rule: Rule
) -> _Floats:
    """The largest ln e on the way, for every outcome. -> [outcomes]."""
    columns = {at: column for column, at in enumerate(where)}
    logs = np.full((len(rows), len(rule.beliefs)), -np.log(len(rule.beliefs)))
    highest, before = np.zeros(len(rows)), dict.fromkeys(where, 0)
    for j, (at, fresh) in enumerate(steps):
        first = rows[:, columns[at]]
        shares = np.array([belief.share(where[at].index(j)) for belief in rule.beliefs])
        gain = np.where(first == j, (rule.values - before[at]) / fresh, 0.0)
        before[at] += fresh
        bets = (first < 0) | (first >= j)
        logs += np.where(bets[:, None], np.log(1 - shares + shares * gain[:, None]), 0.0)
        highest = np.maximum(highest, np.logaddexp.reduce(logs, axis=1))
    return highest
