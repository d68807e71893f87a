"""A model with a memory that every cell shares: what was asked once is not asked again. Knows no attack, no defense."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any

from azeotrope.codec import digest
from azeotrope.errors import Unavailable
from azeotrope.evaluate.store import Store
from azeotrope.protocols import Model, OpenModel, Shape
from azeotrope.streams import answered_as, ask, play
from azeotrope.types import Event, Request, Trace

_POLL = 0.1
"""Seconds between looks at what another process is asking for."""


def recorded(model: Model, store: Store, identity: str) -> Model:
    """The same model with a memory. `identity`: a digest of everything that decides what it says."""
    return _RecordedOpen(model, store, identity) if isinstance(model, OpenModel) else _Recorded(model, store, identity)


class _Recorded:
    """What is asked in the same turn is looked up together. Failures and several choices are not remembered."""

    def __init__(self, model: Model, store: Store, identity: str) -> None:
        self.name = model.name
        self._model, self._store, self._identity = model, store, identity
        self._waiting: dict[str, Request] = {}
        self._under_way: dict[str, asyncio.Future[Trace]] = {}
        """Asked for and not on disk yet."""
        self._done: list[tuple[str, Trace]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._fault = ""

    @property
    def dialect(self) -> Any:
        """How the model writes, where it shows that; None where it does not."""
        return getattr(self._model, "dialect", None)

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        if request.choices > 1:
            async with aclosing(self._model.stream(request)) as events:
                async for event in events:
                    yield event
            return
        if self._fault:
            raise Unavailable(f"cannot record traces: {self._fault}; make room and run the same again")
        answered = self._answer(digest([self._identity, request]), request)
        for event in play(answered_as(await asyncio.shield(answered), request)):
            yield event

    def _answer(self, key: str, request: Request) -> asyncio.Future[Trace]:
        """One answer for all who ask the same; one look into the store for all that is asked in one turn."""
        if key not in self._under_way:
            loop = asyncio.get_running_loop()
            if not self._waiting:
                loop.call_soon(self._begin)
            self._waiting[key], self._under_way[key] = request, loop.create_future()
        return self._under_way[key]

    def _begin(self) -> None:
        batch, self._waiting = self._waiting, {}
        self._spawn(self._look(batch))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, batch: dict[str, Request]) -> None:
        """Hands out what is recorded, asks for what nobody else asks for, waits for the rest."""
        try:
            while True:
                found, mine = self._store.claim(list(batch))
                for key, trace in found.items():
                    del batch[key]
                    self._under_way.pop(key).set_result(trace)
                for key in mine:
                    self._spawn(self._ask(key, batch.pop(key)))
                if not batch:
                    return
                await asyncio.sleep(_POLL)
        except sqlite3.Error as error:
            self._fault = str(error)
            for key in batch:
                self._fail(key, Unavailable(f"cannot read recorded traces: {error}"))

    async def _ask(self, key: str, request: Request) -> None:
        try:
            trace = await ask(self._model, request)
        except BaseException as error:
            self._store.give_up(key)
            self._fail(key, error)
            if not isinstance(error, Exception):
                raise
            return
        if not self._done:
            asyncio.get_running_loop().call_soon(self._flush)
        self._done.append((key, trace))
        self._under_way[key].set_result(trace)

    def _fail(self, key: str, error: BaseException) -> None:
        answered = self._under_way.pop(key)
        if isinstance(error, Exception):
            answered.set_exception(error)
            answered.exception()  # whoever asked may have gone
        else:
            answered.cancel()

    def _flush(self) -> None:
        """One transaction for all that were answered in one turn."""
        done, self._done = self._done, []
        try:
            self._store.keep(done)
        except sqlite3.Error as error:
            self._fault = str(error)
        for key, _ in done:
            self._under_way.pop(key)


class _RecordedOpen(_Recorded):
    """Logits are passed on, not remembered: they are large, and cheap beside generation."""

    _model: OpenModel

    @property
    def weights(self) -> OpenModel:
        """The model itself: who reads its logits must read its tokens."""
        return getattr(self._model, "weights", self._model)

    def shaped(self, shape: Shape) -> OpenModel:
        return self._model.shaped(shape)

    def logits(self, ids: Any) -> Any:
        return self._model.logits(ids)
