"""JSONL: one JSON object a line. Knows no column and no model.

A byte order mark, CRLF, blank lines and a last line without its end are kept as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from azeotrope.errors import Misconfigured
from azeotrope.models.columns import Edit
from azeotrope.protect.splice import spliced, values
from azeotrope.protect.tables import Row
from azeotrope.types import Fields

_BOM = b"\xef\xbb\xbf"


class Lines:
    """A JSONL file."""

    name = "jsonl"

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.size = path.stat().st_size
        except OSError as error:
            raise Misconfigured(f"cannot read {path}: {error.strerror}") from None

    def rows(self) -> Iterator[Row]:
        try:
            with self._path.open("rb") as file:
                for number, line in enumerate(file):
                    yield Row(number, line, len(line), not line.removeprefix(_BOM).strip())
        except OSError as error:
            raise Misconfigured(f"cannot read {self._path}: {error.strerror}") from None

    def values(self, row: Row) -> Fields:
        return values(row.raw[len(_lead(row)) :])

    def content(self, row: Row, edits: list[Edit]) -> tuple[bytes, Fields]:
        lead = _lead(row)
        line = spliced(row.raw[len(lead) :], edits)
        return lead + line, values(line)

    def assemble(self, contents: Iterator[bytes | None], path: Path) -> None:
        with path.open("wb") as file:
            file.writelines(content for content in contents if content is not None)
            file.flush()
            os.fsync(file.fileno())


def _lead(row: Row) -> bytes:
    return _BOM if row.number == 0 and row.raw.startswith(_BOM) else b""
