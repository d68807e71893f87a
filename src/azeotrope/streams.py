"""A response as events, a response as a trace, and the way between. Knows no wire and no model.

Cutting the events into other pieces changes no trace (a property test says so).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from typing import Any, cast

from msgspec.structs import replace

from azeotrope.errors import Unavailable
from azeotrope.protocols import Model
from azeotrope.types import (
    Answer,
    Event,
    Extra,
    Fields,
    Finish,
    Opened,
    Reasoning,
    Request,
    Taken,
    ToolCall,
    Trace,
    Usage,
)


async def ask(model: Model, request: Request) -> Trace:
    """The first choice's trace. Raises what the model raises."""
    async with aclosing(model.stream(request)) as events:
        return collect(request, [event async for event in events])[0]


async def ask_all(model: Model, request: Request) -> list[Trace]:
    """Every choice's trace, in order (`n` > 1)."""
    async with aclosing(model.stream(request)) as events:
        return collect(request, [event async for event in events])


def collect(request: Request, events: Iterable[Event]) -> list[Trace]:
    """Events of one response -> one trace a choice, by index; each carries the whole response's usage."""
    opened, usage = Opened(""), None
    drafts: dict[int, _Draft] = {}
    for event in events:
        if isinstance(event, Opened):
            opened = event
        elif isinstance(event, Usage):
            usage = event.counts
        else:
            draft = drafts.get(event.choice)
            if draft is None:
                draft = drafts[event.choice] = _Draft()
            draft.add(event)
    if not drafts:
        raise Unavailable("the model sent an empty response")
    return [drafts[choice].trace(request, opened, usage) for choice in sorted(drafts)]


class _Draft:
    """One choice while its events come in."""

    def __init__(self) -> None:
        self._reasoning: list[str] = []
        self._answer: list[str] = []
        self._logprobs: list[Fields] | None = None
        self._tool_calls: list[Fields] = []
        self._extra: Fields = {}
        self._steps: list[Any] = []
        self._finish = ""

    def add(self, event: Reasoning | Answer | ToolCall | Extra | Taken | Finish) -> None:
        match event:
            case Reasoning():
                self._reasoning.append(event.text)
            case Answer():
                self._answer.append(event.text)
                if event.logprobs is not None:
                    self._logprobs = [*(self._logprobs or ()), *event.logprobs]
            case ToolCall():
                self._tool_calls.append(event.delta)
            case Extra():
                self._extra = merged(self._extra, event.fields)
            case Taken():
                self._steps.append(event.step)
            case Finish():
                self._finish = event.reason

    def trace(self, request: Request, opened: Opened, usage: Fields | None) -> Trace:
        return Trace(
            id=opened.id,
            request=request,
            reasoning="".join(self._reasoning),
            answer="".join(self._answer),
            model=opened.model,
            tool_calls=whole_tool_calls(self._tool_calls) if self._tool_calls else (),
            logprobs=None if self._logprobs is None else tuple(self._logprobs),
            usage=usage,
            finish=self._finish,
            created=opened.created,
            extra=self._extra,
            lineage=tuple(self._steps),
        )


def whole_tool_calls(deltas: Iterable[Fields]) -> tuple[Fields, ...]:
    """OpenAI's tool-call deltas -> whole calls, ordered as `Numbering` says; arguments are concatenated."""
    calls: dict[int, Fields] = {}
    numbering = Numbering()
    for delta in deltas:
        number = numbering.of(delta)
        calls[number] = merged(calls.get(number, {}), {k: v for k, v in delta.items() if k != "index"})
    return tuple(call for _, call in sorted(calls.items()))


class Numbering:
    """Which of a response's tool calls a delta belongs to, whatever indices the server gives: one for all, or none."""

    def __init__(self) -> None:
        self._here: dict[int | None, int] = {}
        """By the server's index (None: it gave none), the call that it meant last."""
        self._named: dict[tuple[int | None, str], int] = {}
        self._ids: dict[int, str] = {}
        """By number: the call's id, empty until it comes."""

    def of(self, delta: Fields, position: int = 0) -> int:
        """The call's number: the server's index while that is free. Another id at the same index is another call.

        Without an index, another id is another call too; without an id, the last call goes on, or the one that stands
        at this `position` in a list.
        """
        index, identity = delta.get("index"), delta.get("id")
        index = index if type(index) is int else None
        if isinstance(identity, str) and identity:
            number = self._of_id(index, identity)
            self._named[index, identity] = number
            self._ids[number] = identity
        else:
            number = self._here.get(index)
            if number is None or (index is None and number < position):
                number = self._free(index)
            self._ids.setdefault(number, "")
        self._here[index] = number
        return number

    def _of_id(self, index: int | None, identity: str) -> int:
        known, here = self._named.get((index, identity)), self._here.get(index)
        if known is not None:
            return known
        return here if here is not None and not self._ids[here] else self._free(index)

    def _free(self, index: int | None) -> int:
        return index if index is not None and index not in self._ids else max(self._ids, default=-1) + 1


_WHOLE = {"id", "type", "name", "role"}
"""Members that come whole, sometimes more than once; every other string is concatenated."""


def merged(so_far: Fields, delta: Fields) -> Fields:
    """Two JSON objects, merged as clients merge deltas: strings and lists grow, objects merge, the rest is replaced."""
    out = dict(so_far)
    for key, value in delta.items():
        old = out.get(key)
        if isinstance(old, str) and isinstance(value, str):
            out[key] = (value or old) if key in _WHOLE else old + value
        elif isinstance(old, dict) and isinstance(value, dict):
            out[key] = merged(cast(Fields, old), cast(Fields, value))
        elif isinstance(old, list) and isinstance(value, list):
            out[key] = [*cast(list[Any], old), *cast(list[Any], value)]
        elif value is not None or key not in out:
            out[key] = value
    return out


def play(trace: Trace, choice: int = 0, pieces: int = 0) -> Iterator[Event]:
    """A trace as events; texts in pieces of `pieces` characters, 0 for whole."""
    yield Opened(trace.id, trace.model, trace.created)
    yield from (Taken(step, choice) for step in trace.lineage)
    yield from (Reasoning(text, choice) for text in _pieces(trace.reasoning, pieces))
    if trace.extra:
        yield Extra(trace.extra, choice)
    if trace.logprobs is not None:
        yield Answer(trace.answer, choice, trace.logprobs)
    else:
        yield from (Answer(text, choice) for text in _pieces(trace.answer, pieces))
    yield from (ToolCall({"index": i, **call}, choice) for i, call in enumerate(trace.tool_calls))
    yield Finish(trace.finish, choice)
    if trace.usage is not None:
        yield Usage(trace.usage)


def _pieces(text: str, size: int) -> list[str]:
    if not text:
        return []
    return [text] if size <= 0 else [text[i : i + size] for i in range(0, len(text), size)]


async def replayed(events: Iterable[Event]) -> AsyncGenerator[Event, None]:
    """Events at hand as the stream of a model."""
    for event in events:
        yield event


def answered_as(trace: Trace, request: Request) -> Trace:
    """The same response, given to another (equal) request object."""
    return replace(trace, request=request)
