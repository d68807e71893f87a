"""What is to be reached, and what was: the final table. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from azeotrope.types import Record
from benchmarks.records import Figure, ratios, spread, values

NONE, WITHHOLD, BARE, PEER = "azeotrope-none", "azeotrope-withhold", "forwarder", "litellm"
Numbers = list[float]


class Target(Record, frozen=True):
    """A bound on the median of a figure that is computed within each round."""

    figure: str
    sense: Literal["at least", "at most"]
    bound: float
    unit: str
    of: Callable[[list[Figure]], Numbers]


class Row(Record, frozen=True):
    """One line of the table."""

    figure: str
    target: str
    measured: str
    met: str
    """yes, NO, or not measured."""


def _ratio(name: str, of: str, to: str) -> Callable[[list[Figure]], Numbers]:
    return lambda figures: ratios(figures, name, of, to)


def _added(of: str, *, durable: bool) -> Callable[[list[Figure]], Numbers]:
    """Sequential latency beyond the upstream's own, ms; less one fsync measured beside it where a record is kept."""

    def compute(figures: list[Figure]) -> Numbers:
        all_, bare = values(figures, "sequential_ms", of), values(figures, "sequential_ms", "upstream")
        fsync = values(figures, "fsync_ms", of) if durable else dict.fromkeys(all_, 0.0)
        return [all_[at] - bare[at] - fsync[at] for at in sorted(all_.keys() & bare.keys() & fsync.keys())]

    return compute


def _plain(name: str, of: str) -> Callable[[list[Figure]], Numbers]:
    return lambda figures: [value for _, value in sorted(values(figures, name, of).items())]


def _dearest(name: str) -> Callable[[list[Figure]], Numbers]:
    """Of each round the largest, whoever it is of."""

    def compute(figures: list[Figure]) -> Numbers:
        rounds: dict[int, float] = {}
        for figure in figures:
            if figure.name == name:
                rounds[figure.round] = max(figure.value, rounds.get(figure.round, 0.0))
        return list(rounds.values())

    return compute


_REQUESTS, _STREAMS, _OPEN = "requests_per_second", "streams_per_second", "open_streams_mb"
_TOKENS = "tokens_per_cpu_second"
_MARKED, _VERIFIED = "ms_per_response", "verification_cpu_seconds"
_ROWS, _SHARE, _CPU = "rows_per_second", "share_of_ideal", "cpu_us_per_record"
TARGETS = (
    Target("`none`, requests/s over the bare forwarder's", "at least", 0.70, "", _ratio(_REQUESTS, NONE, BARE)),
    Target("`none`, streams/s over the bare forwarder's", "at least", 0.70, "", _ratio(_STREAMS, NONE, BARE)),
    Target("`withhold` with ledger, requests/s over the same", "at least", 0.40, "", _ratio(_REQUESTS, WITHHOLD, BARE)),
    Target("`withhold` with ledger, streams/s over the same", "at least", 0.40, "", _ratio(_STREAMS, WITHHOLD, BARE)),
    Target("`none`, latency added, sequential", "at most", 1.5, "ms", _added(NONE, durable=False)),
    Target("`withhold`, latency added, less one fsync", "at most", 1.5, "ms", _added(WITHHOLD, durable=True)),
    Target("`none`, requests/s over LiteLLM's", "at least", 20, "", _ratio(_REQUESTS, NONE, PEER)),
    Target("`none`, streams/s over LiteLLM's", "at least", 30, "", _ratio(_STREAMS, NONE, PEER)),
    Target("`withhold` with ledger, requests/s over LiteLLM's", "at least", 20, "", _ratio(_REQUESTS, WITHHOLD, PEER)),
    Target("`withhold` with ledger, streams/s over LiteLLM's", "at least", 30, "", _ratio(_STREAMS, WITHHOLD, PEER)),
    Target("`none`, memory with 1,000 open streams", "at most", 250, "MB", _plain(_OPEN, NONE)),
    Target("`withhold`, memory with 1,000 open streams", "at most", 250, "MB", _plain(_OPEN, WITHHOLD)),
    Target("`protect`, `instruct` by `Scripted`, one core", "at least", 2000, "rows/s", _plain(_ROWS, "instruct")),
    Target("`protect`, 64 at once, rewriter of 0.2 s, of ideal", "at least", 0.95, "", _plain(_SHARE, "instruct")),
    Target("lab, training a 454k student", "at least", 12_000, "tokens/CPU-s", _plain(_TOKENS, "trained")),
    Target("lab, writing by the teacher", "at least", 5_000, "tokens/CPU-s", _plain(_TOKENS, "written")),
    Target("marking, every response marked, added", "at most", 1.0, "ms", _plain(_MARKED, "marking, every response")),
    Target("1,000 customers verified, suspect's answers apart", "at most", 30, "s", _dearest(_VERIFIED)),
    Target("a purifier as a shape, of its head, dearest size", "at most", 0.03, "", _dearest("share_of_head")),
    Target("ledger, processor time a record, 32 at once", "at most", 60, "µs", _plain(_CPU, "32 at once")),
)  # fmt: skip


def table(figures: list[Figure]) -> list[Row]:
    """Every target, met or not, measured or not."""
    return [_row(target, target.of(figures)) for target in TARGETS]


def _row(target: Target, numbers: Numbers) -> Row:
    wanted = f"{target.sense} {number(target.bound)} {target.unit}".strip()
    if not numbers:
        return Row(target.figure, wanted, "", "not measured")
    middle, low, high = spread(numbers)
    met = middle >= target.bound if target.sense == "at least" else middle <= target.bound
    return Row(target.figure, wanted, f"{quoted(middle, low, high)} {target.unit}".strip(), "yes" if met else "**NO**")


def quoted(middle: float, low: float, high: float) -> str:
    """Median and interquartile range."""
    return f"{number(middle)} [{number(low)}, {number(high)}]"


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
