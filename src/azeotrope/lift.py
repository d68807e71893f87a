"""From a small function to a defense on models, and how defenses compose. Knows no method by name.

The lift keeps three promises for every rewrite anyone will ever add: the answer is the teacher's own, raw reasoning
does not leave when anything fails (unless the operator chose that), and what happened is written down as a step.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import reduce
from types import ModuleType
from typing import Any

from msgspec.structs import replace

from azeotrope import catalog
from azeotrope.codec import convert, digest
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.protocols import Defense, Given, Made, Model, OpenModel, Rewrite, Shape
from azeotrope.release import problem as asked_of
from azeotrope.streams import collect
from azeotrope.types import Event, Opened, Problem, Reasoning, Request, Step, Taken, Trace, Usage


def none(teacher: Model) -> Model:
    """The identity: the control in every experiment."""
    return teacher


def chain(*defenses: Defense) -> Defense:
    """Left to right, as the trace travels."""
    return lambda teacher: reduce(lambda model, defense: defense(model), defenses, teacher)


def shaping(shape: Shape | Made) -> Defense:
    """A shape on logits -> a defense. Refuses a teacher whose logits cannot be seen; so does one made `of` another."""

    def defend(teacher: Model) -> Model:
        if not isinstance(teacher, OpenModel):
            raise Misconfigured(f"{teacher.name} gives text only; this defense needs its logits: serve open weights")
        return teacher.shaped(shape.of(teacher) if isinstance(shape, Made) else shape)

    return defend


def withholding(name: str = "withhold") -> Defense:
    """No reasoning leaves; the answer streams as it comes."""
    return lambda teacher: _Withheld(teacher, name)


def only(defense: Defense, condition: Callable[[Request], bool]) -> Defense:
    """Selective protection: requests for which the condition holds meet the defense, the others the teacher itself.

    What comes out gives text only, also where the teacher's logits could be seen: they would pass the condition by.
    """
    return lambda teacher: _Selective(teacher, defense(teacher), condition)


def about(problems: Iterable[Problem], subjects: Iterable[str]) -> Callable[[Request], bool]:
    """A condition for `only`: whether a request asks a problem of these subjects, whatever else it says.

    One that asks none of the problems counts as well: in doubt it is protected.
    """
    wanted = frozenset(subjects)
    known = {asked_of(problem.request): problem.subject in wanted for problem in problems}

    def condition(request: Request) -> bool:
        text = asked_of(request)
        said = (known.get(each) for each in (text, *(str(message.get("content")) for message in request.messages)))
        found = [kind for kind in said if kind is not None]
        found = found or [kind for question, kind in known.items() if question in text]
        return any(found) or not found

    return condition


def rewriting(rewrite: Rewrite, *, name: str, config: Any = None, given: Given = Given()) -> Defense:
    """A rewrite -> a defense that keeps the three promises. `config` is only digested."""
    fallback = _rewrite_of(given.fallback, given) if given.fallback and given.fallback != "withhold" else None
    plan = _Plan(rewrite, fallback, name, digest(config)[:16], given)
    return lambda teacher: _Rewritten(teacher, plan)


def method(name: str) -> ModuleType:
    """The file of a defense or of a watermark. Raises `Misconfigured` for a name of neither."""
    return catalog.load("watermarks" if marks(name) else "defenses", name)


def marks(name: str) -> bool:
    """Whether this is a watermark: it needs a customer's key."""
    return catalog.holds("watermarks", name)


def shapes(name: str) -> bool:
    """Whether the method works on logits: it changes what is drawn, and rewrites nothing."""
    return hasattr(method(name), "shape")


def linked(links: Iterable[tuple[str, Mapping[str, Any] | None]], given: Given = Given()) -> Defense:
    """A chain by names and settings, as the trace travels. Raises `Misconfigured` for one whose mark would be lost."""
    links = list(links)
    for at, (name, _) in enumerate(links):
        if marks(name):
            _check_place(name, [before for before, _ in links[:at]], [after for after, _ in links[at + 1 :]])
    return chain(*(defense(name, config, given) for name, config in links))


def _check_place(mark: str, before: Iterable[str], after: Iterable[str]) -> None:
    """What stands around a watermark that works on traces: something left to mark, and nobody who rewrites the mark."""
    if not hasattr(method(mark), "rewrite"):
        return
    if gone := [name for name in before if getattr(method(name), "WITHHOLDS", False)]:
        raise Misconfigured(
            f"{mark} after {gone[0]} has nothing to mark, for no reasoning leaves; take {gone[0]} out, or the watermark"
        )
    if later := [name for name in after if not marks(name) and name != "none"]:
        raise Misconfigured(f"{mark} before {later[0]}: the mark would not survive it; name the watermark last")


def defense(name: str, config: Mapping[str, Any] | None = None, given: Given = Given()) -> Defense:
    """The named method (a defense's or a watermark's), configured and lifted.

    A method's file offers one of `rewrite(config, given) -> Rewrite`, `shape(config, given) -> Shape` or
    `build(config, given) -> Defense`.
    """
    module = method(name)
    settings = convert(dict(config or {}), module.Config, f"defense {name!r}")
    if hasattr(module, "rewrite"):
        return rewriting(module.rewrite(settings, given), name=name, config=settings, given=given)
    if hasattr(module, "shape"):
        return shaping(module.shape(settings, given))
    return module.build(settings, given)


