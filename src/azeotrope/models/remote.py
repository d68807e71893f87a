"""Remote: any OpenAI-compatible endpoint as a model, with bounded retries; then `Unavailable`. Knows no defense.

One session without a limit on connections, no cookies, no redirects, no proxy from the environment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from random import Random
from typing import Any, Self, cast

import aiohttp
import orjson
from multidict import CIMultiDictProxy

from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.models.addresses import checked
from azeotrope.models.faults import BROKEN, Busy, broke_off, gave_up, refused, too_large
from azeotrope.models.habits import Asked, Habits
from azeotrope.models.patience import Patience, pause, retried, retry_after
from azeotrope.models.text import Policy
from azeotrope.models.wire_in import Reader
from azeotrope.models.wire_out import body_of, renamed
from azeotrope.types import Event, Fields, Request

_LINGER = 0.1
"""Seconds to wait for the end of a stream after its `[DONE]`, so that its connection can be used again."""

_LARGE = 2**20
"""Bytes from which aiohttp wants a body as a file, so as to send it in pieces."""

_OURS = frozenset({
    "authorization", "api-key", "x-api-key", "cookie", "proxy-authorization", "content-type", "content-length",
    "content-encoding", "transfer-encoding", "accept-encoding", "connection", "host", "user-agent", "expect", "upgrade",
})  # fmt: skip
"""Headers that nobody else sends upstream: a customer's key, for one."""

_ERROR_BYTES = 64 * 2**10
"""Of an error's body that are read."""

_SECRET = 11
"""Characters from which a key is a secret to be looked for; shorter ones (EMPTY, lm-studio) are placeholders."""


