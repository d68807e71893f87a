"""`azeotrope ledger key|sign|heads|prove|reveal|check`: the ledger as evidence. Knows nothing of how it is made."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from azeotrope.cli.addresses import HERE, Address

if TYPE_CHECKING:
    from azeotrope.types import Record

KeyFile = Annotated[
    Path | None, typer.Option("--key", help="The signing key's file; without it AZEOTROPE_LEDGER_KEY holds the key.")
]
Name = Annotated[
    str, typer.Argument(metavar="ID", help="The request id; for prove also a mark's id or a commitment's hash.")
]
Choice = Annotated[int, typer.Option(help="Which choice of the response.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; without it, standard output.")]


def key(path: Annotated[Path, typer.Argument(help="The key's file; made with mode 0600 if there is none.")]) -> None:
    """Make a key that signs the ledger's heads, or read one; print its public half."""
    from azeotrope.ledger import Signer

    signer = Signer.read(path) if path.exists() else Signer.make(path)
    typer.echo(signer.public.hex())


def sign(
    ledger: Address = HERE,
    key: KeyFile = None,
    authority: Annotated[str | None, typer.Option(help="Address of an RFC 3161 time-stamp authority.")] = None,
) -> None:
    """Sign a head of the ledger as it is now; a gateway with a key does so by itself."""
    import asyncio

    from azeotrope import ledger as book
    from azeotrope.ledger.reading import existing

    async def main() -> None:
        signing = book.Signing(book.Signer.read(key), authority=authority)
        async with book.Ledger(existing(ledger), signing=signing, told=failed.append):
            pass

    failed: list[str] = []
    asyncio.run(main())
    for why in failed:
        typer.echo(f"azeotrope: {why}", err=True)
    if failed:
        raise typer.Exit(3)
    heads(ledger, 1)


def heads(
    ledger: Address = HERE, last: Annotated[int | None, typer.Option("-n", help="Only the newest.")] = None
) -> None:
    """Print the signed heads, one line of JSON each: give them away, and nobody can be shown another past."""
    from azeotrope import ledger as book
    from azeotrope.ledger.evidence import line

    for head in book.heads(ledger, last=last):
        sys.stdout.buffer.write(line(head))
    sys.stdout.buffer.flush()


def prove(
    name: Name,
    ledger: Address = HERE,
    out: Out = None,
    choice: Choice = 0,
    at: Annotated[int | None, typer.Option(help="Under the signed head of this many leaves.")] = None,
    since: Annotated[
        int | None, typer.Option(help="Also that the log only grew since the head of this many leaves.")
    ] = None,
) -> None:
    """Prove that a release or a commitment is in the log, to whoever runs check."""
    from azeotrope.ledger import proving

    _write(proving.prove(ledger, name, choice=choice, at=at, since=since), out)


def reveal(
    name: Name,
    content: Annotated[str, typer.Option(help="answer, reasoning or request.")],
    ledger: Address = HERE,
    out: Out = None,
    choice: Choice = 0,
) -> None:
    """Write the key that opens one content of a release: whoever has it can check a text, or guess at it."""
    from azeotrope.errors import Misconfigured
    from azeotrope.ledger import proving

    if content not in ("answer", "reasoning", "request"):
        raise Misconfigured(f"there is no content {content!r}; there are: answer, reasoning, request")
    _write(proving.reveal(ledger, name, content, choice=choice), out)


def check(
    file: Annotated[Path, typer.Argument(help="What prove or export --checkable wrote.")],
    key: Annotated[str | None, typer.Option(help="The signer's public key, as ledger key prints it.")] = None,
    head: Annotated[Path | None, typer.Option(help="A head that you hold: a line of ledger heads.")] = None,
    authorities: Annotated[
        Path | None, typer.Option(help="Root certificates (PEM) of the time-stamp authorities that you trust.")
    ] = None,
    opening: Annotated[Path | None, typer.Option(help="What reveal wrote; with --text.")] = None,
    text: Annotated[Path | None, typer.Option(help="The text that is said to be the release's content.")] = None,
) -> None:
    """Check a proof or a whole log: needs neither the database nor a secret, and no network."""
    from azeotrope.errors import Misconfigured
    from azeotrope.ledger import checking
    from azeotrope.ledger.evidence import HEAD, OPENING, read
    from azeotrope.ledger.stamping import authorities as roots
    from azeotrope.report.words import visible

    known = checking.Known(
        key=None if key is None else key.strip().lower(),
        head=None if head is None else read(_bytes(head), HEAD, str(head)),
        authorities=() if authorities is None else tuple(roots(authorities)),
    )
    if (opening is None) != (text is None):
        raise Misconfigured("--opening and --text go together: the key that reveal wrote, and the text it may open")
    try:
        with file.open("rb") as lines:
            findings, proof = checking.check(lines, known)
    except OSError as error:
        raise _unread(file, error) from None
    if opening is not None and text is not None:
        if proof is None:
            raise Misconfigured(
                "a content is checked against a proof of its release: azeotrope ledger prove writes one"
            )
        findings.append(checking.opened(proof, read(_bytes(opening), OPENING, str(opening)), _bytes(text)))
    for finding in findings:
        typer.echo(f"{ {True: 'yes', False: 'NO', None: '?'}[finding.holds]:<4}{finding.what}: {visible(finding.said)}")
    if any(finding.holds is False for finding in findings):
        typer.echo("this is no evidence", err=True)
        raise typer.Exit(1)


def _write(evidence: Record, out: Path | None) -> None:
    from azeotrope.errors import Misconfigured
    from azeotrope.ledger.evidence import line

    try:
        if out is not None:
            out.write_bytes(line(evidence))
        else:
            sys.stdout.buffer.write(line(evidence))
            sys.stdout.buffer.flush()
    except OSError as error:
        raise Misconfigured(f"cannot write {out or 'to standard output'}: {error.strerror}") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unread(path, error) from None


def _unread(path: Path, error: OSError) -> Exception:
    from azeotrope.errors import Misconfigured

    return Misconfigured(f"cannot read {path}: {error.strerror}")
