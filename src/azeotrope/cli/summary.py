"""How far `protect` is, as a bar, and what came of it, in lines or as JSON."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from azeotrope.protect import Summary, Watch


@contextmanager
def bar() -> Generator[Watch | None]:
    """A progress bar on stderr, where that is a terminal."""
    import sys
    import time

    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from azeotrope.protect import Progress as Far

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[said]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown_bar:
        task = shown_bar.add_task("", said="", total=None)
        started, shown = time.monotonic(), 0.0

        def watch(far: Far) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown < 0.1 and far.done < far.size:
                return
            shown = now
            tokens = far.tally.counts["tokens_in"] + far.tally.counts["tokens_out"]
            said = f"{far.tally.rows:,} rows  {far.tally.rows / max(now - started, 1e-9):,.1f}/s  {tokens:,} tokens"
            shown_bar.update(task, completed=far.done, total=far.size, said=said)

        yield watch


def show(summary: Summary, as_json: bool) -> None:
    if as_json:
        from msgspec import json

        typer.echo(json.encode(summary).decode())
        return
    for name, value in _lines(summary):
        typer.echo(f"{name:<16} {value}")
    if summary.failed:
        typer.echo(
            f"{summary.failed} rows failed and are in {summary.failed_file}, with the reason. "
            "The same command does only those again.",
            err=True,
        )


def _lines(summary: Summary) -> Iterator[tuple[str, str]]:
    ratio = "-" if summary.length_ratio is None else f"{summary.length_ratio:.3f}"
    yield "written", summary.output
    for name in ("rows", "released", "withheld", "fell_back", "opened", "unchanged", "absent", "failed"):
        if (count := getattr(summary, name)) or name not in ("opened", "unchanged"):
            yield name.replace("_", " "), f"{count:,}"
    if summary.traces != summary.rows - summary.absent - summary.failed:
        yield "traces", f"{summary.traces:,}"
    yield "attempts", f"{summary.attempts:,}"
    yield "checks failed", _counts(summary.failures)
    if summary.reasons:
        yield "rows failed", _counts(summary.reasons)
    yield "answers changed", f"{summary.answers_changed}"
    yield "length ratio", ratio
    yield "tokens", f"{summary.tokens_in:,} in, {summary.tokens_out:,} out"
    if summary.forwards:
        yield "proxy passes", f"{summary.forwards:,} forward, {summary.backwards:,} backward"
    resumed = f", {summary.resumed:,} rows finished earlier" if summary.resumed else ""
    digits = 1 if summary.rows_per_second >= 10 else 3
    yield "time", f"{summary.seconds:.1f} s, {summary.rows_per_second:,.{digits}f} rows/s{resumed}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {times:,}" for name, times in counts.items()) or "none"
