"""The results file of a search: a JSON line each for runs, candidates, reflections, confirmations; a memory, too.

Each line is on disk before the next: a kill loses the evaluation in flight. A torn last line is cut. One writer.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from azeotrope.appending import append, held, whole
from azeotrope.errors import Misconfigured
from azeotrope.optimize.records import Candidate, Confirmed, Line, Reflected
from azeotrope.types import Run


class Memory:
    """What is known. Without a file it forgets when it goes."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._run: Run | None = None
        self.candidates: dict[str, Candidate] = {}
        """By digest, the latest. The arena tries one without a score again."""
        self.reflected: dict[tuple[str, int], Reflected] = {}
        self.confirmed: dict[tuple[str, int, str], Confirmed] = {}
        self.runs: list[Run] = []

    def add(self, line: Line) -> None:
        """Raises `Unavailable` where it cannot be written."""
        lines = [line] if self._run is None else [Line(run=self._run), line]
        if self._file is not None:
            append(self._file, self.path, lines)
        self._run = None
        for one in lines:
            self._know(one)

    def read(self, data: bytes) -> int:
        """Takes in whole lines; returns how many bytes they are."""
        lines, size = whole(data, Line, self.path)
        for line in lines:
            self._know(line)
        return size

    def written_to(self, file: BinaryIO, run: Run) -> None:
        """From now on lines go there, `run` before the first of them."""
        self._file, self._run = file, run

    def _know(self, line: Line) -> None:
        if line.run:
            self.runs.append(line.run)
        if line.candidate:
            self.candidates[line.candidate.digest] = line.candidate
        if line.reflected:
            self.reflected[line.reflected.prompt, line.reflected.turn] = line.reflected
        if one := line.confirmed:
            self.confirmed[one.name, one.seed, one.context] = one


@contextmanager
def opened(path: Path, run: Run) -> Generator[Memory, None, None]:
    """The results, held against other writers while the block lasts. `run` heads what is added."""
    memory = Memory(path)
    with held(path, memory.read) as file:
        memory.written_to(file, run)
        yield memory


def looked_at(path: Path) -> Memory:
    """The results, only to be read."""
    memory = Memory(path)
    try:
        memory.read(path.read_bytes())
    except OSError as error:
        raise Misconfigured(f"cannot read {path}: {error.strerror}") from None
    return memory
