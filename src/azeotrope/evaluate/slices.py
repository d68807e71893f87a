"""One slice of an experiment: what is missing goes to the workers, what comes back goes to the results, one by one."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from msgspec.structs import replace

from azeotrope.evaluate.estimate import Estimates
from azeotrope.evaluate.grid import GREEDY, Todo
from azeotrope.evaluate.outcome import Failure, failed
from azeotrope.evaluate.plan import Experiment
from azeotrope.evaluate.results import Results
from azeotrope.evaluate.running import Crew, Died, Site
from azeotrope.types import Cell, Record, Run, Utility

Stages = Literal["screen", "confirm", "all"]
Result = Cell | Utility | Failure


class Settings(Record, frozen=True):
    """How much of it, and how fast."""

    stage: Stages = "all"
    workers: int = 0
    """0: as many as cores."""
    minutes: float | None = None
    """Begin nothing that is not expected to end by then."""
    only: tuple[str, ...] = ()
    """Of the experiment's defenses these alone, by label; the controls, which it does not name, besides. (): all."""

    @property
    def crew(self) -> int:
        """How many work."""
        return self.workers or len(os.sched_getaffinity(0))


class Summary(Record, frozen=True):
    """What a run has done."""

    results: str
    done: int
    failed: int
    """Of those: cells (and teachers behind defenses) without a score. The same command tries them again."""
    reasons: dict[str, int]
    left: int
    """Not begun, for want of time; and a screen that is not complete leaves all of its confirmation."""
    seconds: float


class Progress(NamedTuple):
    """How far a run is."""

    latest: Todo | None
    result: Result | None
    done: int
    size: int
    """Of this stage, this run's."""
    left: float | None
    """Seconds; None where nothing is known."""


Watch = Callable[[Progress], None]


@dataclass(slots=True)
class Slice:
    """See this file's docstring."""

    site: Site
    kept: Results
    settings: Settings
    watch: Watch
    heading: Run
    """Heads what this slice adds."""
    elsewhere: Results
    """What other experiments found: the same digest is the same result."""
    began: float = field(default_factory=time.monotonic)
    done: int = 0
    left: int = 0
    failures: Counter[str] = field(default_factory=Counter[str])
    """By reason."""

    def settle(self, todos: Sequence[Todo]) -> None:
        """What the results hold behind these todos' defenses and is none of them counts no longer.

        All that may be confirmed is among the todos, whatever the screen chose: a student of the present settings says
        what its attack is worth, though a stronger one was chosen since.
        """
        pairs = {(todo.task.label, todo.defense.label) for todo in todos}
        self.kept.settle({todo.digest for todo in todos}, pairs, self.heading)

    def do(self, todos: Sequence[Todo]) -> None:
        """Those that are missing, side by side."""
        todo = self._missing(todos)
        size, waiting = len(todo), list(todo)
        estimates = Estimates(self.site.plan, self.kept.cells.values(), self.kept.utilities.values())
        before = self.done

        def tell(what: Todo | None, result: Result | None) -> None:
            left = estimates.total(waiting, self.settings.crew)
            self.watch(Progress(what, result, self.done - before, size, left))

        def take() -> Todo | None:
            found = next((one for one in waiting if self._fits(estimates.seconds(one))), None)
            if found is not None:
                waiting.remove(found)
            return found

        def keep(what: Todo, said: object, seconds: float) -> None:
            result = failed(what, f"died: {said.why}", seconds) if isinstance(said, Died) else said
            assert isinstance(result, Result)
            if not isinstance(result, Failure):
                self.kept.add(result, self.heading)
                estimates.add(result)
            self._count(result)
            tell(what, result)

        if todo:
            tell(None, None)
            Crew(self.site, min(self.settings.crew, size)).each(take, keep)
        self.left += len(waiting)

    def summary(self, path: str) -> Summary:
        seconds = round(time.monotonic() - self.began, 1)
        return Summary(path, self.done, self.failures.total(), dict(self.failures), self.left, seconds)

    def _missing(self, todos: Sequence[Todo]) -> list[Todo]:
        """Without a score so far. One that has one elsewhere, or under an older label, gets a record of its own."""
        out: list[Todo] = []
        for todo in todos:
            source = next(
                (one for one in (self.kept, self.elsewhere) if scored(one.of(todo.digest), self.site.plan)), None
            )
            known = source.of(todo.digest) if source else None
            if source is None or known is None:
                out.append(todo)
            elif (renamed := _renamed(known, todo)) != known or source is self.elsewhere:
                self.kept.add(renamed, source.run(todo.digest) or self.heading)
        return out

    def _fits(self, seconds: float | None) -> bool:
        """Whether something that takes so long would end in time."""
        if self.settings.minutes is None:
            return True
        return time.monotonic() + (seconds or 0.0) < self.began + self.settings.minutes * 60

    def _count(self, result: Result) -> None:
        self.done += 1
        if not isinstance(result, Utility) and result.reason:
            self.failures[result.reason] += 1


def scored(known: Cell | Utility | None, plan: Experiment) -> bool:
    """Whether it need not be done again: the digest does not say which scores of a teacher are asked for."""
    if isinstance(known, Utility):
        return not plan.fits or GREEDY in known.scores
    return known is not None and not known.reason


def _renamed(known: Cell | Utility, todo: Todo) -> Cell | Utility:
    """The record as the experiment's labels have it now."""
    if isinstance(known, Cell) and todo.attack is not None:
        return replace(known, defense=todo.defense.label, attack=todo.attack.label, task=todo.task.label)
    return replace(known, defense=todo.defense.label, task=todo.task.label)
