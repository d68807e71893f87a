"""`python -m benchmarks [PART|latency|report] [--quick]`: all of it, or one part; --help lists them.

Results go to `benchmarks/results/`; then docs/benchmarks.md is written anew from the newest of every figure.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import (
    folding,
    gateway,
    lab,
    ledger,
    marking,
    memory,
    protection,
    records,
    report,
    rivals,
    shape,
    verification,
)  # fmt: skip
from benchmarks.records import Figure

PARTS = ("gateway", "memory", "protect", "ledger", "lab", "marks", "shape", "folding", "rivals")
ROOT = Path(__file__).parent.parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=["all", *PARTS, "latency", "report"])
    parser.add_argument("--quick", action="store_true", help="one short round: does it run at all?")
    parser.add_argument("--rounds", type=int, default=0, help="instead of 7 (gateway) and 3 (the rest)")
    parser.add_argument("--no-peer", action="store_true", help="leave LiteLLM out")
    return parser.parse_args()


def measured(given: argparse.Namespace) -> Iterator[Figure]:
    quick, peer = given.quick, not given.no_peer
    many, few = given.rounds or (1 if quick else 7), given.rounds or (1 if quick else 3)
    for what in PARTS if given.what == "all" else (given.what,):
        told(f"--- {what}")
        if what in ("gateway", "latency"):  # latency: the same windows, no throughput
            yield from gateway.measure(many, 1.0 if quick else 3.0, peer=peer, told=told, throughput=what == "gateway")
        elif what == "memory":
            yield from memory.measure(few if given.rounds else 1 if quick else 2, peer=peer, told=told)
        elif what == "protect":
            yield from protection.measure(few, 960 if quick else 9600, told=told)
        elif what == "lab":
            yield from lab.measure(few, told=told)
        elif what == "marks":
            yield from marking.measure(few, told=told)
            yield from verification.measure(few, told=told)
        elif what == "shape":
            yield from shape.measure(few, told=told)
        elif what == "folding":
            yield from folding.measure(few, told=told)
        elif what == "rivals":
            yield from rivals.measure(few, told=told)
        else:
            yield from ledger.measure(few, 1.0 if quick else 3.0, told=told)


def told(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    given = arguments()
    folder = ROOT / "benchmarks/results"
    if given.what != "report":
        began = time.perf_counter()
        run = records.head(vars(given))
        figures = list(measured(given))
        path = folder / f"{run.started[:19].replace(':', '')}-{given.what}.jsonl"
        if given.quick:
            told(report.text(figures))
            return
        records.write(path, run, figures)
        told(f"{time.perf_counter() - began:.0f} s; {path.relative_to(ROOT)}")
    parts = records.newest(folder.glob("*.jsonl"))
    told(report.text([figure for part in parts for figure in part.figures]))
    report.write(parts, ROOT / "docs")
    told("docs/benchmarks.md is written")


if __name__ == "__main__":
    main()
