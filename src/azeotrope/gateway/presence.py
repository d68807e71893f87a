"""A client that leaves ends the work done for it. Knows ASGI's `http.disconnect` and asyncio, nothing else.

Our own server tells of a client's leaving by a call (`Departure`), which costs a request nothing; any other ASGI
server is asked, by a task that waits for its `http.disconnect`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from azeotrope.gateway.reply import Message, Receive

EXTENSION = "azeotrope.departure"
"""The ASGI extension under which a server offers its connection's `Departure`."""


class Gone(Exception):
    """The client left before its response was complete."""


class Departure:
    """The end of one connection: `happen` is the server's to call, `then` what is to be done about it."""

    __slots__ = ("happened", "then")

    def __init__(self) -> None:
        self.happened = False
        self.then: Callable[[], None] | None = None

    def happen(self) -> None:
        self.happened = True
        if self.then is not None:
            self.then()


def departure(scope: Message) -> Departure | None:
    """The request's, where the server offers one."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    return extensions.get(EXTENSION)


class Presence:
    """`with Presence(receive): ...` cancels the block when the client leaves, and raises `Gone` in its place.

    To be entered when the request's body has been read: whatever comes after it is the client's leaving.
    """

    __slots__ = ("_departure", "_gone", "_open", "_receive", "_task", "_watch")

    def __init__(self, receive: Receive, departure: Departure | None = None) -> None:
        self._receive, self._departure, self._open, self._gone = receive, departure, True, False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        if self._departure is None:
            self._watch = asyncio.get_running_loop().create_task(self._wait())
        elif self._departure.happened:
            raise Gone
        else:
            self._departure.then = self._left
        return self

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left()

    def _left(self) -> None:
        if self._open:
            self._gone = True
            self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._open = False
        if self._departure is None:
            self._watch.cancel()
        else:
            self._departure.then = None
        if self._gone:
            self._task.uncancel()
            if kind is not None and issubclass(kind, asyncio.CancelledError):
                raise Gone from None
