"""Results -> docs/benchmarks.md and its plot. Computes nothing that the results file does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from benchmarks.records import Figure, Part, spread, values
from benchmarks.targets import Row, number, quoted, table

_NAMES = {
    "requests_per_second": "requests/s",
    "streams_per_second": "streams/s",
    "sequential_ms": "sequential request, ms",
    "idle_mb": "idle, MB",
    "open_streams_mb": "1,000 open streams, MB",
    "rows_per_second": "rows/s on one core",
    "share_of_ideal": "share of ideal rate",
    "records_per_second": "durable records/s",
    "cpu_us_per_record": "processor time a record, µs",
    "tokens_per_cpu_second": "tokens a processor second, the lab's tiny models",
    "together_over_apart": "speed of four seeds trained together (torch.func) over one after another",
    "decoded_per_cpu_second": "tokens decoded by llama.cpp a processor second: SmolLM2-135M, its head folded or not",
    "share_of_head": "a purifier as a shape, processor time over the head's product",
    "time_over_plain": "a token behind a shape that reads along, processor time over plain sampling",
    "ms_per_trace": "a trace rewritten by gradients, ms of processor time",
    "ms_per_response": "a response marked, ms of processor time",
    "verification_cpu_seconds": "1,000 customers verified, processor seconds apart from the suspect's answers",
    "page_cpu_seconds": "the report on them drawn, processor seconds",
    "fsync_ms": "fsync of 4 KiB, ms, beside",
}
PLOTTED = ("requests_per_second", "streams_per_second")

_PAGE = """\
# Benchmarks

Written by `make bench`; not by hand. Each figure is from the newest run that measured it:

{sources}

Everyone stands before the same mock upstream on the same machine: a bare Starlette + aiohttp forwarder (the practical
limit: it authenticates and records nothing, and parses only what tells a stream from a plain answer and an answer
from no JSON), `azeotrope serve` with its default settings under the policies
`none` and `withhold` (the latter with its ledger), and LiteLLM's proxy, newest release, in an environment of its own.
Requests come from 32 connections; a stream is 65 events, 48 of them reasoning. Rounds are interleaved, in an order
drawn anew, and whoever is not being measured is stopped. Load generator and upstream share the machine's cores with
the contender. Figures are medians over rounds with the interquartile range in brackets; ratios and differences are
taken within a round. Latency added is a request's median time, one after another, less that of the upstream itself.

## Targets

| figure | target | measured | met |
|---|---|---|---|
{targets}

![Requests and streams per second](benchmarks.svg)

## All figures

| figure | of | median [interquartile range] | rounds |
|---|---|---|---|
{figures}

`protect` runs on GSM8K-like rows of some 400 characters, `instruct` with a scripted rewriter whose text passes every
check. Ledger records are waited for until they are durable; `n at once` is how many writers do so.
"""


def write(parts: Sequence[Part], folder: Path) -> None:
    """The page and its plot, into `folder`."""
    figures = [figure for part in parts for figure in part.figures]
    page = _PAGE.format(
        sources="\n".join(map(_source, parts)), targets=_lines(table(figures)), figures="\n".join(_all(figures))
    )
    folder.mkdir(exist_ok=True)
    (folder / "benchmarks.md").write_text(page)
    (folder / "benchmarks.svg").write_text(plot(figures))


def _source(part: Part) -> str:
    run = part.run
    where = f"`benchmarks/results/{part.path.name}`"
    return f"* {where}: Azeotrope {run.version}, commit {run.commit}; {run.machine}; {run.started}."


def _lines(rows: Iterable[Row]) -> str:
    return "\n".join(f"| {row.figure} | {row.target} | {row.measured} | {row.met} |" for row in rows)


def text(figures: list[Figure]) -> str:
    """The targets for a terminal."""
    rows = table(figures)
    return "\n".join(f"{row.figure:<56} {row.target:<22} {row.measured:<28} {row.met.strip('*')}" for row in rows)


def _all(figures: list[Figure]) -> Iterable[str]:
    for name, of in sorted({(f.name, f.of) for f in figures}, key=lambda pair: (list(_NAMES).index(pair[0]), pair[1])):
        numbers = list(values(figures, name, of).values())
        yield f"| {_NAMES[name]} | {of} | {quoted(*spread(numbers))} | {len(numbers)} |"


def plot(figures: list[Figure]) -> str:
    """Bars of medians with whiskers for the quartiles, one panel a figure; plain SVG, readable on light and dark."""
    panels, top = [], 0
    for name in PLOTTED:
        of = sorted({f.of for f in figures if f.name == name})
        bars = {one: spread(values(figures, name, one).values()) for one in of}
        panels.append(_panel(_NAMES[name], bars, top))
        top += 50 + 28 * len(bars)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {max(top, 20)}" font-family="sans-serif" '
        f'font-size="13"><rect width="100%" height="100%" fill="#fff"/>{"".join(panels)}</svg>\n'
    )


def _panel(title: str, bars: dict[str, tuple[float, float, float]], top: int) -> str:
    most = max((high for _, _, high in bars.values()), default=1.0) or 1.0
    out = [f'<text x="10" y="{top + 24}" font-weight="bold">{escape(title)}</text>']
    for at, (name, (middle, low, high)) in enumerate(bars.items()):
        y = top + 38 + 28 * at
        x0, x, x1 = (180 + 440 * value / most for value in (low, middle, high))
        colour = "#2f6f8f" if name.startswith("azeotrope") else "#a9b4bb"
        out += [
            f'<text x="170" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="180" y="{y}" width="{x - 180:.1f}" height="18" fill="{colour}"/>',
            f'<path d="M{x0:.1f} {y + 9}H{x1:.1f}" stroke="#222" stroke-width="2"/>',
            f'<text x="{max(x, x1) + 8:.1f}" y="{y + 14}">{number(middle)}</text>',
        ]
    return "".join(out)
