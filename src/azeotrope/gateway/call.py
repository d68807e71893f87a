"""One request being served (who asks, under which policy, where the answer goes), and the means it is served with."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from azeotrope.gateway.customers import Customer
from azeotrope.gateway.metrics import Metrics
from azeotrope.gateway.policy import Guard, Guards
from azeotrope.gateway.promises import Promises
from azeotrope.gateway.reply import Receive, Reply
from azeotrope.gateway.settings import Settings
from azeotrope.ledger import Ledger
from azeotrope.protocols import Model


class Doorkeeper(Protocol):
    """Tells whose key it is."""

    def of(self, key: str) -> Customer | None: ...

    def all(self) -> tuple[Customer, ...]: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What every request is served with; made once."""

    settings: Settings
    guards: Guards
    customers: Doorkeeper
    upstream: Model
    ledger: Ledger | None
    """None where no policy records."""
    metrics: Metrics
    log: Any
    promises: Promises = field(default_factory=Promises)
    afterwards: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    """Work that outlives its request, waited for at the end."""
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Taken by one at a time of the requests that are long to read."""

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.afterwards.add(task)
        task.add_done_callback(self.afterwards.discard)


@dataclass(slots=True)
class Call:
    """One request."""

    id: str
    receive: Receive
    reply: Reply
    started: float
    """Unix seconds."""
    customer: Customer | None = None
    guard: Guard | None = None
    read: bool = False
    """Has the body been read?"""
