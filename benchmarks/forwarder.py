"""The practical limit: a bare forwarder, Starlette before aiohttp. Authenticates, counts and records nothing.

As any forwarder must, it reads `stream` in the request to know how to answer, and that a whole answer is JSON at all.

`UPSTREAM=http://... uvicorn benchmarks.forwarder:app`.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

_UPSTREAM = os.environ.get("UPSTREAM", "http://127.0.0.1:8000/v1")
_HEADERS = {"content-type": "application/json"}


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        app.state.session = session
        yield


async def _complete(request: Request) -> Response:
    body = await request.body()
    stream = json.loads(body).get("stream")
    answer = await request.app.state.session.post(f"{_UPSTREAM}/chat/completions", data=body, headers=_HEADERS)
    if stream:
        return StreamingResponse(_pieces(answer), media_type="text/event-stream")
    async with answer:
        whole = await answer.read()
    json.loads(whole)
    return Response(whole, status_code=answer.status, media_type="application/json")


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with answer:
        async for piece in answer.content.iter_any():
            yield piece


app = Starlette(routes=[Route("/v1/chat/completions", _complete, methods=["POST"])], lifespan=_lifespan)
