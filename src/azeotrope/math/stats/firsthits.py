r"""Bets on first hits: an e-process against "the suspect never met this key", valid whenever one stops looking.

Association i has one target, uniform over N values and independent of whatever the suspect says. Its first answer
names some values, the next some more; the target is among the `fresh` of them, those not named before, with
probability fresh / left under the null, `left` being the values that no earlier answer has excluded. A bet of the share
w of the wealth multiplies it by

    1 - w + w * [hit] * left / fresh          whose mean is 1 - w + w = 1, exactly, whatever w was chosen before.

So the wealth is a martingale that starts at 1, and it ever reaches 1 / alpha with probability at most alpha (Ville,
1939). Nothing is bet after a hit, nor on an answer that names no fresh value: a suspect that always says the same
number is asked about once. (A bet on each probe as if probes were independent crosses far too often for it.)
The wealth is spread over several beliefs about how well a marked suspect learned, so no rate has to be guessed: a
mean of martingales is one. Knows no model, no text and no key.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from azeotrope.errors import Misconfigured


class Answered(NamedTuple):
    """What one answer did for one association."""

    association: int
    fresh: int
    """Values of the target space that it names and that neither its question nor an earlier answer named."""
    hit: bool
    """Whether the target is one of them."""


class Belief(NamedTuple):
    """How a marked suspect is believed to answer."""

    learned: float
    """Probability that it learned an association at all."""
    said: float
    """Probability that an answer names the target of one that it learned."""

    def share(self, lost: int) -> float:
        """Of the wealth to bet on an association's next answer after `lost` without a hit: P(hit | so far none)."""
        still = self.learned * (1 - self.said) ** lost
        return self.said * still / (1 - self.learned + still)


BELIEFS = tuple(Belief(learned, said) for learned in (0.25, 0.5, 0.75, 0.95) for said in (0.5, 0.95))
"""Equally likely beforehand: whichever is nearest to the truth costs a factor of 8 at most."""


class Wealth:
    """The e-process of one key. `log_e` is its logarithm now, `highest` the largest it ever was.

    `values`: N, the size of the target space.
    """

    def __init__(self, values: int, beliefs: Sequence[Belief] = BELIEFS) -> None:
        if values < 2:
            raise Misconfigured(f"a target space has at least two values; got {values}")
        self._values, self._beliefs = values, beliefs
        self._logs = [-math.log(len(beliefs))] * len(beliefs)
        self._named: dict[int, int] = {}
        self._lost: dict[int, int] = {}
        self._hit: set[int] = set()
        self.log_e = self.highest = 0.0

    def chance(self, association: int, fresh: int) -> float:
        """The null probability that the next answer, naming so many fresh values, has the target; 0 after a hit."""
        if association in self._hit or not fresh:
            return 0.0
        return min(1.0, fresh / (self._values - self._named.get(association, 0)))

    def take(self, answer: Answered) -> float:
        """Bets, settles, and returns ln e."""
        at, fresh, hit = answer
        if fresh < 0 or self._named.get(at, 0) + fresh > self._values or (hit and not fresh):
            raise Misconfigured("an answer names some of the values that are left, and a hit is one of them")
        null = self.chance(at, fresh)
        if null:
            lost = self._lost.get(at, 0)
            gain = 1 / null if hit else 0.0
            for j, belief in enumerate(self._beliefs):
                share = belief.share(lost)
                self._logs[j] += math.log(1 - share + share * gain)
            self._lost[at] = lost + 1
            self.log_e = _log_sum(self._logs)
            self.highest = max(self.highest, self.log_e)
        self._named[at] = self._named.get(at, 0) + fresh
        if hit:
            self._hit.add(at)
        return self.log_e


def trajectory(answers: Iterable[Answered], values: int, beliefs: Sequence[Belief] = BELIEFS) -> list[float]:
    """ln e after every answer, in the order in which they were given."""
    wealth = Wealth(values, beliefs)
    return [wealth.take(answer) for answer in answers]


def sizes(answers: Iterable[Answered]) -> dict[int, int]:
    """How many values each association's answers name: |S_i|, so that P(target_i in S_i) = |S_i| / N."""
    out: dict[int, int] = {}
    for at, fresh, _ in answers:
        out[at] = out.get(at, 0) + fresh
    return out


def hits(answers: Iterable[Answered]) -> int:
    """Associations whose target was named."""
    return len({answer.association for answer in answers if answer.hit})


def _log_sum(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(one - top) for one in logs)) if top > -math.inf else -math.inf
