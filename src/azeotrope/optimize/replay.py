"""Searchers on a finished table: what each has found after how many evaluations, over many seeds. Trains nothing.

A searcher is told what it would have been told live: an entry below the floors shows no student. An evaluation is a
different instruction scored, cheaply or in full, so that a cheap score costs a search as much as a full one. Until
something beats it, the best is "no rewrite": 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, stdev

from msgspec import to_builtins
from msgspec.structs import replace

from azeotrope.errors import Misconfigured
from azeotrope.evaluate import heading
from azeotrope.math.stats.ranks import spearman
from azeotrope.math.stats.verdicts import wilson
from azeotrope.optimize.arena import Arena, Progress
from azeotrope.optimize.plan import Floors, Kind, Search
from azeotrope.optimize.procedure import run
from azeotrope.optimize.records import CONTROL, Candidate, Mean, Stage, scored_as
from azeotrope.optimize.results import Memory
from azeotrope.protocols import Model
from azeotrope.types import Fields, Record, Run

KINDS: tuple[Kind, ...] = ("gepa", "opro", "random")
NEAR = 0.05
"""Within five points of the best."""
Watch = Callable[[int, int], None]
_NORMAL = 1.96


class Curve(Record, frozen=True):
    """A searcher: after each number of evaluations. Intervals over seeds: normal for means, Wilson's for shares."""

    kind: str
    best: tuple[Mean, ...]
    """The worth of the best so far."""
    near: tuple[Mean, ...]
    """The share of the seeds that are within `NEAR` of the table's best."""
    full: float
    """Scores in full, mean over seeds: the others were only screened."""
    ahead: Mean | None = None
    """Mean over all numbers of evaluations of its best so far minus that of random search, paired by seed."""
    ahead_after: tuple[Mean, ...] = ()
    """The same after each number."""


class Replayed(Record, frozen=True):
    """Everything there is to tell."""

    run: Run
    name: str
    plan: Fields
    entries: int
    seeds: int
    start: str
    start_worth: float
    best: str
    best_worth: float
    near: int
    """Entries above the floors and within `NEAR` of the best."""
    curves: tuple[Curve, ...]
    above: int = 0
    """Entries above the floors."""
    rank: Mean | None = None
    """Spearman's correlation of the cheap score (nats) with the damage; None where there is nothing to rank."""
    ranked: int = 0
    """Entries that students were taught at both stages: those that are ranked."""


def made_on(bench: str, memory: Memory) -> None:
    """Raises `Misconfigured` for a table with scores of anything but this bench (`procedure.bench_of`)."""
    known = memory.candidates.values()
    others = [
        one for one in known
        if one.digest != scored_as(bench, one.text, one.stage, CONTROL if one.by == CONTROL else "")
    ]  # fmt: skip
    if others:
        raise Misconfigured(
            f"{len(others)} of {len(known)} scores in {memory.path} are of another task, teacher, rewriter or proxies "
            "than this search's, or of a start that asks for other checks: give it the table's own settings, or make "
            "the table anew in another folder (--results)"
        )


class Table:
    """A scorer that looks up. Raises `Misconfigured` for a table that is not finished with an instruction."""

    def __init__(self, memory: Memory, floors: Floors) -> None:
        known = [one for one in memory.candidates.values() if one.by != CONTROL]
        self._entries: dict[tuple[str, Stage], Candidate] = {
            (one.text, one.stage): one for one in known if one.finished(floors)
        }
        self._floors = floors
        self.space = tuple(sorted({one.text for one in known}))
        if lacking := [text for text in self.space if not {(text, "screen"), (text, "full")} <= set(self._entries)]:
            raise Misconfigured(
                f"{memory.path} lacks a score of {len(lacking)} instructions: finish the table first, with floors as "
                "low as this search's"
            )
        if len(self.space) < 2:
            raise Misconfigured(f"{memory.path} is no table: it has {len(self.space)} instructions")

    def digest(self, text: str, stage: Stage) -> str:
        return f"{stage} {text}"

    async def score(self, text: str, stage: Stage) -> Candidate:
        """As it would have been found live."""
        found = self._entries.get((text, stage))
        if found is None:
            return Candidate(self.digest(text, stage), text, stage, "", reason="the table does not have it")
        return replace(found.seen(self._floors), digest=self.digest(text, stage))

    def worth(self, text: str) -> float:
        """In full, as the search ranks it."""
        return self._entries[text, "full"].worth(self._floors)

    def above(self, text: str) -> bool:
        """Whether it is within the floors."""
        return self._entries[text, "full"].shortfall(self._floors) == 0

    def ranks(self) -> tuple[Mean | None, int]:
        """(Spearman's correlation of nats with damage, of how many): of all that was taught, whatever the floors."""
        pairs = [(self._entries[text, "screen"].nats, self._entries[text, "full"].damage) for text in self.space]
        both = [(nats, damage) for nats, damage in pairs if nats is not None and damage is not None]
        found = spearman([nats for nats, _ in both], [damage for _, damage in both])
        return Mean(*found) if found else None, len(both)


