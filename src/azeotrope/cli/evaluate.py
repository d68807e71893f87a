"""`azeotrope evaluate`: an experiment's file in, its results file out. Parses, calls the procedure, prints."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from azeotrope.evaluate import Experiment, Preview, Progress, Summary, Watch


def evaluate(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The experiment, such as experiments/lab.toml.")],
    results: Annotated[Path, typer.Option(metavar="DIR", help="Where NAME.jsonl goes.")] = Path("results"),
    stage: Annotated[
        Literal["screen", "confirm", "all"],
        typer.Option(help="screen: every cell, briefly; confirm: what it chose, at fresh seeds; all: both."),
    ] = "all",
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Begin nothing that is not expected to end by then.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes side by side; 0: as many as cores.")] = 0,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="DEFENSE", help="Of the defenses this one alone, and the controls; may be given again."),
    ] = None,
    reuse: Annotated[
        list[Path] | None,
        typer.Option(metavar="RESULTS", help="Another experiment's: cells of the same settings are taken over."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and how long it takes.")] = False,
    tiny: Annotated[
        bool,
        typer.Option(
            "--tiny",
            help="With --dry-run: run every stage for two steps, each model of the hub at two tiny random layers, data "
            "sets a few rows of stand_ins.toml beside FILE; fetches nothing, writes nothing.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Steal from a teacher behind every defense, with every attack, and write down what each student scores.

    The same command goes on where an earlier one stopped, was stopped or was killed; cells that failed are tried again.
    Exit status: 0 nothing failed, 1 some cells did, 2 a mistake to mend, 3 results cannot be written, 130 Ctrl-C.
    """
    from azeotrope.evaluate import Settings, preview, read
    from azeotrope.evaluate import evaluate as procedure

    settings = Settings(stage, workers, minutes, tuple(only or ()))
    plan = read(source, unfitted=dry_run or tiny, only=settings.only)
    if tiny:
        _rehearse(plan, source.parent / "stand_ins.toml", settings.only, json)
        return
    if dry_run:
        _show_plan(preview(plan, results, settings, reuse or ()), json)
        return
    try:
        with _watching(quiet=json) as watch:
            summary = procedure(plan, results, settings, watch, reuse or ())
    except KeyboardInterrupt:
        typer.echo("stopped: what is done is kept, the same command goes on", err=True)
        raise typer.Exit(130) from None
    _show(summary, json)
    if summary.failed:
        raise typer.Exit(1)


@contextmanager
def _watching(quiet: bool) -> Generator[Watch]:
    """A line for everything that is done; on a terminal a bar below them."""
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    def say(line: str) -> None:
        if not quiet:
            typer.echo(line)

    if not sys.stderr.isatty():
        yield lambda progress: say(_line(progress)) if progress.latest else None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", left="")

        def watch(progress: Progress) -> None:
            if progress.latest:
                say(_line(progress))
            bar.update(task, completed=progress.done, total=progress.size, left=_left(progress.left))

        yield watch


def _line(progress: Progress) -> str:
    """One line for what was done last."""
    assert progress.latest
    where = f"[{progress.done}/{progress.size}] {progress.latest.words}"
    return f"{where}: {_said(progress.result)}; {_left(progress.left)}"


def _said(result: object) -> str:
    reason = getattr(result, "reason", "")
    if reason:
        return f"no score ({reason})"
    scores = getattr(result, "scores", {})
    parts = [f"{name} {score.rate:.1%}" for name, score in scores.items() if ":" not in name]
    return f"{', '.join(parts)}, {_time(getattr(result, 'seconds', 0.0))}"


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"about {_time(seconds)} left"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _show(summary: Summary, as_json: bool) -> None:
    if as_json:
        from msgspec import json

        typer.echo(json.encode(summary).decode())
        return
    typer.echo(f"{summary.done} done in {_time(summary.seconds)}, {summary.failed} without a score: {summary.results}")
    for reason, times in summary.reasons.items():
        typer.echo(f"  {times} x {reason}")
    if summary.left:
        typer.echo(f"{summary.left} were not begun: the same command goes on")


def _rehearse(plan: Experiment, stand_ins: Path, only: Sequence[str], as_json: bool) -> None:
    """A line for each thing that was run; exit status 1 where one did not come to its end."""
    from msgspec import json

    from azeotrope.evaluate import standing_in
    from azeotrope.evaluate.rehearsal import rehearse

    faults = count = 0
    for one in rehearse(plan, standing_in.read(stand_ins), only):
        count, faults = count + 1, faults + bool(one.reason)
        how = one.reason or ("its wash left nothing of what untrained weights wrote" if one.early else "ran")
        what = "".join(f", {number} {name}" for name, number in one.outcomes.items())
        steps = f", {one.steps} steps" if one.steps else ""
        typer.echo(json.encode(one).decode() if as_json else f"{_time(one.seconds):>7}  {one.what}: {how}{steps}{what}")
    if not as_json:
        typer.echo(f"{count} rehearsed, {faults} with a fault")
    if faults:
        raise typer.Exit(1)


def _show_plan(plan: Preview, as_json: bool) -> None:
    if as_json:
        from msgspec import json

        typer.echo(json.encode(plan).decode())
        return
    if plan.first:
        typer.echo(f"before anything else, and not in the time below: {plan.first}")
    for one in plan.planned:
        took = "done" if one.done else "?" if one.seconds is None else _time(one.seconds)
        typer.echo(f"{took:>7}  {one.what}")
    missing = sum(not one.done for one in plan.planned)
    later = f", then at most {plan.to_choose} that the screen chooses" if plan.to_choose else ""
    total = "how long is not known" if plan.seconds is None else f"about {_time(plan.seconds)}"
    typer.echo(f"{missing} of {len(plan.planned)} to do{later}; {total} with {plan.workers} workers")
