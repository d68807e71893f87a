"""What the commands that hold keys against a suspect have in common: their options, and the keys these name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from azeotrope.cli import whose
from azeotrope.cli.laws import law_of

if TYPE_CHECKING:
    from azeotrope.keys import Key
    from azeotrope.marks import Law
    from azeotrope.verify.counting import Counted

Customers = Annotated[
    str,
    typer.Option(
        metavar="all|NAMES", help="Names with commas, most likely first; all: of --file and of the commitments."
    ),
]
CustomersFile = Annotated[Path, typer.Option("--file", help="The gateway's customers, for `all`.")]
MasterKey = Annotated[Path | None, typer.Option(help="The master key; else AZEOTROPE_MASTER_KEY.")]
Alpha = Annotated[float, typer.Option(help="Accepted probability of any false accusation, over all keys.")]
Committed = Annotated[
    int | None, typer.Option(min=1, help="K, how many keys were ever issued, where no log says it, or fewer.")
]
Epochs = Annotated[
    str | None, typer.Option(help="committed (the default with --ledger), current (without), all, or numbers.")
]
LawFile = Annotated[Path | None, typer.Option("--law", help="What commitments bind to (TOML), if not the default law.")]
Ledger = Annotated[
    str | None,
    typer.Option("--ledger", envvar="AZEOTROPE_LEDGER", help="The ledger: commitments, spent probes, who got most."),
]
Revealed = Annotated[
    Path | None, typer.Option(metavar="FILE", help="One key, as `keys reveal` wrote it, instead of a master key.")
]
LedgerKey = Annotated[
    str | None, typer.Option(help="With --revealed: the log's public key (hex), as `ledger key` prints it.")
]
SigningKey = Annotated[Path | None, typer.Option(help="Ed25519 key that signs what is found (`ledger key`).")]
SuspectKey = Annotated[str, typer.Option("--suspect-key-env", help="Environment variable with the suspect's API key.")]
AtOnce = Annotated[int, typer.Option(help="Questions under way at the same time.")]
Deadline = Annotated[float, typer.Option(help="Seconds for one answer, retries included.")]


def need(*packages: str, extra: str = "verify") -> None:
    """Raises `Misconfigured` where one is not installed, with the extra that brings it."""
    from importlib.util import find_spec

    from azeotrope.errors import Misconfigured

    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise Misconfigured(f"verification needs {', '.join(missing)}: pip install 'azeotrope[{extra}]'")


def secret_in(variable: str) -> str | None:
    """What the environment variable holds; None where none is named."""
    from azeotrope.errors import Misconfigured

    if variable and not os.environ.get(variable):
        raise Misconfigured(f"the environment variable {variable} (--suspect-key-env) is not set")
    return os.environ[variable] if variable else None


def own_keys(
    asked: whose.Asked, master_key: Path | None, law: Path | None, committed: int | None, *, operator: bool
) -> tuple[list[Key], Law, Counted]:
    """Those of the master key that the options name, the law, and over how many the level is. `operator`: its own key,
    too. Raises `Misconfigured`."""
    from azeotrope.keys import OPERATOR, Master
    from azeotrope.verify.counting import in_ledger

    keys = [key for key in whose.keys(Master.read(master_key), asked) if operator or key.customer != OPERATOR]
    return keys, law_of(law), in_ledger(asked.ledger, committed, len(keys))


def revealed_key(
    file: Path, signer: str | None, ledger: str | None, said: int | None
) -> tuple[list[Key], Law, Counted]:  # fmt: skip
    """The one key that a neutral party was given, once it is the one that was committed to."""
    from azeotrope.keys import commitment
    from azeotrope.verify.counting import by_proof, in_their_log
    from azeotrope.verify.revealing import opened, read_revealed

    given = read_revealed(file)
    key, head = opened(given, signer)
    if signer is None:
        typer.echo(f"The head is signed by {head.key_id}; whose key that is, nobody said: give --ledger-key.", err=True)
    counted = in_their_log(ledger, head, said) if ledger else None
    return [key], given.law, counted or by_proof(head, commitment(key, given.law.digest).hex(), said)
