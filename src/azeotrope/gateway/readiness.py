"""Whether the gateway could serve: the upstream lists its models and the ledger can be read. Knows no request."""

from __future__ import annotations

import asyncio

from azeotrope import ledger
from azeotrope.errors import AzeotropeError
from azeotrope.gateway.call import Means
from azeotrope.models.remote import Remote
from azeotrope.protocols import Model
from azeotrope.types import Fields

_FRESH = 1.0
"""Seconds that an answer is good for: anybody may ask, the upstream is asked this often at most."""


class Readiness:
    """Asked at most once at a time."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._lock = asyncio.Lock()
        self._until, self._answer = 0.0, False

    async def ready(self) -> bool:
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() >= self._until:
                self._answer = await self._ask()
                self._until = loop.time() + _FRESH
            return self._answer

    async def _ask(self) -> bool:
        try:
            await models(self._means.upstream)
            if self._means.ledger is not None:
                await asyncio.to_thread(ledger.count, self._means.settings.ledger.dsn)
        except (AzeotropeError, OSError):
            return False
        return True


async def models(upstream: Model) -> list[Fields]:
    """What the upstream serves: its own list, or, for a model in this process, itself."""
    if isinstance(upstream, Remote):
        return await upstream.models()
    return [{"id": upstream.name, "object": "model"}]
