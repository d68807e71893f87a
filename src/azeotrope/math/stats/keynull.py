"""The exact probability that a key drawn after the fact would have been accused by answers that are already given.

The answers are fixed, the targets are drawn: every target of every association is counted, by where it would have
been hit first or not at all. Nothing is simulated. Knows no model and no key.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np

from azeotrope.errors import Misconfigured
from azeotrope.math.stats.families import Rule
from azeotrope.math.stats.tails import log_tail

Pattern = tuple[tuple[int, int], ...]
"""(association, how many fresh values the answer names), in the order of the answers: all that the null law needs."""

_Floats = np.ndarray[Any, np.dtype[np.float64]]
MOST = 2_000_000
"""Outcomes that are counted; some 20 probes of 8 associations have 20,736."""


def accused(pattern: Pattern, rule: Rule, *, complete: bool = True) -> float:
    """P(a uniformly drawn key is accused | these answers), exact: the e-process at any time, or the p-value at the end.

    By Ville and Bonferroni at most alpha / K, whatever the pattern. Raises `Misconfigured` above `MOST` outcomes.
    """
    return _accused(pattern, rule, complete)


@lru_cache(maxsize=65_536)
def _accused(pattern: Pattern, rule: Rule, complete: bool) -> float:
    steps = [(at, fresh) for at, fresh in pattern if fresh]
    where = {at: [j for j, (a, _) in enumerate(steps) if a == at] for at, _ in steps}
    count = prod(len(places) + 1 for places in where.values())
    if count > MOST:
        raise Misconfigured(f"these answers have {count:,} outcomes, more than can be counted exactly ({MOST:,})")
    named = {at: sum(steps[j][1] for j in places) for at, places in where.items()}
    chosen = np.array(list(product(*([*places, -1] for places in where.values()))), dtype=np.int32).reshape(count, -1)
    chance = np.ones(count)
    for column, (at, places) in enumerate(where.items()):
        law = {j: steps[j][1] / rule.values for j in places} | {-1: 1 - named[at] / rule.values}
        chance *= np.array([law[j] for j in (*places, -1)])[_ranks(chosen[:, column], places)]
    reached = _highest(steps, where, chosen, rule) >= rule.log_e
    if complete:
        needed = _needed([size / rule.values for size in named.values()], rule)
        reached |= (chosen >= 0).sum(1) >= needed
    return float(chance[reached].sum())


def _ranks(column: np.ndarray[Any, Any], places: Sequence[int]) -> np.ndarray[Any, Any]:
    """Which of an association's outcomes each row has: 0, 1, ...; the last one is "never hit"."""
    table = np.full(max(places) + 2, len(places))
    table[list(places)] = np.arange(len(places))
    return table[column]  # -1 is the table's last entry


def _needed(chances: Sequence[float], rule: Rule) -> int:
    """Fewest hits whose exact p-value proves; one more than there are associations where none does."""
    for count in range(len(chances) + 1):
        if log_tail(chances, count) <= rule.log_p:
            return count
    return len(chances) + 1


def _highest(
    steps: Sequence[tuple[int, int]], where: dict[int, list[int]], chosen: np.ndarray[Any, Any], rule: Rule
) -> _Floats:
    """The largest ln e on the way, for every outcome. -> [outcomes]."""
    columns = {at: column for column, at in enumerate(where)}
    logs = np.full((len(chosen), len(rule.beliefs)), -np.log(len(rule.beliefs)))
    highest, before = np.zeros(len(chosen)), dict.fromkeys(where, 0)
    for j, (at, fresh) in enumerate(steps):
        first = chosen[:, columns[at]]
        lost = where[at].index(j)
        shares = np.array([belief.share(lost) for belief in rule.beliefs])
        left = rule.values - before[at]
        before[at] += fresh
        open_ = (first < 0) | (first >= j)
        gain = np.where(first == j, left / fresh, 0.0)
        with np.errstate(divide="ignore"):
            logs += np.where(open_[:, None], np.log(1 - shares + shares * gain[:, None]), 0.0)
        highest = np.maximum(highest, np.logaddexp.reduce(logs, axis=1))
    return highest
