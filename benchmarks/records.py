"""Rows of a results file, and what is drawn from them: medians, quartiles, ratios within rounds. No I/O but the file's.

The first line is a `types.Run`; every other line one figure of one round.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from azeotrope import __version__
from azeotrope.codec import decode, digest, encode
from azeotrope.types import Record, Run


class Figure(Record, frozen=True):
    """One measurement. Figures of one round were taken next to each other and may be divided by one another."""

    name: str
    """requests_per_second, sequential_ms, ..."""
    of: str
    """The contender."""
    round: int
    value: float


def head(config: object) -> Run:
    """Who measured what, where and when."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return Run(digest(config)[:16], __version__, _commit(), machine(), started)


def machine() -> str:
    """Processor, cores, memory, kernel and Python."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":")[1].strip() for line in info.splitlines() if "model name" in line), platform.machine())
    cores = info.count("model name") or "?"
    memory = Path("/proc/meminfo")
    total = int(memory.read_text().split()[1]) // 2**20 if memory.exists() else 0
    return f"{model}, {cores} cores, {total} GiB, Linux {platform.release()}, Python {platform.python_version()}"


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=False).stdout.strip()

    changed = "+changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + changed


def write(path: Path, run: Run, figures: Iterable[Figure]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(encode(record) + b"\n" for record in (run, *figures)))


def read(path: Path) -> tuple[Run, list[Figure]]:
    first, *rest = path.read_bytes().splitlines()
    return decode(first, Run), [decode(line, Figure) for line in rest]


class Part(Record, frozen=True):
    """What of one results file counts."""

    path: Path
    run: Run
    figures: list[Figure]


def newest(paths: Iterable[Path]) -> list[Part]:
    """Every figure from the newest file that has it; files without one are left out. Names begin with the time."""
    parts: list[Part] = []
    known: set[str] = set()
    for path in sorted(paths, reverse=True):
        run, figures = read(path)
        fresh = [figure for figure in figures if figure.name not in known]
        known |= {figure.name for figure in fresh}
        parts += [Part(path, run, fresh)] if fresh else []
    return parts


def values(figures: Iterable[Figure], name: str, of: str) -> dict[int, float]:
    """The figure by round."""
    return {figure.round: figure.value for figure in figures if (figure.name, figure.of) == (name, of)}


def ratios(figures: list[Figure], name: str, of: str, to: str) -> list[float]:
    """One contender's figure over another's, within each round that has both."""
    above, below = values(figures, name, of), values(figures, name, to)
    return [above[at] / below[at] for at in sorted(above.keys() & below.keys()) if below[at]]


def spread(numbers: Iterable[float]) -> tuple[float, float, float]:
    """(median, lower quartile, upper quartile)."""
    ordered = sorted(numbers)
    if len(ordered) < 2:
        return (ordered[0],) * 3
    low, middle, high = statistics.quantiles(ordered, n=4, method="inclusive")
    return middle, low, high
