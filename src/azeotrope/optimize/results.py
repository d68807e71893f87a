"""The results file of a search: a JSON line each for runs, candidates, reflections, confirmations; a memory, too.

Each line is on disk before the next: a kill loses the evaluation in flight. A torn last line is cut. One writer.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from azeotrope.appending import append, held, whole
from azeotrope.errors import Misconfigured
from azeotrope.optimize.plan import Floors
from azeotrope.optimize.records import Candidate, Confirmed, Expense, Line, Reflected
from azeotrope.types import Run


class Memory:
    """What is known. Without a file it forgets when it goes."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.run: Run | None = None
        """That heads what is added now."""
        self.elsewhere: Memory | None = None
        """Other searches' results: the same digest is the same score."""
        self._file: BinaryIO | None = None
        self._head: Run | None = None
        """The latest in the file."""
        self._made: dict[str, Run] = {}
        self.candidates: dict[str, Candidate] = {}
        """By digest, the latest that was taught, else the latest. The arena tries one without a score again."""
        self.reflected: dict[tuple[str, int], Reflected] = {}
        self.confirmed: dict[tuple[str, int, str], Confirmed] = {}
        self.runs: list[Run] = []

    def add(self, line: Line, run: Run | None = None) -> None:
        """Behind the head of the run that made it, this one where none is named. Raises `Unavailable` where it cannot
        be written."""
        head = run or self.run
        lines = [line] if head in (None, self._head) else [Line(run=head), line]
        if self._file is not None:
            append(self._file, self.path, lines)
        for one in lines:
            self._know(one)

    def finished(self, digest: str, floors: Floors) -> Candidate | None:
        """What need not be scored again. From elsewhere it is taken over, at no cost, with the run that made it."""
        if (mine := self.candidates.get(digest)) and mine.finished(floors):
            return mine
        if self.elsewhere is None or (found := self.elsewhere.finished(digest, floors)) is None:
            return None
        self.add(Line(candidate=replace(found, expense=Expense())), self.elsewhere._made.get(digest))
        return self.candidates[digest]

    def read(self, data: bytes) -> int:
        """Takes in whole lines; returns how many bytes they are."""
        lines, size = whole(data, Line, self.path)
        for line in lines:
            self._know(line)
        return size

    def written_to(self, file: BinaryIO, run: Run) -> None:
        """From now on lines go there, `run` before the first of them."""
        self._file, self.run = file, run

    def _know(self, line: Line) -> None:
        if line.run:
            self._head = line.run
            self.runs += [line.run] if line.run not in self.runs else []
        if line.candidate:
            self._score(line.candidate)
        if line.reflected:
            self.reflected[line.reflected.prompt, line.reflected.turn] = line.reflected
        if one := line.confirmed:
            self.confirmed[one.name, one.seed, one.context] = one

    def _score(self, new: Candidate) -> None:
        if new.taught or not ((old := self.candidates.get(new.digest)) and old.taught):
            self.candidates[new.digest] = new
            if self._head:
                self._made[new.digest] = self._head


@contextmanager
def opened(path: Path, run: Run) -> Generator[Memory, None, None]:
    """The results, held against other writers while the block lasts. `run` heads what is added."""
    memory = Memory(path)
    with held(path, memory.read) as file:
        memory.written_to(file, run)
        yield memory


def looked_at(path: Path, *others: Path) -> Memory:
    """The results, several files' as one's, only to be read."""
    memory = Memory(path)
    for one in (path, *others):
        try:
            memory.read(one.read_bytes())
        except OSError as error:
            raise Misconfigured(f"cannot read {one}: {error.strerror}") from None
    return memory
