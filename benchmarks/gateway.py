"""Requests/s, streams/s and sequential latency of every contender, in interleaved rounds. Knows no target.

Within a round each contender is measured in turn, in an order drawn anew, while the others are stopped. The time this
disk takes to make 4 KiB durable, which drifts, is taken right after each contender's latency.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import load, servers
from benchmarks.load import Load
from benchmarks.records import Figure
from benchmarks.servers import Server

CONNECTIONS = 32
SAYS = {False: b"an answer an answer", True: b"[DONE]"}
"""What every whole response and every whole stream holds."""


@contextmanager
def contenders(*, peer: bool) -> Iterator[tuple[Server, list[Server]]]:
    """(the upstream, everyone who stands before it), running and checked."""
    with ExitStack() as stack:

        def run(made: Server) -> Server:
            stack.callback(made.stop)
            return made

        upstream = run(servers.upstream())
        before = [run(servers.forwarder(upstream.port))]
        before += [run(servers.gateway(policy, upstream.port)) for policy in ("none", "withhold")]
        if peer and (found := _peer(upstream.port)):
            before.append(run(found))
        for server in before:
            asyncio.run(_check(server))
        yield upstream, before


def _peer(port: int) -> Server | None:
    try:
        return servers.litellm(port)
    except Exception as error:
        print(f"!!! LiteLLM CANNOT BE MEASURED and is left out: {error}", flush=True)
        return None


async def _check(server: Server) -> None:
    """A contender that answers wrongly, or a defense that leaks, is not worth measuring."""
    for stream in (False, True):
        leak = b"so it goes,token 7 ".split(b",")[stream] if "withhold" in server.name else None
        once = await load.run(
            server.port, server.key, stream=stream, connections=1, seconds=0.5, must_hold=SAYS[stream], must_not=leak
        )
        if once.errors:
            raise RuntimeError(f"{server.name} answers wrongly ({'stream' if stream else 'whole'}): {once.last!r}")


def measure(
    rounds: int, seconds: float, *, peer: bool, told: Callable[[str], None], throughput: bool = True
) -> Iterator[Figure]:
    """All figures, round by round. `seconds` is the length of one window of load."""
    order = random.Random(0)
    with contenders(peer=peer) as (upstream, before):
        for round_ in range(rounds):
            for server in order.sample([upstream, *before], len(before) + 1):
                with servers.only(server, before):
                    found = asyncio.run(
                        _window(server, round_, seconds, throughput=throughput and server is not upstream)
                    )
                told(f"round {round_ + 1}/{rounds} {_line(found)}")
                yield from found


async def _window(server: Server, round_: int, seconds: float, *, throughput: bool) -> list[Figure]:
    """One contender's share of a round."""
    figures = []
    for name, stream in (("requests_per_second", False), ("streams_per_second", True)):
        if not throughput:
            continue
        await _ask(server, stream=stream, connections=CONNECTIONS, seconds=min(0.5, seconds / 4))
        done = await _ask(server, stream=stream, connections=CONNECTIONS, seconds=seconds)
        figures.append(Figure(name, server.name, round_, len(done.seconds) / done.took))
    done = await _ask(server, stream=False, connections=1, seconds=seconds / 2)
    figures.append(Figure("sequential_ms", server.name, round_, statistics.median(done.seconds) * 1e3))
    figures.append(Figure("fsync_ms", server.name, round_, fsync_ms()))
    return figures


async def _ask(server: Server, *, stream: bool, connections: int, seconds: float) -> Load:
    done = await load.run(
        server.port, server.key, stream=stream, connections=connections, seconds=seconds, must_hold=SAYS[stream]
    )
    if done.errors or not done.seconds:
        raise RuntimeError(f"{server.name}: {done.errors} errors and {len(done.seconds)} answers; {done.last!r}")
    return done


def fsync_ms(times: int = 100) -> float:
    """Median milliseconds until 4 KiB appended on the ledger's disk are durable."""
    servers.SCRATCH.mkdir(exist_ok=True)
    path, taken = servers.SCRATCH / "fsync", []
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    path.unlink()
    return statistics.median(taken) * 1e3


def _line(figures: list[Figure]) -> str:
    return f"{figures[0].of:<20}" + "  ".join(f"{f.name} {f.value:,.2f}" for f in figures)
