"""The results file: lines {"run"}, {"cell"}, {"utility"}, {"appraisal"}, {"superseded"}, each on disk before the next.

One writer at a time. Resumed by digest: what is there, and has a score, is not computed again. A torn last line (a
killed writer's) is cut. Nothing is ever deleted: what an experiment no longer has is named by a later line, so that a
report leaves it out, and is taken up again by a line of its own once the experiment has it again. An appraisal goes
with the utility of its settings.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
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
    superseded: tuple[str, ...] = ()
    """Digests of cells and utilities above that the experiment, as it is run now, does not have: of other settings, or
    of attacks and seeds that were taken out."""


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
        """By digest, those that were written last at the end."""
        self.superseded: set[str] = set()
        """Digests of what is here and counts no longer."""

    def written_to(self, file: BinaryIO) -> None:
        """From now on records go there, each run's behind a head of their own."""
        self._file, self._run = file, None

    def add(self, record: Appraisal | Cell | Utility, run: Run) -> None:
        """Appends the record; before it, where another run's records came last, the run. Raises `Unavailable`."""
        self._write(_line(record), run)

    def settle(self, has: Collection[str], pairs: Collection[tuple[str, str]], run: Run) -> None:
        """Says which records behind these (task, defense) are not among the digests that the experiment has, and takes
        up again what it has again. Raises `Unavailable`."""
        known = [*self.cells.values(), *self.utilities.values()]
        gone = [one.digest for one in known if (one.task, one.defense) in pairs and one.digest not in has]
        back = [one for one in known if one.digest in has and one.digest in self.superseded]
        if new := [digest for digest in gone if digest not in self.superseded]:
            self._write(Line(superseded=tuple(new)), run)
        for record in back:
            self.add(record, self.run(record.digest) or run)

    def _write(self, line: Line, run: Run) -> None:
        lines = [line] if self._run == run else [Line(run=run), line]
        assert self._file is not None, "opened for reading"
        append(self._file, self.path, lines)
        for one in lines:
            self._know(one)

    def of(self, digest: str) -> Cell | Utility | None:
        """The record of that digest."""
        return self.utilities.get(digest) or self.cells.get(digest)

    def last(self, utility: str) -> Appraisal | None:
        """The last appraisal of those settings: the one that a report shows."""
        return next((one for one in reversed(self.appraisals.values()) if one.utility == utility), None)

    def run(self, digest: str) -> Run | None:
        """The run that made it."""
        return self._runs.get(digest)

    def _know(self, line: Line) -> None:
        self._run = line.run or self._run
        self.superseded.update(line.superseded)
        if line.utility:
            self._keep(self.utilities, line.utility)
        if line.appraisal:
            self.appraisals.pop(line.appraisal.digest, None)
            self._keep(self.appraisals, line.appraisal)
        if line.cell and (not line.cell.reason or self.cells.get(line.cell.digest, line.cell).reason):
            self._keep(self.cells, line.cell)

    def _keep(self, known: dict[str, T], record: T) -> None:
        known[record.digest] = record
        self.superseded.discard(record.digest)
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
