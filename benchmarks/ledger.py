"""The ledger alone, its heads signed every second: durable records/s and processor time a record. Knows no target."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvloop

from azeotrope.ledger import Entry, Ledger, Signer, Signing, count
from azeotrope.types import Request, Step, Trace
from benchmarks.gateway import fsync_ms
from benchmarks.records import Figure
from benchmarks.servers import SCRATCH

_TRACE = Trace(
    "t", Request.of("q" * 500, temperature=0.6), "", "an answer " * 30, "mock",
    usage={"prompt_tokens": 125, "completion_tokens": 484}, lineage=(Step("withhold", "withheld", "c0ffee" * 3),),
)  # fmt: skip


def measure(rounds: int, seconds: float, *, told: Callable[[str], None]) -> Iterator[Figure]:
    """By 1, 32 and 256 writers at once, each waiting for its record to be durable."""
    for round_ in range(rounds):
        for writers in (1, 32, 256):
            folder = SCRATCH / "ledger"
            shutil.rmtree(folder, ignore_errors=True)
            rate, cpu = uvloop.run(_appending(folder / "ledger.db", writers, seconds))
            of = f"{writers} at once"
            told(f"round {round_ + 1}/{rounds} {of:<12} {rate:,.0f} records/s, {cpu:.0f} us of processor time each")
            yield Figure("records_per_second", of, round_, rate)
            yield Figure("cpu_us_per_record", of, round_, cpu)
            yield Figure("fsync_ms", of, round_, fsync_ms())


async def _appending(path: Path, writers: int, seconds: float) -> tuple[float, float]:
    """(records/s, microseconds of processor time a record: all threads, heads and the making of the entry included)."""
    done = 0

    async def write(ledger: Ledger, end: float) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await ledger.append(
                Entry.of(_TRACE, request_id="req_0123456789abcdef", customer="bench", policy="p", started=time.time())
            )
            done += 1

    async with Ledger(path, signing=Signing(Signer(bytes(32)), every=1.0)) as ledger:
        began, busy = time.perf_counter(), time.process_time()
        await asyncio.gather(*(write(ledger, began + seconds) for _ in range(writers)))
        took, busy = time.perf_counter() - began, time.process_time() - busy
    if count(path) != done:
        raise RuntimeError(f"{done} records were acknowledged, {count(path)} are there")
    return done / took, busy / done * 1e6
