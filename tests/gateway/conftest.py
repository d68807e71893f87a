"""Fixtures of the gateway's tests: the whole gateway in this loop, on a port of the system's choice.

async def test_it(house, upstream):
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with house({"default": {"defense": "withhold"}}) as gate:
        status, headers, body = await gate.post({"messages": [{"role": "user", "content": "?"}]})
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from azeotrope.gateway import customers, serving, settings
from azeotrope.gateway.app import Gateway
from azeotrope.gateway.logs import logger
from azeotrope.gateway.server import server

PATIENCE = {"retries": 0, "backoff": 0.001, "connect": 60.0, "idle": 60.0, "deadline": 60.0}
"""Far more than anything here takes: a test that is about an upstream's silence says so."""


@dataclass
class Gate:
    """A running gateway, and what it keeps."""

    port: int
    keys: dict[str, str]
    """By policy."""
    app: Gateway
    folder: Path
    log: io.BytesIO
    client: aiohttp.ClientSession = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def post(
        self,
        body: Any,
        policy: str = "default",
        path: str = "/v1/chat/completions",
        first: Callable[[], object] = lambda: None,
        **headers: str,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower case) and whole body; a body that breaks off counts as far as it came. `first` is
        called when its first bytes have come."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.keys[policy]}", "Content-Type": "application/json"} | headers
        async with self.client.post(f"http://127.0.0.1:{self.port}{path}", data=data, headers=sent) as response:
            parts = bytearray()
            try:
                async for part in response.content.iter_any():
                    if not parts:
                        first()
                    parts += part
            except aiohttp.ClientPayloadError:
                parts += b"<broken off>"
            return response.status, {k.lower(): v for k, v in response.headers.items()}, bytes(parts)

    async def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        async with self.client.get(f"http://127.0.0.1:{self.port}{path}", headers=headers) as response:
            return response.status, await response.read()

    async def until(self, holds: Callable[[], object]) -> None:
        """Returns once something that happens by itself has happened."""
        while not holds():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0)

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def kept(self) -> bytes:
        """Every byte of the ledger's files."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.glob("ledger.db*")))


House = Callable[..., Any]


@pytest.fixture
def house(tmp_path: Path, upstream: Any) -> House:
    """Opens a gateway before `upstream`: `house(policies, server={...}, patience={...}, upstream={...}, env={...})`."""

    @asynccontextmanager
    async def opened(policies: dict[str, Any] | None = None, **tables: Any) -> AsyncIterator[Gate]:
        policies = policies or {"default": {"defense": "withhold"}}
        env = tables.pop("env", {})
        patience = PATIENCE | tables.pop("patience", {})
        table = {
            "server": {"port": 0, "header_seconds": 60.0, **tables.pop("server", {})},
            "upstream": {"base_url": upstream.url, "patience": patience, **tables.pop("upstream", {})},
            "policies": policies,
            "ledger": {"dsn": f"sqlite:///{tmp_path / 'ledger.db'}"},
            "customers": {"default_policy": next(iter(policies))},
            **tables,
        }
        read = settings.check(table, "test", tmp_path)
        keys = {name: customers.add(tmp_path / "customers.json", f"of-{name}", name) for name in policies}
        log = io.BytesIO()
        async with serving.gateway(read, env, log=logger("debug", log)) as app:
            async with listening(app, read.server) as port, aiohttp.ClientSession() as client:
                yield Gate(port, keys, app, tmp_path, log, client)
            await app.drain(60.0)

    return opened


@asynccontextmanager
async def listening(app: Gateway, limits: settings.Server) -> AsyncIterator[int]:
    """uvicorn without its signal handlers and half-second pauses."""
    addresses: list[str] = []
    served = server(app, limits, addresses.append)
    served.config.load()
    served.lifespan = served.config.lifespan_class(served.config)
    await served.startup()
    try:
        yield served.servers[0].sockets[0].getsockname()[1]
    finally:
        for listener in served.servers:
            listener.close()
        for connection in list(served.server_state.connections):
            connection.transport.abort()
        for listener in served.servers:
            await listener.wait_closed()
