"""`azeotrope optimize`: a search's file in, the best instruction out. Parses, calls the procedure, prints."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from azeotrope.optimize import Progress, Search, Watch
    from azeotrope.optimize.outcome import Outcome
    from azeotrope.optimize.replay import Replayed


def optimize(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="The search, such as experiments/optimize_steps.toml.")
    ],
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Where NAME.jsonl, NAME.md, NAME.html and NAME.json go.")
    ] = Path("results"),
    replay: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="Search a finished table (the results of an exhaustive search) instead, with every searcher.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=2, help="Of the replayed searches.")] = 100,
    reuse: Annotated[
        list[Path] | None,
        typer.Option(metavar="RESULTS", help="Another search's: scores of the same settings are taken over."),
    ] = None,
) -> None:
    """Search for the instruction whose rewrites teach students least, keep the answer and can still be read.

    The same command goes on where an earlier one stopped, was stopped or was killed. NAME.md is the winner, for
    `serve` and `protect`: --set instruction=NAME.md. Exit status: 0 found, 1 nothing beats no rewrite, 130 Ctrl-C.
    """
    import asyncio

    from azeotrope.errors import Misconfigured
    from azeotrope.optimize import optimize as procedure
    from azeotrope.optimize import read
    from azeotrope.report import searched

    plan = read(source)
    if replay and reuse:
        raise Misconfigured("a replay scores nothing, so that there is nothing to take over: leave --reuse out")
    try:
        if replay is not None:
            _replay(plan, replay, seeds, results)
            return
        with _watching(plan) as watch:
            outcome = asyncio.run(procedure(plan, results, watch, reuse or ()))
    except KeyboardInterrupt:
        typer.echo("stopped: what is done is kept, the same command goes on", err=True)
        raise typer.Exit(130) from None
    _keep(results / f"{plan.name}", searched.page(outcome), outcome)
    for line in searched.lines(outcome):
        typer.echo(line)
    typer.echo(f"{results / plan.name}.html{', .md' if outcome.winner else ''}, .jsonl, .json")
    if not outcome.winner:
        raise typer.Exit(1)


@contextmanager
def _watching(plan: Search) -> Generator[Watch]:
    """A line for each score; on a terminal a bar below them."""
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    if not sys.stderr.isatty():
        yield lambda progress: typer.echo(_line(progress, plan))
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[spent]}"))
    with Bar(*columns, console=Console(stderr=True)) as bar:
        size = None if plan.searcher.kind == "exhaustive" else plan.budget.evaluations
        task = bar.add_task("", spent="", total=size)

        def watch(progress: Progress) -> None:
            spent = progress.spent
            said = f"{spent.calls:,} calls, {spent.tokens_in + spent.tokens_out:,} tokens, {spent.seconds:,.0f} s"
            typer.echo(_line(progress, plan))
            bar.update(task, completed=progress.evaluations, spent=said)

        yield watch


def _line(progress: Progress, plan: Search) -> str:
    from azeotrope.optimize.reflecting import outcome
    from azeotrope.report.words import visible

    one = progress.latest
    best = f"; best {100 * progress.best.worth(plan.floors):.1f}" if progress.best else ""
    return f"[{progress.evaluations}] {one.stage} {one.name}: {visible(outcome(one, plan.floors), 300)}{best}"


def _replay(plan: Search, table: Path, seeds: int, results: Path) -> None:
    import asyncio

    from azeotrope.errors import Misconfigured
    from azeotrope.evaluate import teachers
    from azeotrope.optimize.procedure import bench_of
    from azeotrope.optimize.replay import made_on, replay
    from azeotrope.optimize.results import looked_at
    from azeotrope.report import replayed

    if (reflector := plan.reflector) is None:
        raise Misconfigured("a replay needs the search's [reflector]: name the model that proposes")

    async def main() -> Replayed:
        memory = looked_at(table)
        made_on(await bench_of(plan), memory)
        async with teachers.writing(reflector.name, reflector.key_env, plan.task) as model:
            assert model is not None
            return await replay(plan, memory, model, seeds)

    found = asyncio.run(main())
    _keep(results / f"{plan.name}-replay", replayed.page(found), found)
    for line in replayed.lines(found):
        typer.echo(line)
    typer.echo(f"{results / plan.name}-replay.html, .json")


def _keep(stem: Path, page: str, record: Outcome | Replayed) -> None:
    from azeotrope.cli.writing import write
    from azeotrope.codec import encode

    write(stem.with_name(f"{stem.name}.html"), page)
    write(stem.with_name(f"{stem.name}.json"), encode(record).decode() + "\n")
