"""`azeotrope ledger`: what was released, to whom. Reads only; knows nothing of how records come in.

What makes it evidence has a file of its own (`evidence.py`).
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from azeotrope.cli import evidence
from azeotrope.cli.addresses import HERE, Address

app = typer.Typer(help="Read the ledger of releases, and prove what it says.", no_args_is_help=True)

Customer = Annotated[str | None, typer.Option(help="Only this customer's records.")]
Since = Annotated[datetime | None, typer.Option(help="Only what was finished then or later (UTC).")]


@app.command()
def tail(ledger: Address = HERE, last: Annotated[int, typer.Option("-n")] = 10, customer: Customer = None) -> None:
    """Show the newest records."""
    from azeotrope import ledger as book

    for record in book.tail(ledger, max(last, 0), customer=customer):
        typer.echo(_line(record))


@app.command()
def count(ledger: Address = HERE, customer: Customer = None, since: Since = None) -> None:
    """Print how many records there are."""
    from azeotrope import ledger as book

    typer.echo(book.count(ledger, customer=customer, since=_utc(since)))


@app.command()
def export(
    ledger: Address = HERE,
    customer: Customer = None,
    since: Since = None,
    with_salts: Annotated[
        bool, typer.Option("--with-salts", help="Add the salts: whoever has them can test guesses of the contents.")
    ] = False,
    checkable: Annotated[
        bool,
        typer.Option("--checkable", help="The newest signed head and all it covers, with the keys that open leaves."),
    ] = False,
) -> None:
    """Print every record as one line of JSON, in the order of the ledger."""
    from azeotrope import ledger as book
    from azeotrope.codec import encode
    from azeotrope.errors import Misconfigured
    from azeotrope.ledger import proving

    if checkable and (customer is not None or since is not None or with_salts):
        raise Misconfigured("--checkable is the whole log: it goes with no choice of records and without salts")
    out = sys.stdout.buffer
    try:
        if checkable:
            out.writelines(proving.whole(ledger))
        else:
            for record in book.export(ledger, customer=customer, since=_utc(since), with_salts=with_salts):
                out.write(encode(record) + b"\n")
        out.flush()
    except BrokenPipeError:  # the reader has what it wanted; what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        raise typer.Exit(141) from None


for _command in (evidence.key, evidence.sign, evidence.heads, evidence.prove, evidence.reveal, evidence.check):
    app.command()(_command)


def _utc(given: datetime | None) -> datetime | None:
    return given.replace(tzinfo=UTC) if given else None


def _line(record: dict[str, Any]) -> str:
    steps = ",".join(step["name"] for step in record["lineage"]) or "none"
    tokens = f"{record['tokens_in'] or '-'}/{record['tokens_out'] or '-'}"
    return (
        f"{record['seq']:>8}  {record['finished'][:19]}Z  {record['customer']}  {record['model']}  {steps}  "
        f"{record['outcome']}  {record['finish']}  {tokens} tokens  {record['request_id']}"
    )
