"""`azeotrope keys`: the master secret that customers' marks come from. It is never printed; its public id is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from azeotrope.keys import Master

app = typer.Typer(help="The master key that marks are made from.", no_args_is_help=True, rich_markup_mode=None)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The master key's file.")]


@app.command()
def new(file: File) -> None:
    """Make a master key, in a file that only its owner can read."""
    from azeotrope import keys

    master = keys.Master.new()
    keys.write(master, file)
    _say(master)
    typer.echo(f"Keep a copy of {file} in a safe: without it no mark can be verified.", err=True)


@app.command()
def rotate(file: File) -> None:
    """Begin a new epoch: every customer gets a new mark; those of earlier epochs still verify."""
    from azeotrope import keys

    _say(keys.rotate(file))
    typer.echo("A gateway marks with the new epoch once it is started again.", err=True)


@app.command("show-id")
def show_id(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The file; AZEOTROPE_MASTER_KEY if not said.")
    ] = None,
) -> None:
    """Show the master key's public id and its epochs."""
    from azeotrope.keys import Master

    _say(Master.read(file))


def _say(master: Master) -> None:
    typer.echo(f"master key {master.id}, epoch {master.epoch}")