def fit_for_readers(*names: str) -> None:
    """Raises `Misconfigured` for a yardstick of experiments: what it lets out must not face readers."""
    for name in names:
        if yardstick(name):
            raise Misconfigured(
                f"defense {name!r} writes what is wrong and is a yardstick for experiments only: it is neither served "
                "nor used to protect; take instruct, terse or withhold"
            )


def yardstick(name: str) -> bool:
    """Whether the method says of itself, by `YARDSTICK = True`, that it is no defense but a measure of others."""
    return bool(getattr(method(name), "YARDSTICK", False))


def _rewrite_of(name: str, given: Given) -> tuple[str, Rewrite]:
    module = catalog.load("defenses", name)
    if not hasattr(module, "rewrite"):
        raise Misconfigured(f"defense {name!r} cannot be a fallback: it rewrites no traces; use terse or withhold")
    return name, module.rewrite(module.Config(), given)


class _Selective:
    def __init__(self, teacher: Model, defended: Model, condition: Callable[[Request], bool]) -> None:
        self._teacher, self._defended, self._condition = teacher, defended, condition
        self.name = teacher.name

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        model = self._defended if self._condition(request) else self._teacher
        async with aclosing(model.stream(request)) as events:
            async for event in events:
                yield event


class _Withheld:
    def __init__(self, teacher: Model, name: str) -> None:
        self._teacher, self._step = teacher, Step(name, "withheld", digest(None)[:16])
        self.name = teacher.name

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        noted: set[int] = set()
        async with aclosing(self._teacher.stream(request)) as events:
            async for event in events:
                if not isinstance(event, (Opened, Usage, Taken)) and event.choice not in noted:
                    noted.add(event.choice)
                    yield Taken(self._step, event.choice)
                if not isinstance(event, Reasoning):
                    yield event


class _Plan:
    """A rewrite with everything that decides what happens when it fails."""

    def __init__(
        self, rewrite: Rewrite, fallback: tuple[str, Rewrite] | None, name: str, config: str, given: Given
    ) -> None:
        self._rewrite, self._fallback, self._given = rewrite, fallback, given
        self._step = Step(name, config=config, seed=given.seed)

    async def decide(self, trace: Trace) -> Trace:
        """The trace to let out. Never raises but for cancellation; its answer is `trace.answer`."""
        if not trace.reasoning:
            return trace.but(reasoning="", step=replace(self._step, outcome="absent"))
        started = time.perf_counter()
        out, step = await self._attempt(trace, self._rewrite, self._step)
        if out is None and self._fallback:
            name, rewrite = self._fallback
            out, used = await self._attempt(trace, rewrite, Step(name, seed=self._given.seed))
            step = replace(step, outcome="fell_back", failures=(*step.failures, *used.failures))
        if out is not None:
            reasoning = out.reasoning
        elif self._given.fail == "open":
            reasoning, step = trace.reasoning, replace(step, outcome="opened")
        else:
            reasoning, step = "", replace(step, outcome="withheld")
        cost = replace(step.cost, milliseconds=(time.perf_counter() - started) * 1e3)
        return trace.but(reasoning=reasoning, step=replace(step, cost=cost))

    async def _attempt(self, trace: Trace, rewrite: Rewrite, step: Step) -> tuple[Trace | None, Step]:
        """(the rewritten trace, or None if it must not leave; the step that says what happened)."""
        try:
            out = await rewrite(trace)
        except Exception as error:
            return None, replace(step, outcome="withheld", failures=(_reason(error),))
        if out is None:
            return None, replace(step, outcome="withheld", failures=("declined",))
        if len(out.lineage) > len(trace.lineage):
            step = replace(out.lineage[-1], config=out.lineage[-1].config or step.config)
        if step.outcome == "withheld":
            return None, step
        if (out.answer, out.tool_calls) != (trace.answer, trace.tool_calls):
            return None, replace(step, outcome="withheld", failures=(*step.failures, "answer_changed"))
        return out, step


def _reason(error: Exception) -> str:
    """A failure's name for the record: never its text, which may quote reasoning."""
    if isinstance(error, TimeoutError):
        return "timed_out"
    return "unavailable" if isinstance(error, Unavailable) else f"raised_{type(error).__name__}"


class _Rewritten:
    """Holds the whole response, decides each choice, then lets it out: a trace cannot be rewritten before it exists."""

    def __init__(self, teacher: Model, plan: _Plan) -> None:
        self._teacher, self._plan = teacher, plan
        self.name = teacher.name

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        held: list[Event] = []
        opened = Opened("")
        async with aclosing(self._teacher.stream(request)) as events:
            async for event in events:
                if isinstance(event, Opened):
                    opened = event
                    yield event
                else:
                    held.append(event)
        choices = sorted({event.choice for event in held if not isinstance(event, (Opened, Usage))})
        traces = await self._decided(collect(request, [opened, *held]))
        for event in held:
            if isinstance(event, Taken):
                yield event
        for choice, decided in zip(choices, traces, strict=True):
            yield Taken(decided.lineage[-1], choice)
            if decided.reasoning:
                yield Reasoning(decided.reasoning, choice)
        for event in held:
            if not isinstance(event, (Reasoning, Taken)):
                yield event

    async def _decided(self, traces: list[Trace]) -> list[Trace]:
        """Every choice at once; a single one, the common case, costs no task."""
        if len(traces) == 1:
            return [await self._plan.decide(traces[0])]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._plan.decide(trace)) for trace in traces]
        return [task.result() for task in tasks]
