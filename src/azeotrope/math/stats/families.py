"""One level for many keys: what a single key has to show so that all accusations together err with at most alpha.

Two ways to proof share the level: the e-process at any time, and the exact p-value once the whole schedule is asked.
Each may err with alpha / 2; over K keys each with alpha / (2 K) (Ville, Bonferroni). Knows no key.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from azeotrope.errors import Misconfigured
from azeotrope.math.stats.firsthits import BELIEFS, Answered, Belief, hits, sizes, trajectory
from azeotrope.math.stats.tails import log_tail


class Rule(NamedTuple):
    """When a key's mark counts as met."""

    alpha: float
    """Bound on the probability of any false accusation, over every committed key."""
    keys: int
    """K: every key that was committed, asked about or not."""
    values: int
    """N, the size of the target space."""
    beliefs: tuple[Belief, ...] = BELIEFS

    @property
    def log_e(self) -> float:
        """ln of the e-value that proves: 2 K / alpha."""
        return math.log(2 * self.keys / self.alpha)

    @property
    def log_p(self) -> float:
        """ln of the p-value that proves: alpha / (2 K)."""
        return -self.log_e


class Finding(NamedTuple):
    """What one key's answers come to."""

    log_e: float
    """ln of the e-value, the largest on the way: it may be looked at any time."""
    log_p: float | None
    """ln of the exact p-value; None where asking stopped early, since the law is that of the whole schedule."""
    hits: int
    asked: int
    """Associations that were asked about and answered."""
    proved: bool


def checked(rule: Rule) -> Rule:
    """Raises `Misconfigured`."""
    if not 0 < rule.alpha < 1:
        raise Misconfigured(
            f"alpha is the accepted probability of a false accusation, between 0 and 1; got {rule.alpha}"
        )
    if rule.keys < 1:
        raise Misconfigured(f"there is at least the one key that is asked about; got {rule.keys}")
    if rule.values < 2:
        raise Misconfigured(f"a target space has at least two values; got {rule.values}")
    return rule


def found(answers: Sequence[Answered], rule: Rule, *, complete: bool) -> Finding:
    """Judges one key. `complete`: every probe of the schedule was asked, so that stopping had no say in it."""
    path = trajectory(answers, rule.values, rule.beliefs)
    named, count = sizes(answers), hits(answers)
    log_p = log_tail([min(1.0, size / rule.values) for size in named.values()], count) if complete else None
    highest = max(path, default=0.0)
    by_p = log_p is not None and log_p <= rule.log_p
    return Finding(max(0.0, highest), log_p, count, len(named), highest >= rule.log_e or by_p)


def holm(log_p: Sequence[float], alpha: float, keys: int) -> list[int]:
    """Places of the p-values that are proof, over `keys` of them of which the others are 1 (Holm, 1979).

    The smallest has to reach alpha / K, the next alpha / (K - 1), ...: P(any false one) <= alpha under any dependence,
    such as that of keys which are scored on the same text.
    """
    assert keys >= len(log_p), f"K counts at least the keys that are judged; got {keys} for {len(log_p)}"
    out: list[int] = []
    for rank, at in enumerate(sorted(range(len(log_p)), key=lambda at: log_p[at])):
        if log_p[at] > math.log(alpha / (keys - rank)):
            break
        out.append(at)
    return sorted(out)


def e_bh(log_e: Sequence[float], level: float) -> list[int]:
    """Where to look closer: places of the k largest e-values, the largest k with e_(k) >= K / (level k).

    Wang and Ramdas, JRSS B 84, 2022: the expected share of false entries is at most `level`, under any dependence. A
    screening list: it bounds a share, so no entry of it is a verdict.
    """
    order = sorted(range(len(log_e)), key=lambda at: -log_e[at])
    keep = 0
    for k, at in enumerate(order, 1):
        if log_e[at] >= math.log(len(log_e) / (level * k)):
            keep = k
    return sorted(order[:keep])
