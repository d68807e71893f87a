"""Local: the embedded model. llama.cpp inside this process, spoken to as any other OpenAI-compatible endpoint.

Knows no gateway. The engine listens on a loopback port that the system chooses, behind a key that only this object
holds, so that nobody else on the machine uses it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from azeotrope.errors import Misconfigured
from azeotrope.models import weights
from azeotrope.models.remote import Remote
from azeotrope.types import Event, Record, Request


class Engine(Record, frozen=True):
    """How the embedded engine runs."""

    threads: int = 0
    """0: as many as there are processors for this process."""
    parallel: int = 2
    """Requests answered at the same time; more wait their turn."""
    context: int = 4096
    """Tokens for each request, prompt and answer together; never more than the model was trained for."""

    def __post_init__(self) -> None:
        if self.threads < 0 or self.parallel < 1 or self.context < 64:
            raise ValueError("threads is at least 0, parallel at least 1, context at least 64")


class Local:
    """`async with Local() as model:` serves the weights (see `weights.find` for `source`) while the block lasts.

    Raises `Misconfigured` with the cure if engine or weights are missing or damaged. Starting takes about 0.5 s for the
    default weights, during which the event loop stands still: the engine holds the interpreter while it loads.
    """

    def __init__(self, source: str | Path = weights.DEFAULT, *, engine: Engine = Engine()) -> None:
        self._weights = weights.find(source)
        self._library = _library()
        self._engine, self._stack = engine, AsyncExitStack()
        self._remote: Remote | None = None

    @property
    def name(self) -> str:
        return self._weights.name

    @property
    def licence(self) -> str:
        """The weights' licence as their file states it: `apache-2.0` for the default."""
        return self._weights.licence

    async def __aenter__(self) -> Self:
        key = secrets.token_urlsafe(32)
        server = self._started(key)
        self._stack.callback(lambda: server.clear())
        remote = Remote(f"{server[0].listening_address}/v1", model=self.name, key=key)
        self._remote = await self._stack.enter_async_context(remote)
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._remote = None
        await self._stack.aclose()

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """Raises what `Remote` raises."""
        if self._remote is None:
            raise Misconfigured("a Local model answers inside `async with Local() as model:` only")
        async with aclosing(self._remote.stream(request)) as events:
            async for event in events:
                yield event

    def _started(self, key: str) -> list[Any]:
        """The running server, alone in a list: it stops when its last reference goes."""
        try:
            return [self._library.Server(self._settings(key))]
        except RuntimeError:
            raise Misconfigured(
                f"the engine cannot load {self._weights.path}: the file is damaged or of a kind it does not know"
            ) from None

    def _settings(self, key: str) -> Any:
        wanted, trained = self._engine.context, self._weights.header.context
        settings = self._library.CommonParams()
        settings.model.path = str(self._weights.path)
        settings.model_alias = {self.name}
        settings.hostnames, settings.port, settings.api_keys = ["127.0.0.1"], 0, [key]
        settings.ui = settings.endpoint_slots = False
        settings.verbosity, settings.offline = -1, True
        settings.n_parallel = self._engine.parallel
        settings.n_ctx = (min(wanted, trained) if trained else wanted) * self._engine.parallel
        settings.warmup = False
        settings.cache_ram_mib = 0
        settings.cpuparams.n_threads = self._engine.threads or _processors()
        return settings


def _processors() -> int:
    """That this process may use, where the system says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _library() -> Any:
    """The engine's module. Its threads sleep while they wait, unless the environment says otherwise.

    Left to itself the OpenMP runtime spins: beside other work on two cores that makes 3 to 8 tokens a second of 40. It
    reads the variable once, when it is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        return import_module("xllamacpp")
    except ImportError:
        raise Misconfigured("the embedded model needs its engine: pip install 'azeotrope[local]'") from None
