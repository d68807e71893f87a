"""Fixtures: `plan` is a search on the grammar; `tabled` makes a table of every point, scored by a rule, not trained.

`Lengths` scores by length, for whoever tests what is around a score.
"""

import os
import random
import signal
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from azeotrope.models.fake import Scripted
from azeotrope.optimize import grammar
from azeotrope.optimize import plan as plans
from azeotrope.optimize.arena import Arena
from azeotrope.optimize.plan import Search
from azeotrope.optimize.records import Candidate, Expense, Line
from azeotrope.optimize.results import Memory
from azeotrope.types import Run, Score

RUN = Run("config", "1", "", "here", "now")

FILE: dict[str, Any] = {
    "task": {"name": "steps", "config": {"fewest": 2, "most": 3}},
    "rewriter": {"name": "python:azeotrope.optimize.grammar:rewriter"},
    "reflector": {"name": "python:azeotrope.optimize.edits:reflector"},
    "floors": {"kept": 0.9, "readable": 0.85},
    "searcher": {"start": "Begin every line with Step."},
}


@pytest.fixture
def plan() -> Callable[..., Search]:
    """A search; members replace those of FILE."""
    return lambda **members: plans.checked({**FILE, **members}, "here")


@pytest.fixture
def tabled() -> Callable[..., Memory]:
    """Hiding a value or going backward hurts; checks turn down copies, and sums that contradict the answer.

    A rule, and a kind one: the cheap score goes by the same clauses as the damage. A search on it shows that the
    machinery works, not how far a cheap score can be trusted. `blind`: the cheap score is noise and knows nothing.
    """

    def make(seed: int = 0, stages: tuple[str, ...] = ("screen", "full"), blind: bool = False) -> Memory:
        noise, memory = random.Random(seed), Memory()
        for point in grammar.points():
            for stage in stages:
                one = _entry(point, stage, noise)
                memory.add(Line(candidate=replace(one, nats=noise.gauss(2, 2)) if blind and one.nats else one))
        return memory

    return make


def _entry(point: grammar.Point, stage: Any, noise: random.Random) -> Candidate:
    text, signs, plain = grammar.instruction(point), point.notation == "signs", point.values in ("numbers", "last")
    backward = point.order == "backward"
    copied = (point.line, point.shown, backward) == ("step", "every", False)
    hurts = backward or point.values in ("first", "letters") or point.shown == "second"
    readable = {"numbers": 1.0, "first": 0.83, "last": 0.84, "letters": 0.61}[point.values]
    return Candidate(
        f"{stage} {text}", text, stage, "exhaustive",
        kept=0.0 if signs and plain and (backward or copied) else 1.0,
        readable=readable * (0.78 if point.shown == "second" else 1.0) * (1.0 if signs else 0.95),
        damage=0.9 * hurts + noise.gauss(0, 0.015) if stage == "full" else None,
        nats=4.0 * hurts + noise.gauss(0, 0.1) if stage == "screen" else None,
    )  # fmt: skip


class Lengths:
    """Longer instructions are better. Dies where it is told to."""

    def __init__(self, dies_at: int = 0) -> None:
        self.scored, self._dies_at = list[str](), dies_at

    def digest(self, text: str, stage: str) -> str:
        return f"{stage} {text}"

    async def score(self, text: str, stage: str) -> Candidate:
        self.scored.append(self.digest(text, stage))
        if len(self.scored) == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        damage = min(1.0, len(text) / 100)
        return Candidate(
            self.digest(text, stage), text, stage, "", kept=1.0, readable=1.0, expense=Expense(2, 30, 20),
            damage=damage if stage == "full" else None, nats=damage if stage == "screen" else None,
            scores={"0": Score("+-")} if stage == "full" else {},
        )  # fmt: skip


def longer() -> Scripted:
    """Proposes a text one letter longer than the last one it reads."""
    return Scripted(
        lambda request: f"```\n{'x' * (str(request).count('x') + 1 + request.sampling['seed'] % 1000)}\n```"
    )


def arena(plan, scorer: Lengths, memory: Memory | None = None, reflector=None, **given) -> Arena:
    return Arena(
        plan, scorer, memory or Memory(), reflector or longer(), lambda progress: None, **{"start": "x", **given}
    )
