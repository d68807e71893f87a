"""Fixtures for every test. `upstream`: a hostile chat-completion server, sending what it is told byte for byte.

    async def test_it(upstream):
        upstream.says(upstream.stream(upstream.delta(content="4"), upstream.delta(finish="stop")))
        async with Remote(upstream.url) as model: ...
        assert upstream.asked[0].json["stream"] is True

`says(*scripts)` gives each request its script; the last one serves all further requests. A script is a list of steps:
bytes are written; `upstream.HANG` waits until the client has gone; `upstream.FIN` and `upstream.RST` end the
connection, politely or not; an `asyncio.Event` is waited for. After its script a connection stays open for more.
Shorthands for whole scripts: `json`, `stream`, `reply`; for pieces of them: `head`, `event`, `delta`, `completion`.
`await upstream.heard(n)` returns when n requests have arrived; `await upstream.left()` when a client has disconnected
in the midst of a script (it waited, or was still writing).

`ahead(seconds)` moves the clock that loops and patience go by: what waits for a time need not be waited for, and how
slow the machine is decides nothing.
"""

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(  # speed is measured in benchmarks/, never asserted here
    "azeotrope", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("azeotrope")


@dataclass(frozen=True)
class Asked:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Upstream:
    """See this file's docstring."""

    HANG, FIN, RST = "hang", "fin", "rst"

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        """Accepted so far."""
        self._scripts: list[list[Any]] = []
        self._left, self._heard = asyncio.Event(), asyncio.Condition()
        self._served: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Upstream":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stops listening and cuts every connection: later connections are refused."""
        self._server.close()
        for task in self._served:
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)
        await self._server.wait_closed()

    def says(self, *scripts: list[Any]) -> None:
        self._scripts = list(scripts)

    async def left(self) -> None:
        await asyncio.wait_for(self._left.wait(), 60)

    async def heard(self, requests: int = 1) -> None:
        """Returns when this many requests have arrived in all."""
        async with asyncio.timeout(60), self._heard:
            await self._heard.wait_for(lambda: len(self.asked) >= requests)

    # scripts and their pieces

    @staticmethod
    def head(status: int = 200, kind: str | None = "application/json", **headers: str) -> bytes:
        """A response's head; `Retry_After="1"` becomes `Retry-After: 1`."""
        lines = [f"HTTP/1.1 {status} Whatever"] + ([f"Content-Type: {kind}"] if kind else [])
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    @classmethod
    def reply(cls, body: bytes, status: int = 200, kind: str | None = "application/json", **headers: str) -> list[Any]:
        """A whole response with its length."""
        return [cls.head(status, kind, Content_Length=str(len(body)), **headers) + body]

    @classmethod
    def json(cls, value: Any, status: int = 200, **headers: str) -> list[Any]:
        return cls.reply(json.dumps(value).encode(), status, **headers)

    @classmethod
    def stream(cls, *steps: Any, done: bool = True, kind: str = "text/event-stream") -> list[Any]:
        """An event stream in HTTP chunks: JSON values become events, bytes are sent as they are, other steps are
        taken. Without `done` neither `[DONE]` nor the end of the body is sent: add `FIN`, or `cls.END`."""
        script: list[Any] = [cls.head(kind=kind, Transfer_Encoding="chunked")]
        for step in steps:
            step = cls.event(step) if isinstance(step, dict) else step
            script.append(cls.chunk(step) if isinstance(step, bytes) and step != cls.END else step)
        return [*script, cls.chunk(b"data: [DONE]\n\n"), cls.END] if done else script

    END = b"0\r\n\r\n"
    """The end of a chunked body."""

    @staticmethod
    def chunk(data: bytes) -> bytes:
        return b"%x\r\n%s\r\n" % (len(data), data)

    @staticmethod
    def event(value: Any) -> bytes:
        return f"data: {json.dumps(value)}\n\n".encode()

    @staticmethod
    def delta(*, index: int = 0, finish: str | None = None, usage: Any = None, **members: Any) -> dict[str, Any]:
        """A chunk of a streamed chat completion: `delta(content="4")`, `delta(reasoning="2+2...")`."""
        choice = {"index": index, "delta": members, "finish_reason": finish}
        chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [choice]}
        return chunk | ({"usage": usage} if usage else {})

    @staticmethod
    def completion(*messages: dict[str, Any], finish: str | None = "stop", **members: Any) -> dict[str, Any]:
        """A whole chat completion, one choice a message; `members` join the envelope."""
        choices = [{"index": i, "message": said, "finish_reason": finish} for i, said in enumerate(messages)]
        usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
        whole = {"id": "c1", "object": "chat.completion", "created": 7, "model": "m", "choices": choices}
        return whole | {"usage": usage} | members

    # the server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._served.add(asyncio.current_task())
        self.connections += 1
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while await self._hear(reader):
                script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                if not await self._play(script, reader, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self._left.set()
        finally:
            self._served.discard(asyncio.current_task())
            writer.close()

    async def _hear(self, reader: asyncio.StreamReader) -> bool:
        try:
            raw = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # the client has no further request
            return False
        first, *lines = raw.decode("latin-1").strip().split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        self.asked.append(Asked(method, path, headers, body))
        async with self._heard:
            self._heard.notify_all()
        return True

    async def _play(self, script: list[Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on. Each write is handed to the network before the next one."""
        for step in script:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
                await asyncio.sleep(0)
            elif isinstance(step, asyncio.Event):
                await self._unless_gone(step.wait(), reader)
            elif step == self.HANG:
                await self._unless_gone(asyncio.Event().wait(), reader)
            else:
                if step == self.RST:
                    linger = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    writer.transport.abort()
                return False
        return True

    async def _unless_gone(self, waiting: Any, reader: asyncio.StreamReader) -> None:
        """Waits; raises when the client goes first."""
        both = [asyncio.ensure_future(waiting), asyncio.ensure_future(reader.read(1))]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if both[1] in done:
                both[1].exception()
                raise ConnectionResetError
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    clock, gone = time.monotonic, 0.0
    monkeypatch.setattr(time, "monotonic", lambda: clock() + gone)

    def move(seconds: float) -> None:
        nonlocal gone
        gone += seconds

    return move


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as server:
        yield server
