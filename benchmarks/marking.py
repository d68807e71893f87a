"""What marking costs a response, in milliseconds of processor time. Knows no target.

The defense is run as it is online, over a teacher that answers at once; what asking that teacher takes is taken off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

from azeotrope import Given, Replay, Request, Trace, ask, lift
from azeotrope.keys import Key, Master
from benchmarks.protection import row
from benchmarks.records import Figure

SHARES = {"no response": 0.0, "a tenth": 0.1, "every response": 1.0}


def milliseconds(traces: list[tuple[str, str]], share: float | None, key: Key) -> float:
    """Of one response, on the processor's clock; `share` None: without any defense."""
    marking = lift.none if share is None else lift.defense("association", {"share": share}, Given(key=key))
    requests = [Request.of(problem) for problem, _ in traces]
    teachers = [
        marking(Replay([Trace("t", request, text, "72")])) for request, (_, text) in zip(requests, traces, strict=True)
    ]

    async def run() -> None:
        for teacher, request in zip(teachers, requests, strict=True):
            await ask(teacher, request)

    started = time.process_time()
    asyncio.run(run())
    return (time.process_time() - started) / len(traces) * 1e3


def measure(rounds: int, *, told: Callable[[str], None], most: int = 2000) -> Iterator[Figure]:
    """Over rows as `protection` has them, each a problem of its own."""
    made, key = map(row, range(most)), Master.new().key("acme")
    traces = [(one["question"], one["answer"].rpartition("\n####")[0]) for one in made]
    for round_ in range(rounds):
        bare = milliseconds(traces, None, key)
        for name, share in SHARES.items():
            spent = milliseconds(traces, share, key) - bare
            told(f"round {round_ + 1}/{rounds} marking, {name}: {spent:.3f} ms a response")
            yield Figure("ms_per_response", f"marking, {name}", round_, spent)
