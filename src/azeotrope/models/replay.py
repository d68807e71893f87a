"""Models that need no model: recorded traces (`Replay`) and answers remembered on disk (`Cached`)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from pathlib import Path

from azeotrope.codec import decode, digest, encode
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.placing import placed
from azeotrope.protocols import Model
from azeotrope.streams import answered_as, collect, play
from azeotrope.types import Event, Request, Trace


class Replay:
    """Answers each request with the trace recorded for it: how a data set becomes a teacher.

    Raises `Unavailable` for a request that was never recorded. Of two traces for one request the last is kept.
    """

    def __init__(self, traces: Iterable[Trace], *, name: str = "replay") -> None:
        self.name = name
        self._traces = {encode(trace.request): trace for trace in traces}

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        trace = self._traces.get(encode(request))
        if trace is None:
            raise Unavailable("no trace was recorded for this request")
        for event in play(trace):
            yield event


class Cached:
    """A model with a memory: one file a request, named by the digest of model name and request.

    A file is written beside its place and renamed, so that a killed process leaves no half answer. One that cannot be
    read any more is asked for again. Failures, requests for several choices and what the disk has no room for are not
    remembered. Two models of one name need two folders.
    """

    def __init__(self, model: Model, folder: Path) -> None:
        self.name = model.name
        self._model, self._folder = model, folder

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        path = self._folder / f"{digest([self.name, request])}.json"
        known = _read(path) if request.choices == 1 else None
        if known is not None:
            for event in play(answered_as(known, request)):
                yield event
            return
        events: list[Event] = []
        async with aclosing(self._model.stream(request)) as stream:
            async for event in stream:
                events.append(event)
                yield event
        if request.choices == 1:
            with suppress(OSError):  # the answer has been given; it is asked for again next time
                _write(path, collect(request, events)[0])


def _read(path: Path) -> Trace | None:
    try:
        return decode(path.read_bytes(), Trace)
    except (
        OSError,
        Misconfigured,
    ):  # not there, damaged, or of an older version: the model is asked again and the file replaced
        return None


def _write(path: Path, trace: Trace) -> None:
    with placed(path, mode=0o600) as beside:
        beside.write_bytes(encode(trace))
