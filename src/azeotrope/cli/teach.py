"""`azeotrope teach`: train a tiny teacher by a recipe. Parses, calls the procedure, prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def teach(
    recipe: Annotated[Path, typer.Argument(metavar="FILE", help="The recipe, TOML.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the model is written.")],
) -> None:
    """Train a tiny model from a task's own workings and write it with its recipe and digest inside."""
    import asyncio

    from azeotrope import teach as procedure

    taught = asyncio.run(procedure.teach(procedure.read(recipe), output))
    fitted = taught.fitted
    typer.echo(f"{output}: {fitted.steps} steps, {fitted.tokens:,} tokens, {fitted.cpu_seconds:.0f} CPU seconds")
    for name, score in taught.scores.items():
        typer.echo(f"{name:<16} {score.rate:.1%} of {score.asked} ({score.degenerate} degenerate)")
    typer.echo(f"digest {taught.digest}")
