"""Bytes between the one who makes them and the one who sends them: bounded, joined, and kept alive. Knows no content.

What is made while the sender is busy leaves in one piece; a sender that is held up by a slow client holds up the
maker, and through it the upstream.
"""

from __future__ import annotations

import asyncio


class Outbox:
    """`put` and `room` are the maker's, `take` the sender's. While nothing is put, `pulse` is, every `period`."""

    def __init__(self, bound: int, period: float, pulse: bytes) -> None:
        self._bound, self._period, self._pulse = bound, period, pulse
        self._parts: list[bytes] = []
        self._size = 0
        self._ready, self._roomy = asyncio.Event(), asyncio.Event()
        self._closed = False
        self._error: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer = self._loop.call_later(period, self._tick)

    def put(self, data: bytes) -> bool:
        """Adds bytes; whether the maker must now wait for `room`."""
        if data:
            self._parts.append(data)
            self._size += len(data)
            self._ready.set()
        return self._size > self._bound

    async def room(self) -> None:
        """Returns when the sender has caught up."""
        while self._size > self._bound:
            self._roomy.clear()
            await self._roomy.wait()

    def close(self, error: BaseException | None = None) -> None:
        """No more is made; `take` gives what is left, then raises `error` or returns nothing."""
        self._closed, self._error = True, error
        self._timer.cancel()
        self._ready.set()

    async def take(self) -> bytes:
        """Everything that is ready, waiting for some; empty at the end."""
        while not self._parts:
            if self._closed:
                if self._error is not None:
                    raise self._error
                return b""
            self._ready.clear()
            await self._ready.wait()
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        self._last = self._loop.time()
        self._roomy.set()
        return data

    def _tick(self) -> None:
        """Puts a pulse if nothing has left for a period and nothing waits to."""
        due = self._last + self._period
        now = self._loop.time()
        if now >= due - 0.001 and not self._parts:
            self.put(self._pulse)
            due = now + self._period
        self._timer = self._loop.call_later(max(due - now, self._period / 4), self._tick)