async def replay(
    plan: Search,
    memory: Memory,
    reflector: Model,
    seeds: int,
    watch: Callable[[int, int], None] = lambda done, of: None,
) -> Replayed:
    """From the table's worst entry, every searcher at every seed. `watch`: (searches done, searches in all)."""
    table = Table(memory, plan.floors)
    ranked = sorted(table.space, key=table.worth)
    runs: dict[Kind, list[_Trail]] = {kind: [] for kind in KINDS}
    for seed in range(seeds):
        for kind in KINDS:
            searcher = replace(plan.searcher, kind=kind, seed=seed)
            budget = replace(plan.budget, calls=None, tokens=None, minutes=None)
            here = replace(plan, searcher=searcher, budget=budget)
            runs[kind].append(await _trail(here, table, reflector, ranked[0]))
            watch(sum(map(len, runs.values())), seeds * len(KINDS))
    best = table.worth(ranked[-1])
    above = list(filter(table.above, table.space))
    near = sum(table.worth(text) >= best - NEAR for text in above)
    return Replayed(
        heading.head(plan), plan.name, to_builtins(plan), len(table.space), seeds, ranked[0], table.worth(ranked[0]),
        ranked[-1], best, near, tuple(_curve(kind, runs, best) for kind in KINDS), len(above), *table.ranks(),
    )  # fmt: skip


class _Trail:
    """One search: the best after each number of evaluations, and how many were in full."""

    def __init__(self, size: int) -> None:
        self.best, self.full = [0.0] * size, 0

    def note(self, progress: Progress, floors: Floors) -> None:
        worth = max(0.0, progress.best.worth(floors)) if progress.best else 0.0
        self.best[progress.evaluations - 1 :] = [worth] * (len(self.best) - progress.evaluations + 1)


async def _trail(plan: Search, table: Table, reflector: Model, start: str) -> _Trail:
    trail = _Trail(plan.budget.evaluations)
    arena = Arena(
        plan, table, Memory(), reflector, lambda progress: trail.note(progress, plan.floors),
        start=start, space=table.space,
    )  # fmt: skip
    await run(arena)
    trail.full = sum(one.stage == "full" for one in arena.found)
    return trail


def _curve(kind: Kind, runs: Mapping[Kind, Sequence[_Trail]], best: float) -> Curve:
    mine, control = runs[kind], runs["random"]
    size = range(len(mine[0].best))
    curve = Curve(
        kind,
        tuple(_mean([one.best[at] for one in mine]) for at in size),
        tuple(_share([one.best[at] >= best - NEAR for one in mine]) for at in size),
        fmean(one.full for one in mine),
    )
    if kind == "random":
        return curve
    gaps = [
        [a - b for a, b in zip(one.best, other.best, strict=True)] for one, other in zip(mine, control, strict=True)
    ]
    return replace(
        curve,
        ahead=_mean([fmean(gap) for gap in gaps]),
        ahead_after=tuple(_mean([gap[at] for gap in gaps]) for at in size),
    )


def _mean(found: Sequence[float]) -> Mean:
    mean, spread = fmean(found), _NORMAL * stdev(found) / math.sqrt(len(found)) if len(found) > 1 else math.inf
    return Mean(mean, mean - spread, mean + spread)


def _share(found: Sequence[bool]) -> Mean:
    low, high = wilson(sum(found), len(found))
    return Mean(fmean(found), low, high)
