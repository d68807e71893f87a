"""From settings to a running gateway: models and ledger opened, defenses built, server started. Knows no request."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from azeotrope.errors import Misconfigured
from azeotrope.gateway.app import Gateway
from azeotrope.gateway.call import Doorkeeper, Means
from azeotrope.gateway.customers import Customers
from azeotrope.gateway.logs import logger
from azeotrope.gateway.metrics import Metrics
from azeotrope.gateway.policy import guards, master_key
from azeotrope.gateway.promises import Promises
from azeotrope.gateway.server import server
from azeotrope.gateway.settings import Book, Endpoint, Settings, secret
from azeotrope.ledger import Ledger, Signer, Signing, commitments
from azeotrope.models.remote import Remote
from azeotrope.protocols import Model


@asynccontextmanager
async def gateway(
    settings: Settings,
    environment: Mapping[str, str],
    *,
    customers: Doorkeeper | None = None,
    upstream: Model | None = None,
    log: Any = None,
) -> AsyncGenerator[Gateway]:
    """The application with everything it needs open. `customers` and `upstream` stand in for those of the settings."""
    async with AsyncExitStack() as stack:
        rewriter, log = None, log or logger(settings.server.log)
        if upstream is None:
            upstream = await stack.enter_async_context(remote(settings.upstream, environment, log))
        if settings.rewriter is not None:
            rewriter = await stack.enter_async_context(remote(settings.rewriter, environment, log))
        ready = guards(settings, upstream, rewriter, master_key(settings, environment))
        known = customers or Customers(Path(settings.customers.file), log)
        check_customers(known, settings)
        recorded = any(policy.recorded for policy in settings.policies.values())
        book = await stack.enter_async_context(_ledger(settings.ledger, environment, log)) if recorded else None
        kept = await asyncio.to_thread(commitments, settings.ledger.dsn) if book else []
        yield Gateway(Means(settings, ready, known, upstream, book, Metrics(), log, Promises(kept)))


def remote(endpoint: Endpoint, environment: Mapping[str, str], log: Any = None) -> Remote:
    """The endpoint as a model, with its key. What it learns of the upstream's habits is logged."""
    return Remote(
        endpoint.base_url,
        model=endpoint.model,
        key=secret(endpoint, environment),
        reasoning_in_content=endpoint.reasoning_in_content,
        think_in_prompt=endpoint.think_in_prompt,
        patience=endpoint.patience,
        told=None if log is None else lambda why: log.warning("upstream_habit", upstream=endpoint.base_url, why=why),
    )


def _ledger(book: Book, environment: Mapping[str, str], log: Any) -> Ledger:
    return Ledger(
        book.dsn, signing=signing(book, environment), told=lambda why: log.warning("ledger_evidence", why=why)
    )


def signing(book: Book, environment: Mapping[str, str]) -> Signing | None:
    """Who signs the ledger's heads; None where no key is named. Raises `Misconfigured`."""
    key = secret(book, environment)
    if key is None:
        if book.time_authority is not None:
            raise Misconfigured("a time authority stamps signed heads: name the [ledger]'s key_file or key_env as well")
        return None
    signer = Signer.of(key, book.key_file or str(book.key_env))
    return Signing(signer, book.head_seconds, book.time_authority, book.stamp_seconds)


def check_customers(known: Doorkeeper, settings: Settings) -> None:
    """Raises `Misconfigured` for a customer whose policy does not exist."""
    for customer in known.all():
        if customer.policy is not None and customer.policy not in settings.policies:
            known_ones = ", ".join(settings.policies)
            raise Misconfigured(
                f"customer {customer.name!r} has the policy {customer.policy!r}; there are: {known_ones}"
            )


async def serve(
    settings: Settings,
    environment: Mapping[str, str],
    *,
    announce: Callable[[str], Any],
    customers: Doorkeeper | None = None,
    upstream: Model | None = None,
) -> None:
    """Serves until told to stop (SIGTERM, SIGINT). `announce` is called with the address once it listens."""
    async with gateway(settings, environment, customers=customers, upstream=upstream) as app:
        gc.freeze()  # what stands until the end is not searched for garbage with every request
        await server(app, settings.server, announce).serve()
