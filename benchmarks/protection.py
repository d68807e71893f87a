"""`protect`: rows/s on one core, and the share of its ideal rate under a rewriter of fixed latency. Knows no target.

`python -m benchmarks.protection MODE ROWS SECONDS` is one run in a process of its own, bound to one core; it prints
rows/s. MODE is a defense, with `instruct` rewriting by `Scripted`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

from azeotrope.lift import defense
from azeotrope.models.fake import Scripted
from azeotrope.protect import Settings, protect
from azeotrope.protocols import Given
from benchmarks.records import Figure
from benchmarks.servers import SCRATCH

CONCURRENCY, LATENCY = 64, 0.2
DEFENSES = ("instruct", "terse", "withhold")
_REWRITTEN = (
    "Take the daily output first and remove what the household uses; then value whatever is left over at the market's "
    "rate. Each quantity enters once, and units carry through to money."
)


def measure(rounds: int, rows: int, *, told: Callable[[str], None]) -> Iterator[Figure]:
    for round_ in range(rounds):
        for name in DEFENSES:
            rate = _run(name, rows, 0.0)
            told(f"round {round_ + 1}/{rounds} {name:<12} {rate:,.0f} rows/s on one core")
            yield Figure("rows_per_second", name, round_, rate)
        waited = _run("instruct", rows, LATENCY)
        share = waited / (CONCURRENCY / LATENCY)
        told(f"round {round_ + 1}/{rounds} a rewriter of {LATENCY} s, {CONCURRENCY} at once: {share:.1%} of ideal")
        yield Figure("share_of_ideal", "instruct", round_, share)


def _run(name: str, rows: int, seconds: float) -> float:
    """With latency, a third of the rows, in whole waves of `CONCURRENCY`, so that the last one is not half empty."""
    rows = rows if not seconds else -(-rows // 3 // CONCURRENCY) * CONCURRENCY
    command = [sys.executable, "-m", "benchmarks.protection", name, str(rows), str(seconds)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def row(number: int) -> dict[str, str]:
    """A problem and its working, as a data set has them; each number is another."""
    eggs = 20 + number % 70
    left = eggs - 7
    working = (
        f"The ducks lay {eggs} eggs a day and she eats three for breakfast and bakes with four, which makes "
        f"3 + 4 = <<3+4=7>>7 eggs gone.\nThat leaves {eggs} - 7 = <<{eggs}-7={left}>>{left} eggs to sell.\n"
        f"At $2 for each fresh egg she makes {left} * 2 = $<<{left}*2={left * 2}>>{left * 2} every day at the market."
    )
    question = f"Row {number}: ducks lay {eggs} eggs a day; three are eaten, four baked, the rest sold at $2. Income?"
    return {"question": question, "answer": f"{working}\n#### {left * 2}"}


async def _protected(name: str, rows: int, seconds: float) -> float:
    folder = SCRATCH / f"protect-{os.getpid()}"
    folder.mkdir(parents=True)
    source, out = folder / "in.jsonl", folder / "out.jsonl"
    source.write_text("".join(json.dumps(row(number)) + "\n" for number in range(rows)))
    rewriter = Scripted(lambda _: _REWRITTEN, seconds=seconds)
    made = defense(name, {}, Given(rewriter=rewriter))
    summary = await protect(source, out, made, Settings(concurrency=CONCURRENCY))
    shutil.rmtree(folder)
    expected = summary.withheld if name == "withhold" else summary.released
    if (summary.rows, expected) != (rows, rows):
        raise RuntimeError(f"{name}: not every row went the expected way: {summary}")
    return rows / summary.seconds


if __name__ == "__main__":
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(asyncio.run(_protected(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
