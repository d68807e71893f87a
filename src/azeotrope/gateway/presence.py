"""A client that leaves ends the work done for it. Knows ASGI's `http.disconnect` and asyncio, nothing else."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from azeotrope.gateway.reply import Receive


class Gone(Exception):
    """The client left before its response was complete."""


class Presence:
    """`with Presence(receive): ...` cancels the block when the client leaves, and raises `Gone` in its place.

    To be entered when the request's body has been read: whatever comes after it is the client's leaving.
    """

    __slots__ = ("_gone", "_open", "_receive", "_task", "_watch")

    def __init__(self, receive: Receive) -> None:
        self._receive, self._open, self._gone = receive, True, False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._watch = asyncio.get_running_loop().create_task(self._wait())
        return self

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._open:
            self._gone = True
            self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._open = False
        self._watch.cancel()
        if self._gone:
            self._task.uncancel()
            if kind is not None and issubclass(kind, asyncio.CancelledError):
                raise Gone from None
