"""The files that one verification leaves: page, JSON twin, transcripts. Asks no suspect."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from azeotrope.cli.writing import can_write, write

if TYPE_CHECKING:
    from azeotrope.verify import Outcome
    from azeotrope.verify.examining import Keep, Kept


class Files(NamedTuple):
    """Where the evidence goes."""

    page: Path
    twin: Path
    private: Path
    """Transcripts with the salts of their public digests: the operator's alone."""

    @classmethod
    def beside(cls, page: Path) -> Files:
        """All of them, before anything is asked. Raises `Misconfigured` where one is there already.

        Evidence cannot be made again: its probes are spent, and without its salts no digest can be opened.
        """
        from azeotrope.errors import Misconfigured

        if page.suffix == ".json":
            raise Misconfigured(
                f"{page} would be the page and its JSON twin in one: name the page (-o), such as e.html"
            )
        files = cls(page, page.with_suffix(".json"), page.with_suffix(".private.jsonl"))
        for path in files:
            can_write(path)
            if path.exists() or path.is_symlink():
                raise Misconfigured(
                    f"{path} is there already and may be evidence, which cannot be made again: name another page (-o), "
                    "or move it away"
                )
        return files


@contextmanager
def transcripts(path: Path) -> Generator[Keep]:
    """A new file that only its owner can read; what it is given is on disk when that returns. None stays if nothing is.

    Raises `Misconfigured` where it cannot be made, and from within `Unavailable` where there is no more room.
    """
    from azeotrope.codec import encode
    from azeotrope.errors import Misconfigured, Unavailable
    from azeotrope.placing import to_disk

    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        to_disk(path.parent)  # its name, too
    except OSError as error:
        raise Misconfigured(f"cannot write {path}: {error.strerror}; name another page (-o)") from None

    def keep(kept: Sequence[Kept]) -> None:
        data = b"".join(encode(one) + b"\n" for one in kept)
        try:
            while data:
                data = data[os.write(file, data) :]
            os.fsync(file)
        except OSError as error:
            raise Unavailable(f"cannot write {path}: {error.strerror}; what is there is kept") from None

    try:
        yield keep
    finally:
        empty = not os.fstat(file).st_size
        os.close(file)
        if empty:
            path.unlink(missing_ok=True)


def write_evidence(outcome: Outcome, files: Files, signing_key: Path | None) -> None:
    """The page and its twin, and what they say in short."""
    from azeotrope.codec import encode
    from azeotrope.ledger import Signer
    from azeotrope.report.evidence import page
    from azeotrope.verify.sealing import sealed

    twin = sealed(outcome.evidence, Signer.read(signing_key) if signing_key else None)
    write(files.twin, encode(twin).decode() + "\n")
    write(files.page, page(twin))
    typer.echo(outcome.evidence.verdict)
    typer.echo(outcome.evidence.claim)
    there = f"; {files.private} holds the transcripts: it is yours alone" if outcome.kept else ""
    typer.echo(f"{files.page}, {files.twin}{there}", err=True)
