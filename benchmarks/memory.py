"""Resident memory of each contender while 1,000 streams are open before it. Knows no target."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Iterator

from benchmarks import gateway, load
from benchmarks.records import Figure
from benchmarks.servers import Server

STREAMS = 1000


def measure(rounds: int, *, peer: bool, told: Callable[[str], None]) -> Iterator[Figure]:
    """Fresh processes in every round: idle, then with every stream begun and none ended."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the servers inherit it
    for round_ in range(rounds):
        with gateway.contenders(peer=peer) as (_, before):
            for server in before:
                idle = server.megabytes()
                yield Figure("idle_mb", server.name, round_, idle)
                if server.name == "litellm":  # it begins some ten streams a second
                    told(f"round {round_ + 1}/{rounds} {server.name:<20} idle {idle:.0f} MB")
                    continue
                open_ = asyncio.run(_opened(server))
                told(f"round {round_ + 1}/{rounds} {server.name:<20} idle {idle:.0f} MB, open streams {open_:.0f} MB")
                yield Figure("open_streams_mb", server.name, round_, open_)


async def _opened(server: Server) -> float:
    began, transports = await load.hold(server.port, server.key, STREAMS)
    if began != STREAMS:
        raise RuntimeError(f"{server.name}: only {began} of {STREAMS} streams began")
    await asyncio.sleep(1.0)  # what each has been sent is read and held by now
    megabytes = server.megabytes()
    for transport in transports:
        transport.abort()
    return megabytes
