"""Whether a settings file's gateway could serve: what it names is there, answers, can be written. Changes nothing.

A check that fails in a way nobody foresaw is a finding as well, without the text of its error.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

from azeotrope import ledger
from azeotrope.errors import AzeotropeError, Misconfigured, Unavailable
from azeotrope.gateway import customers
from azeotrope.gateway import serving as gateway
from azeotrope.gateway import settings as config
from azeotrope.gateway.policy import guards, master_key
from azeotrope.health import Finding
from azeotrope.ledger.tables import address
from azeotrope.models.remote import Remote

_LEAST_FREE = 100 << 20
"""Bytes of disk below which a ledger is in danger."""


async def serving(path: Path, environment: Mapping[str, str]) -> list[Finding]:
    """Whether `azeotrope serve --config PATH` could serve: settings, defenses, models, customers, ledger."""
    try:
        settings = config.read(path, environment)
    except Misconfigured as error:
        return [Finding("settings", "broken", str(error), "azeotrope serve --sample-config prints a valid file")]
    found = [Finding("settings", "ok", f"{path}: policies {', '.join(settings.policies)}")]
    async with AsyncExitStack() as stack:
        models: dict[str, Remote | None] = {"upstream": None, "rewriter": None}
        for name, endpoint in (("upstream", settings.upstream), ("rewriter", settings.rewriter)):
            if endpoint is not None:
                finding, models[name] = await _endpoint(name, endpoint, environment, stack)
                found.append(finding)
        if models["upstream"] is not None and (models["rewriter"] is not None) == (settings.rewriter is not None):
            upstream, rewriter = models["upstream"], models["rewriter"]
            found.append(_tried("defenses", lambda: _defenses(settings, upstream, rewriter, environment)))
    found.append(_tried("customers", lambda: _customers(settings)))
    if any(policy.recorded for policy in settings.policies.values()):
        found.append(await asyncio.to_thread(_tried, "ledger", lambda: _ledger(settings.ledger.dsn)))
        found.append(_tried("evidence", lambda: _evidence(settings.ledger, environment)))
    return found


async def _endpoint(
    name: str, endpoint: config.Endpoint, environment: Mapping[str, str], stack: AsyncExitStack
) -> tuple[Finding, Remote | None]:
    """Whether it lists its models, and the model it is asked for among them."""
    remote = None
    try:
        remote = await stack.enter_async_context(gateway.remote(endpoint, environment))
        listed = [str(model.get("id")) for model in await remote.models()]
    except AzeotropeError as error:
        cure = "start it, or mend its address or key in the settings"
        return Finding(name, "broken", f"{endpoint.base_url}: {error}", cure), remote
    shown = ", ".join(listed[:5]) + (", ..." if len(listed) > 5 else "")
    if endpoint.model and endpoint.model not in listed:
        said = f"{endpoint.base_url} answers, but does not list {endpoint.model!r}; it lists: {shown or 'nothing'}"
        return Finding(name, "broken", said, f"mend model of [{name}]"), remote
    return Finding(name, "ok", f"{endpoint.base_url} answers; models: {shown or 'none listed'}"), remote


def _tried(name: str, look: Callable[[], str]) -> Finding:
    """What `look` says, or why it could not."""
    try:
        return Finding(name, "ok", look())
    except AzeotropeError as error:
        said, _, cure = str(error).partition("; ")
        return Finding(name, "broken", said, cure)
    except Exception as error:
        return Finding(name, "broken", f"this check itself failed: {type(error).__name__}")


def _defenses(
    settings: config.Settings, upstream: Remote, rewriter: Remote | None, environment: Mapping[str, str]
) -> str:
    return f"{len(guards(settings, upstream, rewriter, master_key(settings, environment)))} policies built"


def _customers(settings: config.Settings) -> str:
    file = settings.customers.file
    known = customers.read(Path(file)).customers
    if not known:
        raise Misconfigured(f"{file} has nobody in it; azeotrope customers add NAME adds a customer")
    for customer in known:
        if customer.policy is not None and customer.policy not in settings.policies:
            there = ", ".join(settings.policies)
            raise Misconfigured(f"customer {customer.name!r} has the policy {customer.policy!r}; there are: {there}")
    return f"{len(known)} in {file}"


def _evidence(book: config.Book, environment: Mapping[str, str]) -> str:
    signing = gateway.signing(book, environment)
    if signing is None:
        return "no key signs the ledger's heads, so nothing it says can be proven; azeotrope ledger key makes one"
    stamped = f"stamped by {urlsplit(signing.authority).hostname}" if signing.authority else "time is self-asserted"
    return f"heads are signed by {signing.signer}, {stamped}"


def _ledger(dsn: str) -> str:
    """A file's place can be written and has room; a database answers. An absent file is not made."""
    url = address(dsn)
    if url.get_backend_name() != "sqlite" or url.database is None:
        return f"{ledger.count(dsn)} records"
    path = Path(url.database).absolute()
    place = path if path.exists() else path.parent
    if not place.exists():
        raise Misconfigured(f"there is no folder {place} for the ledger; make it")
    if not os.access(place, os.W_OK):
        raise Misconfigured(f"the ledger {place} cannot be written; make it writable for this user")
    if (free := shutil.disk_usage(path.parent).free) < _LEAST_FREE:
        raise Unavailable(f"{free >> 20} MiB are left on the ledger's disk; make room")
    records = f"{ledger.count(dsn)} records" if path.exists() else "not begun yet"
    return f"{path}: {records}, {free / 1e9:.0f} GB free"
