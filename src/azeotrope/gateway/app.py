"""The gateway's ASGI application: who is asking, what is asked, and that every failure is told cleanly.

Knows no method and no wire format beyond its routes. No middleware: each layer would cost every chunk.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from random import Random

from azeotrope.errors import AzeotropeError
from azeotrope.gateway import failures, forward, journey
from azeotrope.gateway.call import Call, Means
from azeotrope.gateway.failures import Rejected
from azeotrope.gateway.limit import Limit
from azeotrope.gateway.metrics import CONTENT_TYPE
from azeotrope.gateway.presence import Gone, Presence, departure
from azeotrope.gateway.readiness import Readiness, models
from azeotrope.gateway.reply import Message, Receive, Reply, Send
from azeotrope.gateway.wire import chat

_LINGER = 1.0
"""Seconds that a client turned away has to stop sending."""
_IDS = Random()  # noqa: S311 - seeded by the system; an id is unique and no secret, and a system call each would tell
ROUTES = {
    "/v1/chat/completions": b"POST", "/v1/models": b"GET", "/metrics": b"GET", "/health/live": b"GET",
    "/health/ready": b"GET",
}  # fmt: skip


class Gateway:
    """An ASGI application; `drain` makes it end well."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._readiness = Readiness(means)
        self._limit = Limit(means.settings.server.request_seconds)
        self._serving: set[asyncio.Task[None]] = set()
        self._draining = self._cutting = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        if scope["type"] != "http":
            return
        reply = Reply(send, (request_id := f"req_{_IDS.getrandbits(96):024x}").encode())
        path = scope["path"]
        if path == "/v1/chat/completions" and scope["method"] == "POST":
            await self._guarded(scope, Call(request_id, receive, reply, time.time()))
        else:
            await self._small(scope, Call(request_id, receive, reply, time.time()))

    async def drain(self, seconds: float) -> None:
        """Turns new requests away and returns when those in flight have ended; after `seconds` they are cut short."""
        self._draining = True
        if self._serving:
            await asyncio.wait(self._serving, timeout=seconds)
        self._cutting = True
        for task in self._serving:
            task.cancel()
        rest = {*self._serving, *self._means.afterwards}
        if rest:
            await asyncio.wait(rest, timeout=5.0)

    async def _guarded(self, scope: Message, call: Call) -> None:
        """A chat completion, with everything that may go wrong."""
        began, outcome = time.perf_counter(), "ok"
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            with self._limit.on(task):
                await self._chat(scope, call)
        except Gone:
            outcome = "left"
        except asyncio.CancelledError:
            if not self._cutting:
                raise
            task.uncancel()
            outcome = await self._fail(call, Rejected(503, "the gateway is shutting down", "shutting_down"))
        except Exception as error:
            outcome = await self._fail(call, error)
        finally:
            self._serving.discard(task)
            self._note(call, outcome, (time.perf_counter() - began) * 1e3)

    def _note(self, call: Call, outcome: str, milliseconds: float) -> None:
        policy = call.guard.name if call.guard else ""
        self._means.metrics.request(policy, outcome)
        customer = call.customer.name if call.customer else None
        self._means.log.info(
            "request", request=call.id, customer=customer, policy=policy, outcome=outcome, ms=round(milliseconds, 2)
        )

    async def _fail(self, call: Call, error: Exception) -> str:
        """Tells the client, and says what to call it. Only our own words are quoted in the log."""
        if isinstance(error, TimeoutError) and not call.read:
            error = Rejected(408, "the request did not come in time", "request_timed_out")
        failure = failures.of(error, quote=call.guard is not None and call.guard.forwards)
        if failure.status >= 500 and not isinstance(error, Rejected):
            known = isinstance(error, AzeotropeError | TimeoutError)
            self._means.log.warning("failed", request=call.id, status=failure.status, error=type(error).__name__,
                                    why=str(error) if known else _place(error))  # fmt: skip
        try:
            async with asyncio.timeout(_LINGER):
                if call.read or call.reply.started:
                    await call.reply.fail(failure)
                else:
                    patience = 2 * self._means.settings.server.body_bytes
                    await call.reply.turn_away(failure, call.receive, patience)
        except TimeoutError:  # a client that does not read is not told
            pass
        return failure.outcome

    async def _chat(self, scope: Message, call: Call) -> None:
        if self._draining:
            raise Rejected(503, "the gateway is shutting down", "shutting_down", retry_after=5)
        self._authenticate(scope, call)
        if len(self._serving) > self._means.settings.server.concurrent:
            raise Rejected(503, "too many requests at once; try again later", "overloaded", retry_after=1)
        body = await read_body(scope, call.receive, self._means.settings.server.body_bytes)
        call.read = True
        asked = chat.parse(body)
        assert call.guard is not None
        with Presence(call.receive, departure(scope)):
            if call.guard.forwards:
                await forward.serve(self._means, call, body, stream=asked.stream)
            else:
                await journey.serve(self._means, call, asked)

    def _authenticate(self, scope: Message, call: Call) -> None:
        """Fills in who asks and under which policy. Raises `Rejected`."""
        key = _bearer(scope["headers"])
        customer = self._means.customers.of(key) if key else None
        if customer is None:
            raise Rejected(401, "no valid key: send 'Authorization: Bearer' and your key", "invalid_api_key")
        call.customer = customer
        policy = customer.policy or self._means.settings.customers.default_policy
        call.guard = self._means.guards.of(policy, customer.name)
        if call.guard is None:
            self._means.log.error("no_such_policy", customer=customer.name, policy=policy)
            raise Rejected(403, "this key's policy is not configured here", "policy_missing")

    async def _small(self, scope: Message, call: Call) -> None:
        """Everything that is not a completion."""
        try:
            async with asyncio.timeout(self._means.settings.server.request_seconds):
                await self._answer_small(scope, call)
        except Exception as error:
            await self._fail(call, error)

    async def _answer_small(self, scope: Message, call: Call) -> None:
        path, reply = scope["path"], call.reply
        if (method := ROUTES.get(path)) is None:
            raise Rejected(404, "there is nothing at this address", "not_found")
        if scope["method"].encode() != method:
            raise Rejected(405, f"this address takes {method.decode()} only", "method_not_allowed")
        call.read = True
        if path == "/health/live":
            await reply.whole(200, b'{"status":"live"}')
        elif path == "/health/ready":
            ready = not self._draining and await self._readiness.ready()
            await reply.whole(200 if ready else 503, b'{"status":"ready"}' if ready else b'{"status":"not ready"}')
        elif path == "/metrics":
            self._means.metrics.in_flight.set(len(self._serving))
            await reply.whole(200, self._means.metrics.page(), ((b"content-type", CONTENT_TYPE),))
        else:
            self._authenticate(scope, call)
            await reply.whole(200, chat.models(await models(self._means.upstream)))


async def read_body(scope: Message, receive: Receive, limit: int) -> bytes:
    """The request's body. Raises `Rejected` (413) as soon as it is known to be too large, `Gone` if it stops."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > limit:
            raise _too_large(limit)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> Rejected:
    return Rejected(413, f"the request body is larger than {limit} bytes", "request_too_large")


def _bearer(headers: list[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, key = value.decode("latin-1").strip().partition(" ")
            return key.strip() if scheme.lower() == "bearer" else ""
    return ""


def _place(error: BaseException) -> str:
    """Where an unexpected error arose: file and line, no values."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""


async def _lifespan(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})
