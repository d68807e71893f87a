"""uvicorn, set up for the gateway: header limits, our own signal handling, no access log. Knows no route."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from azeotrope.gateway import failures
from azeotrope.gateway.app import Gateway
from azeotrope.gateway.joining import Joining
from azeotrope.gateway.presence import EXTENSION, Departure
from azeotrope.gateway.settings import Server


class _TooManyHeaders(Exception):
    """Raised inside the parser, which then stops."""


class Bounded(HttpToolsProtocol):
    """HTTP/1.1 with bounded headers: httptools itself takes any number of any size. `protocol` gives it its limits."""

    limits = Server()
    _left = 0
    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    """Is a head to come, or on its way?"""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._departure = Departure()
        super().connection_made(cast(asyncio.Transport, Joining(transport, self.loop)))
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)
        self._departure.happen()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and self._timer is None:  # as a rule a head comes in one piece, and needs no timer
            self._start_timer()

    def on_message_begin(self) -> None:
        self._left, self._in_head = self.limits.header_bytes, True
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: self._departure}  # type: ignore[typeddict-item]

    def on_url(self, url: bytes) -> None:
        self._spend(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._spend(len(name) + len(value))
        super().on_header(name, value)
        if len(self.headers) > self.limits.headers:
            raise _TooManyHeaders

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _TooManyHeaders

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.limits.header_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def send_400_response(self, msg: str) -> None:
        """Whatever the parser did not take, in OpenAI's shape."""
        over = self._left < 0 or len(self.headers or ()) > self.limits.headers
        self.transport.write(_refusal(431 if over else 400))
        self.transport.close()


def protocol(limits: Server) -> type[HttpToolsProtocol]:
    """What speaks to one connection, within these limits."""
    return type("Bounded", (Bounded,), {"limits": limits})


def _refusal(status: int) -> bytes:
    message = "too many or too long headers" if status == 431 else "this is no valid HTTP request"
    failure = failures.of(failures.Rejected(status, message, "headers_too_large" if status == 431 else "invalid_http"))
    reason = b"Request Header Fields Too Large" if status == 431 else b"Bad Request"
    head = b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (status, reason, len(failure.body)) + failure.body


class Served(uvicorn.Server):
    """A server that drains before it stops: it keeps answering, with 503, until what is in flight has ended."""

    def __init__(
        self, config: uvicorn.Config, gateway: Gateway, drain_seconds: float, announce: Callable[[str], Any]
    ) -> None:
        super().__init__(config)
        self._gateway, self._drain_seconds, self._announce = gateway, drain_seconds, announce
        self._stopping: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            host, port, *_ = self.servers[0].sockets[0].getsockname()
            self._announce(f"http://{f'[{host}]' if ':' in host else host}:{port}/v1")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: drain; second: stop at once."""
        if self._loop is None or self._stopping is not None:
            self.should_exit = self.force_exit = True
        else:
            self._loop.call_soon_threadsafe(self.stop)

    def stop(self) -> None:
        """Begins to drain; the server ends when that is done."""
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        await self._gateway.drain(self._drain_seconds)
        self.should_exit = True


def server(gateway: Gateway, settings: Server, announce: Callable[[str], Any]) -> Served:
    """The gateway's server, not started yet. `announce` is given its address once it listens."""
    config = uvicorn.Config(
        gateway,  # type: ignore[arg-type]
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=protocol(settings),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,  # everything has drained by then
    )
    return Served(config, gateway, settings.drain_seconds, announce)
