"""`azeotrope fit`: fit a purifier of logits by a recipe, and put it into a model's weights. Parses, calls, prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from azeotrope.fit.results import Line, Outcome


class Recipes(TyperGroup):
    """`azeotrope fit FILE ...` is `azeotrope fit recipe FILE ...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["recipe", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=Recipes, help="Fit a purifier of logits: azeotrope fit FILE -o FOLDER.", no_args_is_help=True)


@app.command("recipe")
def recipe(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The recipe, TOML.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where purifier and report go.")],
) -> None:
    """Fit a purifier to a teacher, a proxy student and a task; write it with a report of what it costs.

    A recipe with [[variants]] is several fits, each in a folder of its label's. The same command goes on where an
    earlier one was stopped or killed. It ends with the controls that cost as much, as an experiment takes them.
    """
    import asyncio

    from azeotrope import fit as procedure

    try:
        for label, plan in procedure.sheet(source).items():
            if label:
                typer.echo(f"{label}:")
            folder = output / label
            _tell(asyncio.run(procedure.fit(plan, folder, _say)), folder)
    except KeyboardInterrupt:
        typer.echo("stopped: what was checked is kept, the same command goes on", err=True)
        raise typer.Exit(130) from None


def _tell(outcome: Outcome, folder: Path) -> None:
    """Writes the page; says what was found and which controls cost as much."""
    from azeotrope.report import fitted
    from azeotrope.report.words import scored

    (folder / "report.html").write_text(fitted.page(outcome), encoding="utf-8")
    typer.echo(fitted.headline(outcome))
    typer.echo(f"teacher {scored(outcome.before)}, behind it {scored(outcome.after)}")
    for match in outcome.matched:
        typer.echo(fitted.control(match))
    typer.echo(f"{folder / 'purifier.safetensors'}, {folder / 'report.html'}")


@app.command("export")
def export(
    artifact: Annotated[Path, typer.Argument(metavar="FOLDER", help="What azeotrope fit wrote, or its purifier file.")],
    model: Annotated[str, typer.Option(metavar="MODEL", help="Folder, hub name, shipped:NAME, .gguf file or smollm2.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PLACE", help="A folder, or a .gguf file to write.")
    ],
    fold: Annotated[bool, typer.Option("--fold", help="Put the map into the output head: W + A (B W).")] = False,
    head: Annotated[Literal["f16", "f32", "q8_0"], typer.Option(help="Of a .gguf file: the head's type.")] = "f16",
) -> None:
    """Write a model whose own weights are purified: every engine serves it as it is, at no cost."""
    from azeotrope.errors import Misconfigured
    from azeotrope.fit import folding

    if not fold:
        raise Misconfigured("export folds the map into the weights: say --fold")
    typer.echo(folding.export(artifact, model, output, head))


def _say(line: Line, steps: int) -> None:
    """A line for each check, and one in ten steps."""
    if check := line.check:
        typer.echo(
            f"step {check.step}/{steps}: held out: cosine {check.cosine:.3f}, cross-entropy {check.cross_entropy:.4f}, "
            f"teacher right {check.teacher.rate:.1%} of {check.teacher.asked}"
        )
    elif line.step and line.step.step % max(1, steps // 10) == 0:
        typer.echo(f"step {line.step.step}/{steps}: cosine {line.step.cosine:.3f}")
