"""The results file: lines {"run"}, {"cell"}, {"utility"}, each on disk before the next. One writer at a time.

Resumed by digest: what is there, and has a score, is not computed again. A torn last line (a killed writer's) is cut.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from azeotrope.appending import append, held, whole
from azeotrope.types import Cell, Record, Run, Utility


class Line(Record, frozen=True, omit_defaults=True):
    """One line: exactly one of these."""

    run: Run | None = None
    cell: Cell | None = None
    utility: Utility | None = None


class Results:
    """What is known, and where the next record goes. See `opened`."""

    def __init__(self, path: Path) -> None:
        self.path, self._headed = path, False
        self._file: BinaryIO | None = None
        self.cells: dict[str, Cell] = {}
        """By digest: of several the last that has a score, else the last."""
        self.utilities: dict[str, Utility] = {}

    def written_to(self, file: BinaryIO) -> None:
        """From now on records go there."""
        self._file = file

    def add(self, record: Cell | Utility, run: Run) -> None:
        """Appends the record; before a writer's first one, the run that heads it. Raises `Unavailable`."""
        lines = [] if self._headed else [Line(run=run)]
        lines.append(Line(cell=record) if isinstance(record, Cell) else Line(utility=record))
        assert self._file is not None, "opened for reading"
        append(self._file, self.path, lines)
        self._headed = True
        self._know(lines[-1])

    def _know(self, line: Line) -> None:
        if line.utility:
            self.utilities[line.utility.digest] = line.utility
        if line.cell and (not line.cell.reason or self.cells.get(line.cell.digest, line.cell).reason):
            self.cells[line.cell.digest] = line.cell

    def read(self, data: bytes) -> int:
        """Takes in whole lines; returns how many bytes they are."""
        lines, size = whole(data, Line, self.path)
        for line in lines:
            self._know(line)
        return size


@contextmanager
def opened(path: Path) -> Generator[Results, None, None]:
    """The results, held against other writers while the block lasts."""
    results = Results(path)
    with held(path, results.read) as file:
        results.written_to(file)
        yield results


def looked_at(path: Path) -> Results:
    """The results as they are, only to be read; none where there is no file yet."""
    results = Results(path)
    if path.exists():
        results.read(path.read_bytes())
    return results
