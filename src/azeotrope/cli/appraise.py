"""`azeotrope appraise`: an experiment's file in, what its defenses cost and how they read beside its results. Parses,
calls the procedure, prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from azeotrope.evaluate.appraise import Appraised


def appraise(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The experiment, such as experiments/rivals.toml.")],
    results: Annotated[Path, typer.Option(metavar="DIR", help="Where NAME.jsonl is, or goes.")] = Path("results"),
    traces: Annotated[int, typer.Option(min=2, help="A defense and task, one at a time.")] = 100,
    perplexity: Annotated[
        str, typer.Option(metavar="MODEL", help='Whose: smollm2, a folder, a hub name; "" for nobody\'s.')
    ] = "smollm2",
) -> None:
    """Measure what each defense of an experiment takes to serve, and how its traces read; the report shows it.

    Run it where nothing else runs: times are told beside those of the undefended teacher, asked in turn with it. What
    is measured already is not measured again. Exit status: 0, 1 where a defense could not be measured, 2 a mistake.
    """
    import asyncio

    from azeotrope.evaluate import read
    from azeotrope.evaluate.appraise import Settings
    from azeotrope.evaluate.appraise import appraise as procedure

    plan = read(source)
    faults = asyncio.run(procedure(plan, results, Settings(traces, perplexity), lambda one: typer.echo(_line(one))))
    typer.echo(f"{results / plan.name}.jsonl")
    if faults:
        raise typer.Exit(1)


def _line(one: Appraised) -> str:
    """One line for a defense."""
    from statistics import fmean, median

    where = f"{one.todo.task.label}: {one.todo.defense.label}"
    if one.found is None:
        return f"{where}: not measured ({one.reason})"
    took, bare = median(one.found.milliseconds), median(one.found.bare_milliseconds)
    reads = f"reading ease {fmean(one.found.ease):.2f}" if one.found.ease else "nothing to read"
    unread = f"; no perplexity: {one.found.unread}" if one.found.unread else ""
    return f"{where}: {took:.1f} ms a trace, undefended {bare:.1f}; {reads}{unread}"
