"""A reflection model by rule: it proposes edits of an instruction of the grammar, from what it reads. Shipped.

`Scripted`, so that a search can be proven without a large model. It is told what any reflection model is told, text
alone: the goal, instructions with what came of each, and the one to improve. It reads which clause went with which
damage, share of traces kept and readability, adds up the clauses' effects, and proposes what looks best of what was not
tried, few clauses away. No table, no task, no memory.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache, cached_property
from statistics import fmean
from typing import NamedTuple

from msgspec.structs import asdict

from azeotrope.codec import digest
from azeotrope.models.fake import Scripted
from azeotrope.optimize.grammar import CLAUSES, Point, instruction, points, understood
from azeotrope.optimize.plan import Floors
from azeotrope.optimize.records import Candidate
from azeotrope.optimize.reflecting import CURRENT, TRIED, asked
from azeotrope.types import Request

CURIOUS = 0.1
"""How often it proposes any untried edit instead."""
UNSEEN = 0.3
"""Damage hoped for of an option that no instruction had; of one that n had, a share 1 / (1 + n)."""
STRICT, BELOW, CLOSE = 2.0, 0.3, 0.01
"""Damage that a whole missing floor outweighs; that any shortfall outweighs; what is no shortfall."""
TREMBLE = 0.1
"""Spread of what it hopes for at temperature 1: asked again, it may say something else."""
FAR = 0.02
"""What a clause said otherwise than in the instruction at hand must promise."""
_SWEEPS, _PROBES = 6, 20
_STEADY, _FICKLE = 0.2, 1.5
"""Cases of no effect that are added to an option's own: readability goes clause by clause, checks do not."""
_MEASURES = {
    "damage": re.compile(r"damage (-?[\d.]+) points"),
    "nats": re.compile(r"loss ([-+][\d.]+) nats"),
    "kept": re.compile(r"traces kept (\d+)%, at least (\d+)%"),
    "readable": re.compile(r"readability ([\d.]+), at least ([\d.]+)"),
}
Part = tuple[str, str]
Effects = dict[Part, float]
MEAN: Part = ("", "")
_ALL: tuple[Part, ...] = tuple((clause, option) for clause, options in CLAUSES.items() for option in options)


class Read(NamedTuple):
    """One instruction and what came of it, as the prompt tells it."""

    point: Point
    damage: float | None
    kept: float
    readable: float
    floors: tuple[float, float]


def reflector() -> Scripted:
    """The reflection model."""
    return _Edits(_reflect, name="edits")


class _Edits(Scripted):
    @cached_property
    def edition(self) -> str:
        """Digest of what it says to one prompt, asked again and again: another rule's words are not this one's."""
        texts = [instruction(point) for point in list(points())[::5]]
        tried = [Candidate(text, text, "full", "", (), 1.0, 0.9, at / len(texts)) for at, text in enumerate(texts)]
        prompt = asked(tried, [], Floors())
        return digest([_reflect(Request.of(prompt, seed=seed)) for seed in range(_PROBES)])


def _reflect(request: Request) -> str:
    text = str(request.messages[-1].get("content"))
    chance = random.Random(digest([text, request.sampling.get("seed")]))  # noqa: S311 - a choice, not a secret
    read = [found for told, outcome in TRIED.findall(text) if (found := _read(told, outcome))]
    begin = _current(text) or (max(read, key=_scored).point if read else Point())
    return f"```\n{instruction(_edit(begin, read, chance, float(request.sampling.get('temperature', 1.0))))}\n```"


def _read(told: str, outcome: str) -> Read | None:
    found = {name: pattern.search(outcome) for name, pattern in _MEASURES.items()}
    kept, readable, damage, nats = found["kept"], found["readable"], found["damage"], found["nats"]
    if not kept or not readable:
        return None
    harm = float(damage[1]) / 100 if damage else 1 - math.exp(-max(0.0, float(nats[1]))) if nats else None
    floors = float(kept[2]) / 100, float(readable[2])
    return Read(understood(told), harm, float(kept[1]) / 100, float(readable[1]), floors)


def _scored(one: Read) -> float:
    return (one.damage or 0.0) - STRICT * _short(one.kept, one.readable, one.floors)


def _short(kept: float, readable: float, floors: tuple[float, float]) -> float:
    return max(0.0, floors[0] - kept) + max(0.0, floors[1] - readable)


def _current(text: str) -> Point | None:
    """The instruction that is to be improved, where the prompt has one."""
    _, found, after = text.partition(f'{CURRENT}\n"""\n')
    return understood(after.partition('\n"""')[0]) if found else None


def _edit(begin: Point, read: Sequence[Read], chance: random.Random, warmth: float) -> Point:
    tried = {begin, *(one.point for one in read)}
    left = [one for one in points() if one not in tried] or list(points())
    if not read or chance.random() < CURIOUS:
        return chance.choice(left)
    damage = _effects([(one.point, one.damage) for one in read if one.damage is not None], _STEADY)
    kept = _effects([(one.point, one.kept) for one in read], _FICKLE)
    readable = _effects([(one.point, one.readable) for one in read], _STEADY)
    known = Counter(part for one in read for part in _parts(one.point))

    def hope(point: Point) -> float:
        short = _short(_sum(kept, point), _sum(readable, point), read[0].floors)
        lost = STRICT * short + BELOW * (short > CLOSE)
        new = sum(UNSEEN / (1 + known[part]) for part in _parts(point))
        return _sum(damage, point) - lost + new - FAR * len(set(_parts(point)) - set(_parts(begin)))

    return max(left, key=lambda one: hope(one) + chance.gauss(0.0, TREMBLE * warmth))


def _effects(seen: Sequence[tuple[Point, float]], doubt: float) -> Effects:
    """(clause, option) -> what it adds, by backfitting; few cases are doubted."""
    mean = fmean(value for _, value in seen) if seen else 0.0
    left = [value - mean for _, value in seen]
    places = {part: [at for at, (point, _) in enumerate(seen) if part in _parts(point)] for part in _ALL}
    found: Effects = {MEAN: mean, **dict.fromkeys(_ALL, 0.0)}
    for _ in range(_SWEEPS):
        for part, here in places.items():
            own = found[part]
            found[part] = sum(left[at] + own for at in here) / (len(here) + doubt)
            for at in here:
                left[at] += own - found[part]
    return found


def _sum(effects: Effects, point: Point) -> float:
    total = effects[MEAN]
    for part in _parts(point):
        total += effects[part]
    return total


@cache
def _parts(point: Point) -> tuple[Part, ...]:
    return tuple(asdict(point).items())
