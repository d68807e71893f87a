"""Those who ask at the same time are answered in one batch. Knows nothing of models: work in, results out.

Each event loop has a queue of its own, so that threads may share what answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

Work = TypeVar("Work")
Result = TypeVar("Result")


class Desk(Generic[Work, Result]):
    """`done`: works -> a result for each, in order; called in a thread of its own, once at a time for each loop."""

    def __init__(self, done: Callable[[Sequence[Work]], Sequence[Result]]) -> None:
        self._done = done
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue[Work, Result]] = WeakKeyDictionary()

    async def ask(self, work: Work) -> Result:
        """The work's result. What `done` raises reaches all who share the batch; who leaves early disturbs nobody."""
        loop = asyncio.get_running_loop()
        queue = self._queues.get(loop)
        if queue is None:
            queue = self._queues[loop] = _Queue(self._done)
        return await queue.ask(work)


class _Asked(NamedTuple, Generic[Work, Result]):
    work: Work
    result: asyncio.Future[Result]


class _Queue(Generic[Work, Result]):
    """What waits in one event loop."""

    def __init__(self, done: Callable[[Sequence[Work]], Sequence[Result]]) -> None:
        self._done = done
        self._waiting: list[_Asked[Work, Result]] = []
        self._serving: asyncio.Task[None] | None = None

    async def ask(self, work: Work) -> Result:
        loop = asyncio.get_running_loop()
        asked = _Asked(work, loop.create_future())
        self._waiting.append(asked)
        if self._serving is None:
            self._serving = loop.create_task(self._serve())
        return await asked.result

    async def _serve(self) -> None:
        """Batch by batch, until nothing waits."""
        try:
            await asyncio.sleep(0)  # whoever asks in the same turn shares the batch
            while self._waiting:
                batch = [asked for asked in self._waiting if not asked.result.done()]
                self._waiting = []
                if batch:
                    await self._answer(batch)
                await asyncio.sleep(0)  # whoever had an answer may ask on before the next batch is closed
        finally:
            self._serving = None  # a task keeps its loop alive

    async def _answer(self, batch: list[_Asked[Work, Result]]) -> None:
        try:
            results = await asyncio.to_thread(self._done, [asked.work for asked in batch])
        except Exception as error:
            for asked in batch:
                if not asked.result.done():
                    asked.result.set_exception(error)
            return
        for asked, result in zip(batch, results, strict=True):
            if not asked.result.done():
                asked.result.set_result(result)
