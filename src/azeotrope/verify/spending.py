"""Which associations were asked about, and where: a probe that was shown to a suspect is spent there.

In the ledger where there is one, else in a file beside the report. Written before the question is sent: a run that dies
has spent what it sent. Knows no trigger and no target.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from azeotrope.codec import decode, encode
from azeotrope.errors import Misconfigured
from azeotrope.ledger import Ledger, Note, Spent, spent


class Book(Protocol):
    """Remembers what was spent."""

    def closed(self, mark: str, suspect: str) -> frozenset[int]:
        """Associations of the mark that this suspect was asked about, or that stand disclosed in a report."""
        ...

    async def spend(self, mark: str, indices: Sequence[int], suspect: str, *, disclosed: bool) -> None:
        """Durable when it returns. Raises `Misconfigured` or `Unavailable`."""
        ...


class _Known:
    """What is spent already."""

    def __init__(self, notes: Sequence[Spent]) -> None:
        self._there: dict[tuple[str, str], set[int]] = {}
        for note in notes:
            self.add(note)

    def add(self, note: Spent) -> None:
        self._there.setdefault((note.mark, "" if note.disclosed else note.suspect), set()).add(note.index)

    def closed(self, mark: str, suspect: str) -> frozenset[int]:
        return frozenset(self._there.get((mark, suspect), set()) | self._there.get((mark, ""), set()))


class SideFile:
    """A line of JSON for each spent association, beside the report; None as path: forgotten at the end."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known = _Known(_lines(path) if path else [])

    def closed(self, mark: str, suspect: str) -> frozenset[int]:
        return self._known.closed(mark, suspect)

    async def spend(self, mark: str, indices: Sequence[int], suspect: str, *, disclosed: bool) -> None:
        notes = [Spent(mark, index, time.time_ns() // 1000, suspect, disclosed) for index in indices]
        if self._path:
            _append(self._path, notes)
        for note in notes:
            self._known.add(note)


class InLedger:
    """Notes of kind `spent` in an open ledger."""

    def __init__(self, dsn: str | Path, ledger: Ledger) -> None:
        self._ledger, self._known = ledger, _Known(spent(dsn))

    def closed(self, mark: str, suspect: str) -> frozenset[int]:
        return self._known.closed(mark, suspect)

    async def spend(self, mark: str, indices: Sequence[int], suspect: str, *, disclosed: bool) -> None:
        notes = [Spent(mark, index, suspect=suspect, disclosed=disclosed) for index in indices]
        if notes:
            await self._ledger.append(*map(Note.of, notes))
        for note in notes:
            self._known.add(note)


def now() -> str:
    """ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _append(path: Path, notes: Sequence[Spent]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(b"\n" + b"".join(encode(note) + b"\n" for note in notes))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Misconfigured(f"cannot write down what is spent in {path}: {error.strerror}; nothing was asked") from None


def _lines(path: Path) -> list[Spent]:
    """What the file holds; a line that was cut off while it was written was never asked about."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Misconfigured(f"cannot read {path}: {error.strerror}") from None
    return [decode(line, Spent) for line in lines if line.endswith(b"}")]
