"""One time limit for many blocks at once, by one timer. Knows asyncio, nothing else.

`asyncio.timeout` sets a timer of the loop for each block, and clears it: for every request that is served in time, in
vain. Here all blocks have the same limit, so the one that began first is due first, and its timer does for all.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any


class Limit:
    """`with limit.on(task): ...` cancels the block after `seconds`, and raises `TimeoutError` in its place."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[_Block, float] = {}
        """In the order in which the blocks began."""
        self._timer: asyncio.TimerHandle | None = None

    def on(self, task: asyncio.Task[Any]) -> _Block:
        """A block of the task that is running."""
        return _Block(self, task)

    def begin(self, block: _Block) -> None:
        loop = block.task.get_loop()
        self._due[block] = due = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(due, self._ring, loop)

    def end(self, block: _Block) -> None:
        self._due.pop(block, None)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends what is due; sets the timer for what is due next."""
        self._timer = None
        while self._due:
            block, due = next(iter(self._due.items()))
            if due > loop.time():
                self._timer = loop.call_at(due, self._ring, loop)
                return
            del self._due[block]
            block.expire()


class _Block:
    """One block under a limit; as `asyncio.Timeout` is, but that its timer is everybody's."""

    __slots__ = ("_cancelling", "_expired", "_limit", "task")

    def __init__(self, limit: Limit, task: asyncio.Task[Any]) -> None:
        self._limit, self.task, self._expired = limit, task, False

    def expire(self) -> None:
        self._expired = True
        self.task.cancel()

    def __enter__(self) -> None:
        self._cancelling = self.task.cancelling()
        self._limit.begin(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._limit.end(self)
        if self._expired and self.task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
