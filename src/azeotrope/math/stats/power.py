"""How likely proof is, before anything is deployed: from marked responses to the verdict, without simulation.

Every marked response tells one association, chosen evenly by the key: an association among A is met Bin(n, 1/A) times,
and counts as learned from `exposures` on. One that is learned is named with the hit rate p; repeated asking is assumed
to add nothing, which is cautious. Associations count as independent of one another (the exposures are multinomial, so
very slightly negatively dependent). Where the learning curve really lies is for experiments to say, not for this file.
"""

# scipy is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from typing import NamedTuple

from azeotrope.errors import Misconfigured
from azeotrope.math.stats.families import Rule
from azeotrope.math.stats.tails import log_tail

EXPOSURES = 320
"""Readings after which the lab's tiny students name nine associations in ten and nine of ten students are proved: the
slow case. SmolLM2-135M fine-tuned in full took 12 to 36, and by LoRA named nothing after 57: measure it for those you
expect."""


class Power(NamedTuple):
    """The probability of proof for one choice."""

    associations: int
    """Asked about; as many again stay unspent."""
    probes: int
    needed: int
    """Hits that prove; more than `associations` where none do."""
    probability: float


def learned(marked: int, associations: int, exposures: int = EXPOSURES) -> float:
    """P(one of `associations` is met at least `exposures` times in `marked` responses that tell one each)."""
    from scipy import stats

    if min(marked, associations - 1, exposures - 1) < 0:
        raise Misconfigured("marked responses are at least 0, associations and exposures at least 1")
    return float(stats.binom.sf(exposures - 1, marked, 1 / associations))


def needed(associations: int, probes: int, rule: Rule) -> int:
    """Fewest hits among the associations that prove by the exact p-value, each answer naming one value of its own."""
    chances = _chances(associations, probes, rule)
    fits = (hits for hits in range(len(chances) + 1) if log_tail(chances, hits) <= rule.log_p)
    return next(fits, associations + 1)


def proof(rate: float, associations: int, probes: int, rule: Rule) -> Power:
    """P(proof) where each association is named with probability `rate` at its first asking, or never.

    Exact for that suspect: by the exact p-value at the end, or by the e-process on the way (a walk over how many
    associations were hit and missed: in the first round the wealth depends on nothing else, and later it only falls).
    """
    if not 0 <= rate <= 1:
        raise Misconfigured(f"a hit rate is between 0 and 1; got {rate}")
    fewest = needed(associations, probes, rule)
    open_, reached = {0: 1.0}, 0.0
    for step in range(1, min(associations, probes) + 1):
        after: dict[int, float] = {}
        for hits, mass in open_.items():
            after[hits] = after.get(hits, 0.0) + mass * (1 - rate)
            after[hits + 1] = after.get(hits + 1, 0.0) + mass * rate
        proved = [hits for hits in after if _log_e(hits, step - hits, rule) >= rule.log_e]
        reached += sum(after.pop(hits) for hits in proved)
        open_ = after
    reached += sum(mass for hits, mass in open_.items() if hits >= fewest)
    return Power(associations, probes, fewest, min(1.0, reached))


def fewest_marked(
    wanted: float, rate: float, issued: int, probes: int, rule: Rule, *, exposures: int = EXPOSURES
) -> int | None:  # fmt: skip
    """Fewest marked responses with P(proof) >= `wanted`; None where even full learning does not reach it.

    `issued` associations, the first half of which is asked about.
    """

    def reaches(marked: int) -> bool:
        return proof(rate * learned(marked, issued, exposures), issued // 2, probes, rule).probability >= wanted

    if proof(rate, issued // 2, probes, rule).probability < wanted:
        return None
    low, high = 0, 1
    while not reaches(high):
        low, high = high, 2 * high
        if high > _ENOUGH:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high


_ENOUGH = 100_000_000


def _log_e(hits: int, misses: int, rule: Rule) -> float:
    """ln e after one answer an association, each naming one value."""
    logs = [
        hits * math.log(1 - share + share * rule.values) + misses * math.log(1 - share)
        for share in (belief.share(0) for belief in rule.beliefs)
    ]
    top = max(logs)
    return top + math.log(sum(math.exp(one - top) for one in logs) / len(logs))


def _chances(associations: int, probes: int, rule: Rule) -> list[float]:
    """|S_i| / N where every answer names one value that was not named before; probes go round the associations."""
    rounds, over = divmod(probes, associations)
    return [min(1.0, (rounds + (at < over)) / rule.values) for at in range(min(associations, probes))]
