"""Looks at a map: how it does on what was held out, what is seen through it, which controls cost as much.

Knows no optimiser.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from azeotrope import catalog
from azeotrope.fit.bench import Bench
from azeotrope.fit.descent import mean
from azeotrope.fit.results import Check, Sight
from azeotrope.math.information import Centroids, Objective, measured
from azeotrope.math.lowrank import LowRank, applied, length
from azeotrope.measure import score
from azeotrope.protocols import Given, OpenModel, Shape
from azeotrope.types import Score

STRENGTHS = {
    "sharpen": ("temper", "temperature", 1.0, 0.02),
    "smooth": ("temper", "temperature", 1.0, 50.0),
    "noise": ("noise", "deviation", 1e-3, 20.0),
    "scramble": ("scramble", "strength", 1e-3, 20.0),
}
"""control -> (defense, its member, where it does nothing, where it does far too much)."""


def objective(bench: Bench) -> Objective:
    """The recipe's, for a step."""
    recipe = bench.plan.purifier
    return Objective(recipe.alpha, recipe.weight, bench.plan.shows.rule(), recipe.block)


def shape(bench: Bench, m: LowRank) -> Shape:
    """The map as it is shown."""
    rule = bench.plan.shows.rule()

    def shaped(ids: Tensor, logits: Tensor) -> Tensor:
        return rule(applied(m.to(logits.float()), logits.float()), logits.float())

    return shaped


async def checked(bench: Bench, m: LowRank, step: int) -> Check:
    """What the map is worth at this step."""
    how = objective(bench)._replace(weight=1.0)
    parts = bench.parts(bench.held, 0)
    cross_entropy, cosine = mean([(measured(m, tail, text, how), share) for tail, text, share in parts])
    teacher = await graded(bench, bench.teacher.shaped(shape(bench, m)))
    return Check(step, cross_entropy, cosine, teacher, length(m))


async def graded(bench: Bench, teacher: OpenModel) -> Score:
    """On the problems that choose."""
    return (await score(teacher, bench.task, bench.asked)).score


class Seen(NamedTuple):
    """Both sides on held-out texts."""

    plain: Sight
    shaped: Sight
    tokens: int
    """That the CMI estimates rest on."""
    agreement: float


@torch.no_grad()
def seen(bench: Bench, m: LowRank) -> Seen:
    """What the logits look like, bare and through the map."""
    through = shape(bench, m)
    sides = _Side(), _Side()
    same = count = 0
    for text in bench.seen():
        shaped = through(None, text.logits)
        for side, logits in zip(sides, (text.logits, shaped), strict=True):
            side.add(logits, text.labels)
        same += int((shaped.argmax(-1) == text.logits.argmax(-1)).sum())
        count += len(text.labels)
    return Seen(sides[0].sight(), sides[1].sight(), sides[0].centroids.found().tokens, same / count)


class _Side:
    def __init__(self) -> None:
        self.centroids = Centroids()
        self._cross, self._entropy, self._count = 0.0, 0.0, 0

    def add(self, logits: Tensor, labels: Tensor) -> None:
        known = labels < logits.shape[-1]
        self._cross += float(functional.cross_entropy(logits[known], labels[known], reduction="sum"))
        self._entropy += float(torch.special.entr(logits.softmax(-1)).sum())
        self._count += len(labels)
        self.centroids.add(logits, labels)

    def sight(self) -> Sight:
        cross = self._cross / self._count if math.isfinite(self._cross) else None
        return Sight(cross, self._entropy / self._count, self.centroids.found().nats)


@torch.no_grad()
def matched(bench: Bench, target: float | None) -> dict[str, float]:
    """The setting of each control at which the text's cross-entropy is the purifier's; without those that have none."""
    if target is None:
        return {}
    texts = list(bench.seen())
    total = sum(len(text.labels) for text in texts)

    def cost(name: str, member: str, strength: float) -> float:
        module = catalog.load("defenses", name)
        made: Shape = module.shape(module.Config(**{member: strength}), Given(seed=bench.plan.seed))
        lost = 0.0
        for text in texts:
            ids = torch.arange(len(text.labels))[:, None]  # a context of its own for each position
            lost += float(functional.cross_entropy(made(ids, text.logits), text.labels, reduction="sum"))
        return lost / total

    found = {
        control: bisected(lambda s, n=name, m=member: cost(n, m, s), target, mild, strong)
        for control, (name, member, mild, strong) in STRENGTHS.items()
    }
    return {control: strength for control, strength in found.items() if strength is not None}


async def matched_accuracy(bench: Bench, target: Score) -> float | None:
    """The scramble's greatest strength at which the teacher does as well as behind the purifier."""
    name, member, mild, strong = STRENGTHS["scramble"]
    module = catalog.load("defenses", name)

    async def holds(strength: float) -> bool:
        made = module.shape(module.Config(**{member: strength}), Given(seed=bench.plan.seed))
        return (await graded(bench, bench.teacher.shaped(made))).rate >= target.rate

    if not await holds(mild):
        return None
    low, high = math.log(mild), math.log(strong)
    for _ in range(7):
        middle = (low + high) / 2
        low, high = (middle, high) if await holds(math.exp(middle)) else (low, middle)
    return round(math.exp(low), 4)


def bisected(cost: Callable[[float], float], target: float, mild: float, strong: float) -> float | None:
    """The strength between mild and strong whose cost is the target's, where cost rises; None where there is none."""
    if not cost(mild) <= target <= cost(strong):
        return None
    low, high = math.log(mild), math.log(strong)
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (middle, high) if cost(math.exp(middle)) <= target else (low, middle)
    return round(math.exp((low + high) / 2), 4)
