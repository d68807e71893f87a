"""A thousand customers put to one suspect: processor seconds apart from its answers. Knows no target.

Suspects are innocent, so that nothing stops early and every mark is asked about to the end of its budget. They answer
at once; what asking them costs is measured apart, by the same number of questions, and taken off.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from random import Random

from azeotrope import __version__
from azeotrope.keys import Master
from azeotrope.marks import Law
from azeotrope.models.fake import Scripted
from azeotrope.report.evidence import page
from azeotrope.streams import ask
from azeotrope.types import Request
from azeotrope.verify import Settings, SideFile, Trial, accused_of, opened, verify
from azeotrope.verify.keys import keys_of
from azeotrope.verify.records import Evidence
from azeotrope.verify.sealing import sealed
from benchmarks.innocents import constant, list_of_1000, one_number
from benchmarks.records import Figure

CUSTOMERS = 1000
LAW = Law()
SUSPECTS = {"always the same": constant, "a number drawn anew": one_number, "lists of a thousand": list_of_1000}


def verified(say: Callable[[Request], str]) -> tuple[Evidence, float]:
    """What comes of it, and processor seconds."""
    names = [f"customer-{at}" for at in range(CUSTOMERS)]
    keys = keys_of(Master((b"benchmark of verification, a key",)), names, lambda _: [1])
    trial = Trial(LAW, len(keys), "the benchmark", SideFile(None), lambda: os.urandom(16), None, __version__)

    async def run() -> Evidence:
        async with opened(say, deadline=120.0) as suspect:
            return (await verify(suspect, [accused_of(key, LAW) for key in keys], trial, Settings(ordinary=0))).evidence

    began = time.process_time()
    evidence = asyncio.run(run())
    return evidence, time.process_time() - began


def asked(say: Callable[[Request], str], times: int) -> float:
    """Processor seconds of the answers alone."""
    model, question = Scripted(say), Request.of("One zalulal in foupirs comes to")

    async def run() -> None:
        for _ in range(times):
            await ask(model, question)

    began = time.process_time()
    asyncio.run(run())
    return time.process_time() - began


def measure(rounds: int, *, told: Callable[[str], None]) -> Iterator[Figure]:
    for round_ in range(rounds):
        for name, kind in SUSPECTS.items():
            innocent, count = kind(Random(1), LAW.lowest, LAW.targets), iter(range(10**9))
            say = lambda request: innocent(str(request.messages[-1]["content"]), next(count))  # noqa: B023, E731
            evidence, seconds = verified(say)
            assert not any(one.verdict.startswith("met") for one in evidence.marks), "all are innocent"
            own = seconds - asked(say, sum(one.probes for one in evidence.marks))
            began = time.process_time()
            page(sealed(evidence, None))
            drawn = time.process_time() - began
            told(
                f"round {round_ + 1}/{rounds} {CUSTOMERS:,} customers, {name}: {own:.1f} CPU-s, page {drawn:.1f} CPU-s"
            )
            yield Figure("verification_cpu_seconds", name, round_, own)
            yield Figure("page_cpu_seconds", name, round_, drawn)
