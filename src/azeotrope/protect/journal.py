"""The journal beside an unfinished output: every finished row, at once. Knows bytes and rows, no JSON and no model.

A row is finished when its record has been handed to the operating system; a process killed at any moment leaves at
most one torn record at the end, which is cut off on opening. The file, after a first line that says what is being
made of what:

    length u32 | CRC-32 u32 | row u64 | digest of the input, 16 bytes | length of the note u32 | note | what to write

Of several records of a row the last one holds. An advisory lock on the file keeps a second process out.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.protect.records import Note

_FRAME = struct.Struct("<II")
_HEAD = struct.Struct("<Q16sI")
_BATCH = 1 << 18
"""Bytes gathered at most before they are written, within one turn of the event loop."""

_note = msgspec.msgpack.Decoder(Note)


class Kept(NamedTuple):
    """One record."""

    row: int
    digest: bytes
    note: Note
    content: bytes


class Journal:
    """Append-only. Open with `Journal.opened`; always `close`."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self.path = file, path
        self._offsets = array("q")  # by row: where its last record begins, 0 for none, negative if it failed
        self._end = 0
        self._waiting: list[bytes] = []
        self._placing: list[tuple[int, int]] = []
        self._size = 0
        self.resumed = 0

    @classmethod
    def opened(cls, path: Path, identity: dict[str, str], *, restart: bool = False) -> Journal:
        """Locks the file and reads what is finished. Raises `Misconfigured` if it was begun with another identity."""
        journal = cls(_locked(path), path)
        try:
            journal._begin(identity, restart)
        except BaseException:
            journal.close()
            raise
        return journal

    def _begin(self, identity: dict[str, str], restart: bool) -> None:
        head = self._file.readline()
        if restart or not head.endswith(b"\n"):  # new, or killed before its first line was whole
            self._cut(0)
            self._end = self._write(msgspec.json.encode(identity) + b"\n")
            return
        _same(head, identity, self.path)
        self._end = len(head)
        for kept, offset, end in self._records():
            self._place(kept.row, -offset if kept.note.state == "failed" else offset)
            self._end = end
        self._cut(self._end)
        self.resumed = sum(1 for offset in self._offsets if offset > 0)

    def _records(self) -> Iterator[tuple[Kept, int, int]]:
        """Every whole record, where it begins and where it ends."""
        offset = self._end
        self._file.seek(offset)
        while (record := _record(self._file)) is not None:
            kept, size = record
            yield kept, offset, offset + size
            offset += size

    def __len__(self) -> int:
        """Rows up to the last one that has a record."""
        return len(self._offsets)

    def finished(self, row: int) -> bool:
        return row < len(self._offsets) and self._offsets[row] > 0

    def kept(self, row: int) -> Kept | None:
        """The row's last record."""
        if row >= len(self._offsets) or not (offset := abs(self._offsets[row])):
            return None
        self.flush()
        self._file.seek(offset)
        record = _record(self._file)
        if record is None:
            raise Unavailable(f"{self.path} was changed while it was in use")
        return record[0]

    def failed(self) -> Iterator[Kept]:
        """The rows that failed and were not finished since."""
        for row, offset in enumerate(self._offsets):
            if offset < 0 and (kept := self.kept(row)):
                yield kept

    def add(self, kept: Kept) -> None:
        """Takes a record; it is finished with the next `flush`, or at once when many have gathered."""
        note = msgspec.msgpack.encode(kept.note)
        payload = b"".join((_HEAD.pack(kept.row, kept.digest, len(note)), note, kept.content))
        offset = self._end + self._size
        self._placing.append((kept.row, -offset if kept.note.state == "failed" else offset))
        self._waiting += (_FRAME.pack(len(payload), zlib.crc32(payload)), payload)
        self._size += _FRAME.size + len(payload)
        if self._size > _BATCH:
            self.flush()

    def flush(self) -> None:
        """Hands everything to the operating system. Raises `Unavailable` if it has no room; what it has stays."""
        if self._waiting:
            data, placing = b"".join(self._waiting), self._placing
            self._waiting, self._placing, self._size = [], [], 0
            self._end += self._write(data)
            for row, offset in placing:
                self._place(row, offset)

    def _write(self, data: bytes) -> int:
        try:
            view, at = memoryview(data), self._end
            while view:
                done = os.pwrite(self._file.fileno(), view, at)
                view, at = view[done:], at + done
        except OSError as error:
            self._cut(self._end)
            raise Unavailable(
                f"cannot write {self.path}: {error.strerror}. "
                "What is finished is kept: make room and run the same again"
            ) from None
        return len(data)

    def _cut(self, size: int) -> None:
        os.ftruncate(self._file.fileno(), size)

    def _place(self, row: int, offset: int) -> None:
        if (missing := row + 1 - len(self._offsets)) > 0:
            self._offsets.frombytes(bytes(8 * missing))
        self._offsets[row] = offset

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Gives the lock back. What was not flushed is gone: the row is done again."""
        self._file.close()


def _locked(path: Path) -> BinaryIO:
    """The file, opened and locked. A file that was removed between the two is opened anew."""
    while True:
        try:
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")
        except OSError as error:
            raise Misconfigured(f"cannot write {path}: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise Misconfigured(f"another process is writing {path.with_suffix('')}: wait for it, or stop it") from None
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
            return file
        file.close()


def _record(file: BinaryIO) -> tuple[Kept, int] | None:
    """The next record and its size, or None where none is whole."""
    frame = file.read(_FRAME.size)
    if len(frame) < _FRAME.size:
        return None
    length, checksum = _FRAME.unpack(frame)
    payload = file.read(length)
    if len(payload) < length or length < _HEAD.size or zlib.crc32(payload) != checksum:
        return None
    row, digest, size = _HEAD.unpack_from(payload)
    start = _HEAD.size + size
    return Kept(row, digest, _note.decode(payload[_HEAD.size : start]), payload[start:]), _FRAME.size + length


def _same(head: bytes, identity: dict[str, str], path: Path) -> None:
    try:
        known = msgspec.json.decode(head, type=dict[str, str])
    except msgspec.DecodeError:
        raise Misconfigured(f"{path} is no journal of ours: move it away, or begin anew with --restart") from None
    if differing := sorted(name for name in {*known, *identity} if known.get(name) != identity.get(name)):
        raise Misconfigured(
            f"{path} was begun with another {' and '.join(differing)}: "
            "give the same as then, or begin anew with --restart"
        )
