"""Looks at a map: how it does on what was held out, what is seen through it. Knows no optimiser."""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from azeotrope.fit.bench import Bench
from azeotrope.fit.descent import mean
from azeotrope.fit.plan import Against, Fitting
from azeotrope.fit.results import Check, Sight
from azeotrope.math.information import Aim, Centroids, Objective, measured
from azeotrope.math.lowrank import LowRank, applied, length
from azeotrope.math.shown import Shown, filled
from azeotrope.math.turns import forward_kl, hard_target, reverse_kl
from azeotrope.measure import score
from azeotrope.protocols import OpenModel, Shape
from azeotrope.types import Score

LEAST = 50
"""So often a label is met before its centroid says anything."""


def objective(bench: Bench, undone: Shown | None = None) -> Objective:
    """The recipe's, for a step. `undone`: what an attacker makes of what is shown, where the recipe has one."""
    plan, rule = bench.plan, bench.plan.shows.rule()
    views = (rule, *((undone,) if undone else ()))
    aims = [_aim(plan, one, view) for view in views for one in plan.hard.against]
    return Objective(aims, plan.purifier.weight, plan.hard.take == "worst", plan.purifier.block)


def _aim(plan: Fitting, one: Against, view: Shown) -> Aim:
    turn = {"forward_kl": forward_kl, "reverse_kl": reverse_kl, "hard_target": hard_target}[one.loss]

    def floored(shaped: Tensor, plain: Tensor) -> Tensor:
        return filled(view(shaped, plain), plan.hard.floor)

    alpha = plan.purifier.alpha if one.alpha is None else one.alpha
    return Aim(turn(one.temperature), alpha, floored if one.loss == "reverse_kl" else view)


def shape(bench: Bench, m: LowRank) -> Shape:
    """The map as it is shown."""
    rule = bench.plan.shows.rule()

    def shaped(ids: Tensor, logits: Tensor) -> Tensor:
        return rule(applied(m.to(logits.float()), logits.float()), logits.float())

    return shaped


async def checked(bench: Bench, m: LowRank, step: int, undone: Shown | None = None) -> Check:
    """What the map is worth at this step."""
    how = objective(bench, undone)._replace(weight=1.0)
    parts = bench.parts(bench.held, 0)
    cross_entropy, cosine = mean([(measured(m, part.tails, part.text, how), part.share) for part in parts])
    teacher = await graded(bench, bench.judged.shaped(shape(bench, m)))
    return Check(step, cross_entropy, cosine, teacher, length(m))


def alone(bench: Bench, m: LowRank) -> float:
    """cos(g, g') of the source's one student, held out, whatever students the recipe has: recipes compare by it."""
    plan = bench.plan.purifier
    how = Objective([Aim(alpha=plan.alpha, shown=bench.plan.shows.rule())], block=plan.block)
    parts = bench.parts(bench.held, 0)
    return mean([(measured(m, part.tails[:1], part.text, how), part.share) for part in parts]).cosine


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
    """What the logits look like, bare and through the map, on every token held out."""
    through, often = shape(bench, m), torch.tensor(bench.often(LEAST), dtype=torch.long)
    sides = _Side(often), _Side(often)
    same = count = 0
    for text in bench.seen():
        shaped = through(None, text.logits)
        for side, logits in zip(sides, (text.logits, shaped), strict=True):
            side.add(logits, text.labels)
        same += int((shaped.argmax(-1) == text.logits.argmax(-1)).sum())
        count += len(text.labels)
    return Seen(sides[0].sight(), sides[1].sight(), sides[0].centroids.found(LEAST).tokens, same / count)


class _Side:
    """`often`: the labels that count for the CMI: a centroid is as wide as the vocabulary, so that others have none."""

    def __init__(self, often: Tensor) -> None:
        self.centroids, self._often = Centroids(), often
        self._cross, self._entropy, self._count = 0.0, 0.0, 0

    def add(self, logits: Tensor, labels: Tensor) -> None:
        known = labels < logits.shape[-1]
        self._cross += float(functional.cross_entropy(logits[known], labels[known], reduction="sum"))
        self._entropy += float(torch.special.entr(logits.softmax(-1)).sum())
        self._count += len(labels)
        counted = torch.isin(labels, self._often.to(labels.device))
        self.centroids.add(logits[counted], labels[counted])

    def sight(self) -> Sight:
        cross = self._cross / self._count if math.isfinite(self._cross) else None
        return Sight(cross, self._entropy / self._count, self.centroids.found(LEAST).nats)
