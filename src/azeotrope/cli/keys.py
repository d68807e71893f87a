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


@app.command()
def commit(
    customers: Annotated[str, typer.Option(metavar="NAMES", help="Whose keys, with commas; the operator's is added.")],
    ledger: Annotated[str, typer.Option(envvar="AZEOTROPE_LEDGER", help="The ledger that keeps the commitments.")],
    signing_key: Annotated[Path, typer.Option(help="Ed25519 key (`ledger key`) that signs the log's head over them.")],
    master_key: Annotated[Path | None, typer.Option(help="The file; AZEOTROPE_MASTER_KEY if not said.")] = None,
    law: Annotated[Path | None, typer.Option(help="The marks' law (TOML), where it is not the default one.")] = None,
    authority: Annotated[
        str | None, typer.Option(help="Address of an RFC 3161 time-stamp authority, which stamps that head.")
    ] = None,
) -> None:
    """Commit to customers' keys of the current epoch, for marks that no gateway sets: before anything marked leaves."""
    import asyncio

    from azeotrope.cli.laws import law_of
    from azeotrope.keys import Master
    from azeotrope.ledger import Ledger, Note, Signer, Signing, commitments, promised

    master, digest = Master.read(master_key), law_of(law).digest
    names = list(dict.fromkeys(name.strip() for name in customers.split(",") if name.strip()))
    wanted = [promised(key, digest) for key in (master.operator(), *map(master.key, names))]

    async def main() -> int:
        signing = Signing(Signer.read(signing_key), authority=authority)
        async with Ledger(ledger, signing=signing, told=failed.append) as book:
            there = {one.commitment for one in await asyncio.to_thread(commitments, ledger)}
            missing = [Note.of(one) for one in wanted if one.commitment not in there]
            await book.append(*missing)
            return len(missing)

    failed: list[str] = []
    typer.echo(f"{asyncio.run(main())} of {len(wanted)} commitments are new")
    for why in failed:
        typer.echo(f"azeotrope: {why}", err=True)
    if failed:
        raise typer.Exit(3)


@app.command()
def reveal(
    customer: Annotated[str, typer.Argument(metavar="NAME", help="Whose key; no other one can be computed from it.")],
    ledger: Annotated[str, typer.Option(envvar="AZEOTROPE_LEDGER", help="The ledger that has the key's commitment.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file, which only its owner can read.")],
    epoch: Annotated[int | None, typer.Option(help="Of which epoch; the current one if not said.")] = None,
    master_key: Annotated[Path | None, typer.Option(help="The file; AZEOTROPE_MASTER_KEY if not said.")] = None,
    law: Annotated[Path | None, typer.Option(help="The marks' law (TOML), where it is not the default one.")] = None,
) -> None:
    """Write one customer's key of one epoch, with the proof of its commitment: for `verify --revealed` elsewhere."""
    from azeotrope.cli.laws import law_of
    from azeotrope.cli.writing import write
    from azeotrope.errors import Misconfigured
    from azeotrope.keys import Master
    from azeotrope.verify.revealing import revealed, written

    key = Master.read(master_key).key(customer, epoch)
    if output.exists():
        raise Misconfigured(f"{output} is there already and may be a key itself: name another file (-o), or remove it")
    write(output, written(revealed(key, law_of(law), ledger)), mode=0o600)
    typer.echo(f"mark {key.mark} of {customer}, epoch {key.epoch}")
    typer.echo(f"{output} tells what this mark says: give it to nobody who may tell the suspect.", err=True)


def _say(master: Master) -> None:
    typer.echo(f"master key {master.id}, epoch {master.epoch}")
