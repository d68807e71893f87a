"""What a student would have shown by the very answers that were given: the power that stands beside a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from azeotrope.math.stats import Answered, Belief, Rule, log_tail, tail

CLAIMED = 0.9
"""The hit rate that `Judged.power` speaks of."""


def power(answers: Sequence[Answered], rule: Rule, *, complete: bool) -> float:
    """P(proof) for a student that names 9 of 10 associations, given how many values these answers name.

    By the p-value where there is one (`complete`), else by what the wealth comes to at least: a lower bound either way.
    """
    named = _named(answers)
    needed = _by_p(named, rule) if complete else _by_wealth(named, rule)
    return tail([CLAIMED] * len(named), needed)


def _named(answers: Sequence[Answered]) -> list[list[int]]:
    """Of each association that was answered, how many values its answers name. Whoever names a target names one."""
    out: dict[int, list[int]] = {}
    for at, fresh, _ in answers:
        out.setdefault(at, []).extend([fresh] * (fresh > 0))
    return [sizes or [1] for sizes in out.values()]


def _by_p(named: Sequence[Sequence[int]], rule: Rule) -> int:
    """Fewest hits whose exact p-value proves; one more than there are associations where none does."""
    chances = [min(1.0, sum(sizes) / rule.values) for sizes in named]
    return next((hits for hits in range(len(named) + 1) if log_tail(chances, hits) <= rule.log_p), len(named) + 1)


def _by_wealth(named: Sequence[Sequence[int]], rule: Rule) -> int:
    """Fewest hits whose wealth proves, whichever associations they are of and whichever answers they come with."""
    logs = [list(_worst(named, belief, rule.values)) for belief in rule.beliefs]
    wealth = (math.log(sum(math.exp(log) for log in at) / len(at)) for at in zip(*logs, strict=True))
    return next((hits for hits, log in enumerate(wealth) if log >= rule.log_e), len(named) + 1)


def _worst(named: Sequence[Sequence[int]], belief: Belief, values: int) -> Iterator[float]:
    """ln of what one belief's stake is worth in the end at least, after 0, 1, ... hits."""
    lost = [sum(math.log1p(-belief.share(at)) for at in range(len(sizes))) for sizes in named]
    gained = sorted(_latest(sizes, belief, values) - all_ for sizes, all_ in zip(named, lost, strict=True))
    log = sum(lost)
    yield log
    for gain in gained:
        log += gain
        yield log


def _latest(sizes: Sequence[int], belief: Belief, values: int) -> float:
    """ln of one association's factor where the hit comes with the answer that pays least."""
    before, lost, worst = 0, 0.0, math.inf
    for at, size in enumerate(sizes):
        share = belief.share(at)
        worst = min(worst, lost + math.log(1 - share + share * (values - before) / size))
        before, lost = before + size, lost + math.log1p(-share)
    return worst
