"""Controls at the purifier's price: how strong each may be before it costs the teacher more than the purifier does.

Sought on what was held out of the train split, never on test, and the same again for the same recipe: by the text's
cross-entropy, where a control passes the purifier's; by the divergence KL(p || p') of what is shown, where it never
does (smoothing a teacher that is too sure of itself lowers the cross-entropy, and sharpening cannot follow); and the
scramble by the teacher's accuracy, too. Knows no optimiser.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from azeotrope import catalog
from azeotrope.fit import looking
from azeotrope.fit.bench import Bench
from azeotrope.fit.results import By, Match
from azeotrope.math.information import Text
from azeotrope.math.lowrank import LowRank
from azeotrope.protocols import Given, Shape
from azeotrope.types import Fields, Score

GRID, HALVINGS = 12, 11
KEPT = 1 << 29
"""Logits kept from price to price: 2 GiB of them. Of texts that have more, the teacher is asked anew at each price."""


class Control(NamedTuple):
    """A defense with one member that says how strong it is."""

    defense: str
    member: str
    mild: float
    """Here it does nothing, or next to it."""
    strong: float
    """Here it does far too much."""
    usual: float
    """About what it comes to."""


CONTROLS = {
    "sharpen": Control("temper", "temperature", 1.0, 0.02, 0.5),
    "smooth": Control("temper", "temperature", 1.0, 50.0, 2.0),
    "noise": Control("noise", "deviation", 1e-3, 20.0, 1.0),
    "scramble": Control("scramble", "strength", 1e-3, 20.0, 0.3),
}


class Price(NamedTuple):
    """Of what is shown, nats per token of the held-out texts; infinite where a token is ruled out."""

    cross_entropy: float
    divergence: float
    tokens: int
    """That it is a mean over."""


class Texts:
    """The held-out texts, as often as they are gone through: the first of them are kept, the others made anew."""

    def __init__(self, bench: Bench) -> None:
        room, fit = KEPT // bench.size, 0
        for length in bench.lengths():
            room -= length
            if room < 0:
                break
            fit += 1
        self._bench, self._others = bench, slice(fit, None)
        self._kept = list(bench.seen(slice(fit)))

    def __iter__(self) -> Iterator[Text]:
        yield from self._kept
        yield from self._bench.seen(self._others)


async def found(bench: Bench, m: LowRank, teacher: Score) -> tuple[Match, ...]:
    """All of them. `teacher`: its verdicts behind the purifier."""
    by_accuracy = await matched_accuracy(bench, teacher)
    return (*matched(bench, m), *([by_accuracy] if by_accuracy else ()))


def matched(bench: Bench, m: LowRank) -> Iterator[Match]:
    """Every control at the purifier's price in nats; without those that have none."""
    texts = Texts(bench)
    target = price(looking.shape(bench, m), texts)

    def kinds(control: Control) -> Iterator[tuple[By, Callable[[float], float], float]]:
        @lru_cache(64)
        def of(strength: float) -> Price:
            return price(_made(bench, control, strength), texts)

        yield "cross-entropy", lambda strength: of(strength).cross_entropy, target.cross_entropy
        yield "divergence", lambda strength: of(strength).divergence, target.divergence

    for name, control in CONTROLS.items():
        for by, cost, wanted in kinds(control):
            if (strength := sought(cost, wanted, control.mild, control.strong)) is not None:
                config = _config(bench, control, strength)
                yield Match(name, control.defense, config, by, wanted, cost(strength), target.tokens)
                break


async def matched_accuracy(bench: Bench, target: Score) -> Match | None:
    """The scramble's greatest strength at which the teacher does as well as behind the purifier."""
    control = CONTROLS["scramble"]

    async def graded(strength: float) -> Score:
        return await looking.graded(bench, bench.judged.shaped(_made(bench, control, strength)))

    best, reached = control.mild, await graded(control.mild)
    if reached.rate < target.rate:
        return None
    low, high = math.log(control.mild), math.log(control.strong)
    for _ in range(7):
        middle = (low + high) / 2
        found = await graded(strength := _rounded(math.exp(middle)))
        if found.rate >= target.rate:
            low, best, reached = middle, strength, found
        else:
            high = middle
    return Match(
        "scramble", control.defense, _config(bench, control, best), "accuracy", target.rate, reached.rate, target.asked
    )


@torch.no_grad()
def price(shape: Shape, texts: Iterable[Text]) -> Price:
    """What a shape costs on these texts."""
    lost, moved, tokens = 0.0, 0.0, 0
    for text in texts:
        tokens += len(text.labels)
        ids = torch.arange(len(text.labels))[:, None]  # a context of its own for each position
        seen: Tensor = shape(ids, text.logits)
        known = text.labels < seen.shape[-1]
        lost += float(functional.cross_entropy(seen[known], text.labels[known], reduction="sum"))
        own, shown = (logits.double().log_softmax(-1) for logits in (text.logits, seen))
        moved += float((own.exp() * (own - shown)).sum())
    return Price(lost / tokens, moved / tokens, tokens)


def sought(cost: Callable[[float], float], target: float, mild: float, strong: float) -> float | None:
    """The mildest strength, from `mild` on, at which the cost passes the target, upwards or downwards; None where it
    does nowhere before `strong`. Halved on a scale of ratios; the cost need not rise all the way."""
    if not math.isfinite(target):
        return None
    first, last = math.log(mild), math.log(strong)
    grid = [first + (last - first) * at / GRID for at in range(GRID + 1)]
    below = cost(mild) < target
    at = next((at for at, place in enumerate(grid) if (cost(_rounded(math.exp(place))) < target) != below), None)
    if at is None:
        return None
    low, high = grid[at - 1], grid[at]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if (cost(_rounded(math.exp(middle))) < target) == below else (low, middle)
    return _rounded(math.exp((low + high) / 2))


def _made(bench: Bench, control: Control, strength: float) -> Shape:
    module = catalog.load("defenses", control.defense)
    return module.shape(module.Config(**_config(bench, control, strength)), Given(seed=bench.plan.seed))


def _config(bench: Bench, control: Control, strength: float) -> Fields:
    rank = {"rank": bench.plan.purifier.rank} if control.defense == "scramble" else {}
    return {control.member: strength, **rank}


def _rounded(strength: float) -> float:
    """As it is written into an experiment."""
    return float(f"{strength:.4g}")
