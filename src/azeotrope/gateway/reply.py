"""One response on its way to one client: started or not, whole or in parts. Knows ASGI and no content."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from azeotrope.gateway.failures import Failure, Headers
from azeotrope.gateway.wire import chat

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON: Headers = ((b"content-type", b"application/json"),)


class Reply:
    """What is sent, and how far it has got. Headers are made here; none of the upstream's is passed on."""

    __slots__ = ("_request_id", "_send", "ended", "started")

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send, self._request_id = send, request_id
        self.started = self.ended = False

    async def whole(self, status: int, body: bytes, headers: Headers = JSON) -> None:
        """The complete response."""
        await self._start(status, (*headers, (b"content-length", b"%d" % len(body))))
        await self._body(body, more=False)

    async def part(self, data: bytes) -> None:
        """Bytes of an event stream, which the first of them opens."""
        if not self.started:
            await self._start(200, chat.STREAM)
        await self._body(data, more=True)

    async def end(self, data: bytes = b"") -> None:
        """The last bytes of an event stream."""
        if not self.started:
            await self._start(200, chat.STREAM)
        await self._body(data, more=False)

    async def fail(self, failure: Failure) -> None:
        """An error: a response if none has begun, else the stream's last event."""
        if not self.started:
            await self.whole(failure.status, failure.body, (*JSON, *failure.headers))
        elif not self.ended:
            await self.end(chat.failure_event(failure.body))

    async def turn_away(self, failure: Failure, receive: Receive, patience: int) -> None:
        """An error to a client that may still be sending: answered at once, then `patience` bytes of it are let go by,

        because closing on unread bytes resets the connection and the client would never read the answer.
        """
        head = (*JSON, *failure.headers, (b"content-length", b"%d" % len(failure.body)), (b"connection", b"close"))
        await self._start(failure.status, head)
        await self._body(failure.body, more=True)
        more = True
        while more and patience > 0:
            message = await receive()
            patience -= len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
        await self._body(b"", more=False)

    async def _start(self, status: int, headers: Headers) -> None:
        self.started = True
        marked = [*headers, (b"x-request-id", self._request_id)]
        await self._send({"type": "http.response.start", "status": status, "headers": marked})

    async def _body(self, data: bytes, *, more: bool) -> None:
        self.ended = not more
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
