"""Fixtures: `plan` is a search on the grammar; `tabled` makes a table of every point, scored by a rule, not trained."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from azeotrope.optimize import grammar
from azeotrope.optimize import plan as plans
from azeotrope.optimize.plan import Search
from azeotrope.optimize.records import Candidate, Line
from azeotrope.optimize.results import Memory

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
    """Hiding a value or going backward hurts; checks turn down copies, and sums that contradict the answer."""

    def make(seed: int = 0, stages: tuple[str, ...] = ("screen", "full")) -> Memory:
        noise, memory = random.Random(seed), Memory()
        for point in grammar.points():
            for stage in stages:
                memory.add(Line(candidate=_entry(point, stage, noise)))
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
