"""Everything there is to tell of a search, as a record: the report's JSON twin. Measures nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import to_builtins

from azeotrope.math.stats import difference_of_means
from azeotrope.optimize.arena import Arena
from azeotrope.optimize.plan import Search
from azeotrope.optimize.records import Candidate, Confirmed, Expense, Mean, front
from azeotrope.optimize.results import Memory
from azeotrope.optimize.scoring import Scoring
from azeotrope.types import Fields, Record, Run, Score

DRAWS = 4_000
"""Of the bootstrap."""


class Row(Record, frozen=True):
    """An instruction, in the order in which it was found."""

    number: int
    name: str
    text: str
    by: str
    parents: tuple[str, ...]
    worth: float | None
    """As the search ranks it; None where it got no further than the cheap score."""
    cheap: float | None
    nats: float | None
    damage: float | None
    kept: float
    readable: float
    failures: dict[str, int]
    scores: dict[str, Score]
    samples: tuple[str, ...]
    reason: str
    expense: Expense
    on_front: bool = False


class Outcome(Record, frozen=True):
    """A search."""

    run: Run
    name: str
    plan: Fields
    clean: dict[str, Score]
    """Seed -> the proxy of clean traces, on the validation problems."""
    rows: tuple[Row, ...]
    winner: str = ""
    """Its name; none where nothing beats "no rewrite"."""
    confirmed: tuple[Confirmed, ...] = ()
    expense: Expense = Expense()
    """Of the search, of the proxies of clean traces and of what confirmed."""
    evaluations: int = 0
    runs: tuple[Run, ...] = ()
    damage: Mean | None = None
    """The winner's, on the proxies that it was chosen by."""
    confirmed_damage: Mean | None = None
    """On students that chose nothing."""
    settings: tuple[str, ...] = ()
    """KEY=VALUE of `instruct`, not by default, that every score holds with."""


def outcome(
    arena: Arena, scoring: Scoring, memory: Memory, winner: Candidate | None, confirmed: list[Confirmed]
) -> Outcome:
    """The record."""
    assert memory.run is not None
    plan, best = arena.plan, {one.name for one in front(arena.found)}
    stages: dict[str, dict[str, Candidate]] = {}
    for one in arena.found:
        stages.setdefault(one.name, {})[one.stage] = one
    clean, screened = scoring.control("full"), scoring.control("screen")
    before = clean.scores if clean else {}
    expense = arena.spent
    for one in (clean, screened, *confirmed):
        expense = expense.plus(one.expense) if one else expense
    return Outcome(
        memory.run, plan.name, to_builtins(plan), before,
        tuple(_row(at, of, plan, best) for at, of in enumerate(stages.values(), 1)),
        winner.name if winner else "", tuple(confirmed), expense, arena.evaluations, tuple(memory.runs),
        _lost(before, winner.scores) if winner else None,
        _lost({str(one.seed): one.clean for one in confirmed}, {str(one.seed): one.rewritten for one in confirmed}),
        tuple(plan.rewriter.settings),
    )  # fmt: skip


def _lost(before: Mapping[str, Score], after: Mapping[str, Score]) -> Mean | None:
    """Accuracy after clean traces minus that after rewritten ones, paired by seed and problem; None without a pair."""
    pairs = [(before[seed], after[seed]) for seed in after if seed in before]
    asked = [(one.verdicts, other.verdicts) for one, other in pairs if one.asked and other.asked]
    if not asked:
        return None
    first, second = zip(*asked, strict=True)
    return Mean(*difference_of_means(second, first, rng=np.random.default_rng(0), draws=DRAWS))


def _row(number: int, of: dict[str, Candidate], plan: Search, best: set[str]) -> Row:
    screen, full = of.get("screen"), of.get("full")
    one = full or screen
    assert one is not None
    expense = Expense()
    for each in of.values():
        expense = expense.plus(each.expense)
    return Row(
        number, one.name, one.text, one.by, one.parents, full.worth(plan.floors) if full else None,
        screen.cheap(plan.floors) if screen else None, screen.nats if screen else None, full.damage if full else None,
        one.kept, one.readable, one.failures, one.scores, one.samples, one.reason, expense, one.name in best,
    )  # fmt: skip
