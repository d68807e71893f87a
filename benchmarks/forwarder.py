"""The practical limit: a bare forwarder, Starlette before aiohttp. Authenticates, counts and checks nothing.

`UPSTREAM=http://... uvicorn benchmarks.forwarder:app`.
"""

from __future__ import annotations

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
    asked = request.app.state.session.post(f"{_UPSTREAM}/chat/completions", data=body, headers=_HEADERS)
    answer = await asked
    kind = answer.headers["content-type"]
    if kind.startswith("text/event-stream"):
        return StreamingResponse(_pieces(answer), media_type=kind)
    async with answer:
        return Response(await answer.read(), status_code=answer.status, media_type=kind)


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with answer:
        async for piece in answer.content.iter_any():
            yield piece


app = Starlette(routes=[Route("/v1/chat/completions", _complete, methods=["POST"])], lifespan=_lifespan)
