"""`azeotrope proxy`: train the student that stands in for the thief's. Parses, calls the procedure, prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def proxy(
    recipe: Annotated[Path, typer.Argument(metavar="FILE", help="The recipe, TOML.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where student and workings go.")],
) -> None:
    """Train a proxy student on part of a task's public workings; write it with the rest, for defenses that need one."""
    import asyncio

    from azeotrope import proxy as procedure

    made = asyncio.run(procedure.tutor(procedure.read(recipe), output))
    fitted = made.fitted
    typer.echo(f"{output}: {made.learned} workings learned, {made.held} held out")
    typer.echo(f"{fitted.steps} steps, {fitted.cpu_seconds:.0f} CPU seconds, loss {fitted.curve[-1]:.3f} nats a token")
    typer.echo(f"digest {made.digest}")
