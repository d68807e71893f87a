"""The results file: lines {"run"}, {"cell"}, {"utility"}, each on disk before the next. One writer at a time.

Resumed by digest: what is there, and has a score, is not computed again. A torn last line (a killed writer's) is cut.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from azeotrope.codec import decode, encode
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.types import Cell, Record, Run, Utility


class Line(Record, frozen=True, omit_defaults=True):
    """One line: exactly one of these."""

    run: Run | None = None
    cell: Cell | None = None
    utility: Utility | None = None


class Results:
    """What is known, and where the next record goes. See `opened`."""

    def __init__(self, path: Path, file: BinaryIO | None) -> None:
        self.path, self._file, self._headed = path, file, False
        self.cells: dict[str, Cell] = {}
        """By digest: of several the last that has a score, else the last."""
        self.utilities: dict[str, Utility] = {}

    def add(self, record: Cell | Utility, run: Run) -> None:
        """Appends the record; before a writer's first one, the run that heads it. Raises `Unavailable`."""
        lines = [] if self._headed else [Line(run=run)]
        lines.append(Line(cell=record) if isinstance(record, Cell) else Line(utility=record))
        assert self._file is not None, "opened for reading"
        try:
            self._file.write(b"".join(encode(line) + b"\n" for line in lines))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise Unavailable(
                f"cannot write {self.path}: {error.strerror}. What is there is kept: make room and run the same again"
            ) from None
        self._headed = True
        self._know(lines[-1])

    def _know(self, line: Line) -> None:
        if line.utility:
            self.utilities[line.utility.digest] = line.utility
        if line.cell and (not line.cell.reason or self.cells.get(line.cell.digest, line.cell).reason):
            self.cells[line.cell.digest] = line.cell

    def read(self, data: bytes) -> int:
        """Takes in whole lines; returns how many bytes they are."""
        whole = data.rfind(b"\n") + 1
        for number, text in enumerate(data[:whole].splitlines(), 1):
            if text.strip():
                try:
                    self._know(decode(text, Line))
                except Misconfigured as error:
                    raise Misconfigured(f"{self.path}, line {number}: {error}; move the file away") from None
        return whole


@contextmanager
def opened(path: Path) -> Generator[Results, None, None]:
    """The results, held against other writers while the block lasts."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise Misconfigured(f"cannot write {path}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Misconfigured(f"another process is writing {path}: wait for it, or stop it") from None
        results = Results(path, file)
        file.seek(0)
        file.truncate(results.read(file.read()))
        yield results


def looked_at(path: Path) -> Results:
    """The results as they are, only to be read; none where there is no file yet."""
    results = Results(path, None)
    if path.exists():
        results.read(path.read_bytes())
    return results
