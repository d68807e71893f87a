"""The results file of a search: a JSON line each for runs, candidates, reflections, confirmations; a memory, too.

Each line is on disk before the next: a kill loses the evaluation in flight. A torn last line is cut. One writer.
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
from azeotrope.optimize.records import Candidate, Confirmed, Line, Reflected
from azeotrope.types import Run


class Memory:
    """What is known. Without a file it forgets when it goes."""

    def __init__(self, path: Path | None = None, file: BinaryIO | None = None, run: Run | None = None) -> None:
        self.path, self._file, self._run = path, file, run
        self.candidates: dict[str, Candidate] = {}
        """By digest. One that failed for a reason that may pass is tried again."""
        self.reflected: dict[tuple[str, int], Reflected] = {}
        self.confirmed: dict[tuple[str, int, str], Confirmed] = {}
        self.runs: list[Run] = []

    def add(self, line: Line) -> None:
        """Raises `Unavailable` where it cannot be written."""
        lines = [line] if self._run is None else [Line(run=self._run), line]
        if self._file is not None:
            try:
                self._file.write(b"".join(encode(one) + b"\n" for one in lines))
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise Unavailable(
                    f"cannot write {self.path}: {error.strerror}. What is there is kept: make room and run the same "
                    "again"
                ) from None
        self._run = None
        for one in lines:
            self._know(one)

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
        memory = Memory(path, file, run)
        file.seek(0)
        file.truncate(memory.read(file.read()))
        yield memory


def looked_at(path: Path) -> Memory:
    """The results, only to be read."""
    memory = Memory(path)
    try:
        memory.read(path.read_bytes())
    except OSError as error:
        raise Misconfigured(f"cannot read {path}: {error.strerror}") from None
    return memory
