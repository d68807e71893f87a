"""What marking costs a response, in milliseconds: `python -m benchmarks.marking TRACES.jsonl`.

The defense is run as it is online, over a teacher that answers at once; what is left when no mark is set is taken off.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from azeotrope import Given, Replay, Request, Trace, ask, lift
from azeotrope.keys import Key, Master
from azeotrope.stealth import read


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


def main(path: Path, most: int = 2000) -> None:
    traces, key = read(path)[:most], Master.new().key("acme")
    bare = milliseconds(traces, None, key)
    for name, share in (("none marked", 0.0), ("a tenth", 0.1), ("all marked", 1.0)):
        print(f"{name:<12} {milliseconds(traces, share, key) - bare:.3f} ms a response (n={len(traces):,})")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
