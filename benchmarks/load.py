"""The load generator: raw asyncio protocols, each connection asks again as soon as it is answered.

Knows HTTP/1.1 responses with a length or in chunks, and nothing of who answers.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field


@dataclass
class Load:
    """What is sent, to whom, until when (`time.perf_counter`), and what came of it."""

    port: int
    request: bytes
    end: float
    must_hold: bytes
    """Every response has to hold these bytes, or it counts as an error."""
    must_not: bytes | None = None
    """And none may hold these."""
    seconds: list[float] = field(default_factory=list)
    """How long each response took."""
    took: float = 0.0
    """From the first request to the last response: those under way at the end are waited for and counted, since of a
    slow contender's answers, which come all together, a cut would count all or none."""
    errors: int = 0
    last: bytes = b""
    """The beginning of the last wrong response."""

    def right(self, response: bytes) -> bool:
        """Is it the answer that was to come? A wrong one is counted."""
        forbidden = self.must_not is not None and self.must_not in response
        if response.startswith(b"HTTP/1.1 200") and self.must_hold in response and not forbidden:
            return True
        self.errors, self.last = self.errors + 1, response[:500]
        return False


def request(key: str, *, stream: bool, hold: bool = False) -> bytes:
    """A chat completion of some 600 bytes as a client would send it."""
    text = b"HOLD" if hold else b"q" * 500
    body = b'{"model":"mock","stream":%s,"messages":[{"role":"user","content":"%s"}]}'
    body %= (b"true" if stream else b"false", text)
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %s\r\ncontent-length: %d\r\n\r\n"
    )
    return head % (key.encode(), len(body)) + body


class _Asking(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load, self._data = load, b""
        self.gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._data, self._since = b"", time.perf_counter()
        self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not whole(self._data):
            return
        now = time.perf_counter()
        if self._load.right(self._data):
            self._load.seconds.append(now - self._since)
        if now < self._load.end:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not whole(self._data):
            self._load.errors += 1
        if not self.gone.done():
            self.gone.set_result(None)


def whole(data: bytes) -> bool:
    """Is the response complete?"""
    at = data.find(b"\r\n\r\n")
    if at < 0:
        return False
    head = data[:at].lower()
    length = head.find(b"content-length:")
    if length >= 0:
        return len(data) - at - 4 >= int(head[length + 15 :].split(b"\r\n", 1)[0])
    return data.endswith(b"\r\n0\r\n\r\n")


async def run(
    port: int, key: str, *, stream: bool, connections: int, seconds: float, must_hold: bytes,
    must_not: bytes | None = None,
) -> Load:  # fmt: skip
    """`connections` clients that begin requests for `seconds`."""
    began = time.perf_counter()
    load = Load(port, request(key, stream=stream), began + seconds, must_hold, must_not)
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: _Asking(load), "127.0.0.1", port) for _ in range(connections)]
    _, stuck = await asyncio.wait([protocol.gone for _, protocol in made], timeout=seconds + 60)
    load.took, load.errors = time.perf_counter() - began, load.errors + len(stuck)
    for transport, _ in made:
        transport.abort()
    return load


class _Holding(asyncio.Protocol):
    def __init__(self, asked: bytes) -> None:
        self._asked, self._data = asked, b""
        self.began: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.write(self._asked)

    def data_received(self, data: bytes) -> None:
        self._data = (self._data + data)[:4096]
        head, found, rest = self._data.partition(b"\r\n\r\n")
        if found and rest and not self.began.done():
            self.began.set_result(head.startswith(b"HTTP/1.1 200"))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.began.done():
            self.began.set_result(False)


async def hold(port: int, key: str, connections: int, wait: float = 60.0) -> tuple[int, list[asyncio.Transport]]:
    """Opens streams that stay open -> (how many began to answer, their transports for the caller to close)."""
    loop, asked = asyncio.get_running_loop(), request(key, stream=True, hold=True)
    made = [await loop.create_connection(lambda: _Holding(asked), "127.0.0.1", port) for _ in range(connections)]
    done, _ = await asyncio.wait([protocol.began for _, protocol in made], timeout=wait)
    return sum(future.result() for future in done), [transport for transport, _ in made]
