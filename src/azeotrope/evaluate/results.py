"""The results file: lines {"run"}, {"cell"}, {"utility"}, {"appraisal"}, each on disk before the next.

One writer at a time. Resumed by digest: what is there, and has a score, is not computed again. A torn last line (a
killed writer's) is cut.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from azeotrope.appending import append, held, whole
from azeotrope.errors import Misconfigured
from azeotrope.types import Appraisal, Cell, Record, Run, Utility

T = TypeVar("T", Appraisal, Cell, Utility)


class Line(Record, frozen=True, omit_defaults=True):
    """One line: exactly one of these."""

    run: Run | None = None
    cell: Cell | None = None
    utility: Utility | None = None
    appraisal: Appraisal | None = None


class Results:
    """What is known, and where the next record goes. See `opened`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._run: Run | None = None
        """That heads what comes next."""
        self._runs: dict[str, Run] = {}
        """By digest."""
        self.cells: dict[str, Cell] = {}
        """By digest: of several the last that has a score, else the last."""
        self.utilities: dict[str, Utility] = {}
        self.appraisals: dict[str, Appraisal] = {}
        """By digest."""

    def written_to(self, file: BinaryIO) -> None:
        """From now on records go there, each run's behind a head of their own."""
        self._file, self._run = file, None

    def add(self, record: Appraisal | Cell | Utility, run: Run) -> None:
        """Appends the record; before it, where another run's records came last, the run. Raises `Unavailable`."""
        lines = [] if self._run == run else [Line(run=run)]
        lines.append(_line(record))
        assert self._file is not None, "opened for reading"
        append(self._file, self.path, lines)
        for line in lines:
            self._know(line)

    def of(self, digest: str) -> Cell | Utility | None:
        """The record of that digest."""
        return self.utilities.get(digest) or self.cells.get(digest)

    def run(self, digest: str) -> Run | None:
        """The run that made it."""
        return self._runs.get(digest)

    def _know(self, line: Line) -> None:
        self._run = line.run or self._run
        if line.utility:
            self._keep(self.utilities, line.utility)
        if line.appraisal:
            self._keep(self.appraisals, line.appraisal)
        if line.cell and (not line.cell.reason or self.cells.get(line.cell.digest, line.cell).reason):
            self._keep(self.cells, line.cell)

    def _keep(self, known: dict[str, T], record: T) -> None:
        known[record.digest] = record
        if self._run:
            self._runs[record.digest] = self._run

    def read(self, data: bytes) -> int:
        """Takes in whole lines; returns how many bytes they are."""
        lines, size = whole(data, Line, self.path)
        for line in lines:
            self._know(line)
        return size


def _line(record: Appraisal | Cell | Utility) -> Line:
    if isinstance(record, Cell):
        return Line(cell=record)
    return Line(utility=record) if isinstance(record, Utility) else Line(appraisal=record)


@contextmanager
def opened(path: Path) -> Generator[Results, None, None]:
    """The results, held against other writers while the block lasts."""
    results = Results(path)
    with held(path, results.read) as file:
        results.written_to(file)
        yield results


def together(paths: Sequence[Path]) -> Results:
    """Several files' results as one's, only to be read. Raises `Misconfigured` where one cannot be."""
    results = Results(Path())
    for path in paths:
        try:
            results.read(path.read_bytes())
        except OSError as error:
            raise Misconfigured(f"cannot read the results {path}: {error.strerror}") from None
    return results
