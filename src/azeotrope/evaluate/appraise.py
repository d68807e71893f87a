"""`appraise`: an experiment in, what each of its defenses takes to serve and how its traces read; trains nobody.

Each problem is asked of the teacher and then of the teacher behind the defense, one at a time, in this process and
with one thread: what a shared machine does to one it does to the other. Nothing is taken from what the lab
remembers (an answer that was looked up takes no time), and nothing is added to it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta
from msgspec.structs import replace

from azeotrope.codec import digest
from azeotrope.errors import Misconfigured, Refused, Unavailable
from azeotrope.evaluate import facts, results, shielding, teachers
from azeotrope.evaluate.grid import Grid, Todo, keyed
from azeotrope.evaluate.heading import head
from azeotrope.evaluate.outcome import reason
from azeotrope.evaluate.plan import Experiment
from azeotrope.evaluate.recall import key_of
from azeotrope.models.perplexity import Perplexity, judge
from azeotrope.protocols import Given, Model
from azeotrope.release.readability import ease, figures
from azeotrope.streams import ask
from azeotrope.types import Appraisal, Problem, Record, Run, Trace

SCHEMA = 1
"""Raised when the same settings come to mean another measurement."""
_CHARACTERS_A_TOKEN = 4
"""Where the teacher does not say how many tokens it drew."""
_DIGITS = 5


class Settings(Record, frozen=True):
    """How much is asked, and who reads it."""

    traces: Annotated[int, Meta(ge=2)] = 100
    """A defense, from the start of the test split."""
    judge: str = ""
    """The model under which perplexity is told: smollm2, a folder, a hub name; "": none."""


class Appraised(NamedTuple):
    """One of the defenses is done, or is not."""

    todo: Todo
    found: Appraisal | None
    reason: str = ""
    """Why there is nothing."""


Watch = Callable[[Appraised], None]
Clock = Literal["cpu", "wall"]


@dataclass(slots=True)
class _Reader:
    """Who judges perplexity; a text that was read once is not read again."""

    name: str
    judge: Perplexity | None
    unread: str = ""
    known: dict[str, tuple[float, int]] = field(default_factory=dict[str, tuple[float, int]])

    def read(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        if self.judge is None:
            return []
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        self.known.update(zip(new, self.judge(new), strict=True))
        return [self.known[text] for text in texts if self.known[text][1] > 1]


async def appraise(plan: Experiment, folder: Path, settings: Settings, watch: Watch = lambda one: None) -> list[str]:
    """Adds to the experiment's results what is missing there; returns why some could not be had. What is there already
    is said again where something else was asked for since: of several the report shows the last.

    Where the judge's weights are not there the rest is measured all the same, and the record says why nobody read it;
    the same call does those again once they are. Raises `Misconfigured` before anything is begun.
    """
    grid, heading, faults = Grid(plan, facts.found(plan)), head(plan), list[str]()
    with results.opened(folder / f"{plan.name}.jsonl") as kept, _one_thread():
        todos = [todo for todo in grid.utilities() if not _known(kept, todo, settings, settings.judge, heading)]
        reader = _reader(settings.judge) if todos else _Reader("", None)
        for todo in todos:
            if _known(kept, todo, settings, reader.name, heading):
                continue
            try:
                found = await _appraised(plan, todo, settings, reader)
            except Exception as error:
                faults.append(f"{todo.words}: {reason(error)}")
                watch(Appraised(todo, None, reason(error)))
            else:
                kept.add(found, heading)
                watch(Appraised(todo, found))
    return faults


def _digest(todo: Todo, settings: Settings, judged_by: str) -> str:
    return digest(["appraisal", SCHEMA, todo.digest, settings.traces, judged_by])


def _known(kept: results.Results, todo: Todo, settings: Settings, judged_by: str, heading: Run) -> bool:
    """Whether it was measured before; from now on it is the last of its settings, under the labels of now."""
    known = kept.appraisals.get(_digest(todo, settings, judged_by))
    if known is None:
        return False
    named = replace(known, defense=todo.defense.label, task=todo.task.label)
    if kept.last(todo.digest) != named:
        kept.add(named, kept.run(named.digest) or heading)
    return True


def _reader(source: str) -> _Reader:
    if not source:
        return _Reader("", None, "not asked for")
    try:
        return _Reader(source, judge(source))
    except Misconfigured as error:
        return _Reader("", None, str(error))


@contextmanager
def _one_thread() -> Generator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


async def _appraised(plan: Experiment, todo: Todo, settings: Settings, reader: _Reader) -> Appraisal:
    began = time.perf_counter()
    asked = facts.problems(todo.task, todo.split)[: settings.traces]
    async with _opened(plan, todo) as (teacher, behind):
        stopwatch = _Stopwatch(_clock(plan, todo))
        pairs = [pair for problem in asked if (pair := await stopwatch.pair((teacher, behind), problem))]
    if not pairs:
        raise Unavailable(f"none of {len(asked)} problems could be asked")
    read = [(was.trace.reasoning, one.trace.reasoning) for was, one in pairs if one.trace.reasoning.strip()]
    nats = reader.read([text for _, text in read])
    return Appraisal(
        _digest(todo, settings, reader.name), todo.digest, todo.defense.label, todo.task.label, todo.split,
        *_columns([one for _, one in pairs]), *_columns([was for was, _ in pairs]),
        tuple(round(ease(text), _DIGITS) for _, text in read),
        tuple(round(figures(text, was), _DIGITS) for was, text in read),
        tuple((round(mean, _DIGITS), size) for mean, size in nats),
        reader.name, reader.unread, len(asked) - len(pairs), stopwatch.clock, round(time.perf_counter() - began, 3),
    )  # fmt: skip


@asynccontextmanager
async def _opened(plan: Experiment, todo: Todo) -> AsyncGenerator[tuple[Model, Model], None]:
    """(the teacher, the teacher behind the defense), neither with a memory."""
    shield = todo.defense
    async with AsyncExitStack() as stack:
        solved = facts.solved(todo.task) if plan.teacher.kind == "published" else ()
        teacher = await stack.enter_async_context(teachers.opened(plan.teacher, solved))
        writer = await stack.enter_async_context(teachers.writing(shield.writer, shield.writer_key_env, todo.task))
        key = key_of(todo.seed) if keyed(shield) else None
        yield teacher, shielding.defense(todo, Given(writer, fallback=shield.fallback or None, key=key))(teacher)


class _Timed(NamedTuple):
    """A response and how long it took."""

    trace: Trace
    milliseconds: float

    @property
    def tokens(self) -> int:
        said = (self.trace.usage or {}).get("completion_tokens")
        characters = len(self.trace.reasoning) + len(self.trace.answer)
        return said if isinstance(said, int) else max(1, characters // _CHARACTERS_A_TOKEN)


class _Stopwatch:
    """Asks and times, by one clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock: Clock = clock
        self._now = time.process_time if clock == "cpu" else time.perf_counter
        self._warm = False

    async def pair(self, models: tuple[Model, Model], problem: Problem) -> tuple[_Timed, _Timed] | None:
        """Undefended, then defended; None where either could not be asked. The first that can is asked once for
        nothing: what is made at the first request (a gradient, an engine's kernels) is nothing that each trace takes.
        """
        try:
            if not self._warm:
                for model in models:
                    await ask(model, problem.request)
                self._warm = True
            return await self._timed(models[0], problem), await self._timed(models[1], problem)
        except (Unavailable, Refused):
            return None

    async def _timed(self, model: Model, problem: Problem) -> _Timed:
        began = self._now()
        trace = await ask(model, problem.request)
        return _Timed(trace, 1000 * (self._now() - began))


def _clock(plan: Experiment, todo: Todo) -> Clock:
    """A model elsewhere takes time that this process only waits for, and so does an accelerator, where there is one."""
    from azeotrope.models import loading

    at_home = not todo.defense.writer or todo.defense.writer.startswith((teachers.TASK, teachers.PYTHON))
    here = at_home and plan.teacher.kind != "endpoint" and loading.placed("auto").type == "cpu"
    return "cpu" if here else "wall"


def _columns(side: Sequence[_Timed]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    return tuple(round(one.milliseconds, 3) for one in side), tuple(one.tokens for one in side)
