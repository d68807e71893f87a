"""A file of records, a JSON line each, that is only added to: what was written is never lost to what comes after.

Each line is on disk before the next, a torn last line (a killed writer's) is cut, one process writes at a time. Knows
no record.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from azeotrope.codec import decode, encode
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.types import Record

Line = TypeVar("Line", bound=Record)


@contextmanager
def held(path: Path, read: Callable[[bytes], int]) -> Generator[BinaryIO]:
    """The file, made if need be and held against other writers while the block lasts; what `read` leaves over is cut.

    `read` is given its bytes and returns how many of them are whole lines. Raises `Misconfigured`.
    """
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
        file.seek(0)
        file.truncate(read(file.read()))
        yield file


def append(file: BinaryIO, path: Path | None, lines: Iterable[Record]) -> None:
    """Writes the lines; they are on disk when this returns. Raises `Unavailable` where there is no room."""
    try:
        file.write(b"".join(encode(line) + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(
            f"cannot write {path}: {error.strerror}. What is there is kept: make room and run the same again"
        ) from None


def whole(data: bytes, kind: type[Line], path: Path | None) -> tuple[list[Line], int]:
    """The whole lines, and how many bytes they are. Raises `Misconfigured`, which names the first line of another
    kind."""
    end, found = data.rfind(b"\n") + 1, list[Line]()
    for number, text in enumerate(data[:end].splitlines(), 1):
        if text.strip():
            try:
                found.append(decode(text, kind))
            except Misconfigured as error:
                raise Misconfigured(f"{path}, line {number}: {error}; move the file away") from None
    return found, end
