"""Everything there is to tell of a search, as a record: the report's JSON twin. Measures nothing."""

from __future__ import annotations

from typing import Any

from msgspec import field, to_builtins

from azeotrope.optimize.arena import Arena
from azeotrope.optimize.plan import Search
from azeotrope.optimize.records import CONTROL, Candidate, Confirmed, Expense, front
from azeotrope.optimize.results import Memory
from azeotrope.types import Fields, Record, Run, Score


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
    evaluations: int = 0
    runs: tuple[Run, ...] = ()
    notes: Fields = field(default_factory=dict[str, Any])


def outcome(
    plan: Search, arena: Arena, memory: Memory, winner: Candidate | None, confirmed: list[Confirmed]
) -> Outcome:
    """The record."""
    best = {one.name for one in front(arena.found)}
    stages: dict[str, dict[str, Candidate]] = {}
    for one in arena.found:
        stages.setdefault(one.name, {})[one.stage] = one
    controls = [one for one in memory.candidates.values() if one.by == CONTROL and one.stage == "full"]
    rows = tuple(_row(at, of, plan, best) for at, of in enumerate(stages.values(), 1))
    return Outcome(
        memory.runs[-1] if memory.runs else Run("", "", "", "", ""), plan.name, to_builtins(plan),
        controls[-1].scores if controls else {}, rows, winner.name if winner else "", tuple(confirmed), arena.spent,
        arena.evaluations, tuple(memory.runs),
    )  # fmt: skip


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
