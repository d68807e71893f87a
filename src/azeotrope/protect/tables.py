"""What `protect` asks of a file format. Knows no format; `lines` and `parquet` are the two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from azeotrope.models.columns import Edit
from azeotrope.types import Fields


class Row(NamedTuple):
    """One row as it was read."""

    number: int
    """From 0; what people are told is `number` + 1 (the line's number, in JSONL)."""
    raw: bytes
    """What it is recognised by when a run is resumed."""
    size: int
    """What it counts for, of the table's size."""
    blank: bool = False
    values: Fields | None = None
    """Its columns, where reading it made them."""


class Table(Protocol):
    """A file of rows: read one by one, written whole from what was kept of each."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int:
        """All rows' sizes together, for the progress bar."""
        ...

    def rows(self) -> Iterator[Row]:
        """Every row, in order. Raises `Misconfigured` where the file cannot be read."""
        ...

    def values(self, row: Row) -> Fields:
        """The row's columns. Raises `Unreadable`."""
        ...

    def content(self, row: Row, edits: list[Edit]) -> tuple[bytes, Fields]:
        """What to keep of the row with these texts in it, and its columns as they will be read back."""
        ...

    def assemble(self, contents: Iterator[bytes | None], path: Path) -> None:
        """Writes a new file from what was kept of each row, in order; None: a row that failed and is left out."""
        ...
