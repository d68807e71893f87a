"""A transport that joins what is written to it within one turn of the loop. Knows asyncio, no HTTP.

A response is a head and a body, the end of a stream two chunks more: each write of its own is a system call, and those
are the dearest thing a proxy does.
"""

from __future__ import annotations

import asyncio
from typing import Any

_MOST = 64 << 10
"""Bytes that are not held back any longer: from there on the transport is to say whether it can keep up."""


class Joining:
    """Writes to `transport` at the end of the loop's turn, or as soon as much has come together."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._leave)
        self._held.append(data)
        self._size += len(data)
        if self._size > _MOST:
            self._leave()

    def close(self) -> None:
        self._leave()
        self._transport.close()

    def _leave(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held and not self._transport.is_closing():
            self._transport.writelines(held)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)