class Remote:
    """`async with Remote("http://host:8000/v1", model="m", key=...) as model:`

    `base_url` is what clients of OpenAI's dialect are given; /v1 is added where it has no path. `model` overrides the
    one a request names. `reasoning_in_content`: see `models.text`. `think_in_prompt`, `told`: see
    `models.habits`. `rng` spreads the retries.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str | None = None,
        key: str | None = None,
        reasoning_in_content: Policy = "tags",
        think_in_prompt: bool | None = None,
        patience: Patience = Patience(),
        rng: Random | None = None,
        told: Callable[[str], object] | None = None,
    ) -> None:
        self._url = checked(base_url)
        self.name = model or f"{self._url.host}:{self._url.port}"
        self._model, self._patience = model, patience
        self._policy: Policy = reasoning_in_content
        self._key, self._rng = _checked_key(key), rng or Random()  # noqa: S311 - no secret depends on it
        self._chat = self._url / "chat" / "completions"
        self._http: aiohttp.ClientSession | None = None
        self._habits = Habits(think_in_prompt, told)

    async def __aenter__(self) -> Self:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "azeotrope"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=60)
        self._http = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=headers, auto_decompress=True
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """The response's events: as they come where `request.options["stream"] is True`, else once it is whole."""
        body, live = body_of(request, self._model), request.options.get("stream") is True
        call, asked = _Call(self._patience, self._rng), Asked(request, self._model)
        while True:
            reader, started, size = Reader(self._policy, self._habits, asked), False, 0
            response = None
            try:
                response = await self._post(call, body, live)
                if response.content_type == "text/event-stream":
                    async for chunk in response.content.iter_any():
                        size += len(chunk)
                        if size > self._patience.max_bytes:
                            raise too_large(self._patience.max_bytes)
                        for event in reader.feed(chunk):
                            started = True
                            yield event
                        if reader.done:
                            break
                    last = reader.close()
                else:
                    last = reader.whole(await self._whole(response))
                started = True
                for event in last:
                    yield event
                if reader.done:
                    await _finished(response)
                return
            except BROKEN as error:
                if started:
                    raise broke_off(error) from None
                await call.rest(error)
            except aiohttp.ClientError as error:
                raise gave_up(error, 1) from None
            finally:
                if response is not None:
                    response.close()

    @asynccontextmanager
    async def forward(
        self, body: bytes, *, live: bool, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[Forwarded]:
        """Sends a chat completion's raw body with the operator's key; gives the 2xx response as it comes.

        Where this model has a name it is asked for, whatever the body names; else the body goes as it is. Retries and
        errors are those of `stream`, up to the response's head. `live`: the body asks for a stream.
        `headers` are sent beside our own, which they cannot replace.
        """
        if self._model is not None:
            body = renamed(body, self._model)
        call = _Call(self._patience, self._rng)
        response = None
        while response is None:
            try:
                response = await self._post(call, body, live, headers, raw=True)
            except BROKEN as error:
                await call.rest(error)
            except aiohttp.ClientError as error:
                raise gave_up(error, 1) from None
        try:
            yield Forwarded(response, self._patience.max_bytes, self._key or "")
        finally:
            response.close()

    async def models(self) -> list[Fields]:
        """What the upstream serves (GET /models), as OpenAI's model objects. One attempt, within `connect` seconds."""
        timeout = aiohttp.ClientTimeout(total=self._patience.connect)
        try:
            async with self._session.get(self._url / "models", timeout=timeout, allow_redirects=False) as response:
                await self._judge(response)
                listed = orjson.loads(await self._whole(response))
        except (*BROKEN, aiohttp.ClientError) as error:
            raise gave_up(error, 1) from None
        except orjson.JSONDecodeError:
            raise Unavailable("the upstream's list of models is no JSON") from None
        data = cast(Fields, listed).get("data") if isinstance(listed, dict) else None
        if not isinstance(data, list):
            raise Unavailable("the upstream's list of models has no `data`")
        return [cast(Fields, model) for model in cast(list[Any], data) if isinstance(model, dict)]

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise Misconfigured("a Remote model answers inside `async with Remote(...) as model:` only")
        return self._http

    async def _post(
        self, call: _Call, body: bytes, live: bool, headers: Mapping[str, str] | None = None, *, raw: bool = False
    ) -> aiohttp.ClientResponse:
        """One attempt, up to a good head. Raises what `_judge` raises, and aiohttp's own."""
        response = await self._session.post(
            self._chat,
            data=body if len(body) < _LARGE else BytesIO(body),
            headers=headers and {name: value for name, value in headers.items() if name.lower() not in _OURS},
            timeout=call.timeout(live),
            allow_redirects=False,
            auto_decompress=not raw,
        )
        try:
            await self._judge(response)
        except BaseException:
            response.close()
            raise
        return response

    async def _judge(self, response: aiohttp.ClientResponse) -> None:
        """Returns where the head is that of a chat completion. Raises `Busy` for what is to be tried again."""
        status = response.status
        if retried(status):
            raise Busy(status, retry_after(response.headers.get("Retry-After"), time.time()))
        if not 200 <= status < 300:
            said = b""
            with suppress(aiohttp.ClientError, TimeoutError):
                said = await response.content.read(_ERROR_BYTES)
            raise refused(status, said, self._key)
        kind = response.content_type
        if kind not in ("application/json", "text/event-stream"):
            raise Unavailable("the upstream answered with neither JSON nor an event stream: is base_url right?")

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        """The body, if it comes without too long a silence and is not too large."""
        if response.content.is_eof():  # as a rule it came with its head
            return self._bounded(response.content.read_nowait())
        loop, parts, size = asyncio.get_running_loop(), list[bytes](), 0
        async with asyncio.timeout(self._patience.idle) as idle:
            async for chunk in response.content.iter_any():
                idle.reschedule(loop.time() + self._patience.idle)
                parts.append(chunk)
                size += len(chunk)
                if size > self._patience.max_bytes:
                    raise too_large(self._patience.max_bytes)
        return b"".join(parts)

    def _bounded(self, body: bytes) -> bytes:
        if len(body) > self._patience.max_bytes:
            raise too_large(self._patience.max_bytes)
        return body


class Forwarded:
    """A response on its way through. `chunks` raises `Unavailable` where it breaks off."""

    def __init__(self, response: aiohttp.ClientResponse, max_bytes: int, key: str) -> None:
        self._response, self._max_bytes = response, max_bytes
        self._secret = key.encode() if len(key) >= _SECRET else b""

    def tells_key(self, data: bytes) -> bool:
        """Whether these bytes hold the key the upstream was asked with: nobody else's to see."""
        return bool(self._secret) and self._secret in data

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """As they came. The body is as it came too: a `Content-Encoding` still applies."""
        return self._response.headers

    async def whole(self) -> bytes:
        """The complete body."""
        parts, size = list[bytes](), 0
        try:
            async for chunk in self._response.content.iter_any():
                parts.append(chunk)
                size += len(chunk)
                if size > self._max_bytes:
                    raise too_large(self._max_bytes)
        except (*BROKEN, aiohttp.ClientError) as error:
            raise broke_off(error) from None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body's bytes as they come."""
        size, limit = 0, self._max_bytes
        try:
            async for chunk in self._response.content.iter_any():
                size += len(chunk)
                if size > limit:
                    raise too_large(limit)
                yield chunk
        except (*BROKEN, aiohttp.ClientError) as error:
            raise broke_off(error) from None


class _Call:
    """One call's clock and attempts."""

    def __init__(self, patience: Patience, rng: Random) -> None:
        self._patience, self._rng = patience, rng
        self._ends = time.monotonic() + patience.deadline
        self._failed = 0

    def timeout(self, live: bool) -> aiohttp.ClientTimeout:
        """For one attempt: what is left of the deadline, and silence bounded where the response is a stream."""
        left = max(0.001, self._ends - time.monotonic())
        connect = min(left, self._patience.connect)
        return aiohttp.ClientTimeout(total=left, connect=connect, sock_read=self._patience.idle if live else None)

    async def rest(self, error: BaseException) -> None:
        """Waits before the next attempt; raises `Unavailable` where there is none, or it would come too late."""
        asked_for = error.retry_after if isinstance(error, Busy) else None
        wait = pause(self._patience, self._failed, asked_for, self._rng)
        self._failed += 1
        if self._failed > self._patience.retries or time.monotonic() + wait >= self._ends:
            raise gave_up(error, self._failed) from None
        await asyncio.sleep(wait)


async def _finished(response: aiohttp.ClientResponse) -> None:
    """Reads past `[DONE]` to the end, or not for long: a connection left in the middle is lost."""
    if not response.content.at_eof():
        with suppress(aiohttp.ClientError, TimeoutError):
            async with asyncio.timeout(_LINGER):
                while await response.content.readany():
                    pass


def _checked_key(key: str | None) -> str | None:
    if key is not None and not (key.isascii() and key.isprintable() and key.strip() == key):
        raise Misconfigured("the upstream's key holds blanks at its ends or characters that no header may carry")
    return key or None
