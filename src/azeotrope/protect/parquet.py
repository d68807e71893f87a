"""Parquet through Arrow: only the texts that change are replaced; every other value, type and metadata is Arrow's own.

Knows no column and no model. Needs the extra `parquet` (pyarrow). Read and written a record batch at a time.
"""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, cast

import msgspec

from azeotrope.errors import Misconfigured
from azeotrope.models.columns import Edit, edited
from azeotrope.models.columns import Path as Place
from azeotrope.protect.tables import Row
from azeotrope.types import Fields

_BATCH = 1024
"""Rows in memory at once."""

_edits = msgspec.json.Decoder(list[tuple[tuple[str | int, ...], str]])


class Parquet:
    """A Parquet file."""

    name = "parquet"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _opened(path)
        self.size = int(self._file.metadata.num_rows)

    @cached_property
    def _texts(self) -> list[str]:
        """The columns with a text somewhere inside: only those are looked at."""
        return [field.name for field in self._file.schema_arrow if _has_text(field.type)]

    def rows(self) -> Iterator[Row]:
        number = 0
        for batch in self._file.iter_batches(_BATCH, columns=self._texts):
            for values in self._plain(batch):
                yield Row(number, msgspec.json.encode(values, enc_hook=str), 1, values=values)
                number += 1

    def _plain(self, batch: Any) -> list[Fields]:
        try:
            return batch.to_pylist()
        except ValueError:
            raise Misconfigured(
                f"{self._path}: times finer than a microsecond stand beside texts in one nested column; "
                "cast them to microseconds, or move them to a column of their own"
            ) from None

    def values(self, row: Row) -> Fields:
        return row.values or {}

    def content(self, row: Row, edits: list[Edit]) -> tuple[bytes, Fields]:
        for _, text in edits:
            text.encode()  # half a surrogate pair is no Unicode: UnicodeEncodeError
        return msgspec.json.encode(edits), edited(self.values(row), edits)

    def assemble(self, contents: Iterator[bytes | None], path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema: Any = self._file.schema_arrow
        codec = self._codec()
        with path.open("wb") as file:
            with pq.ParquetWriter(file, schema, compression=codec) as writer:
                for batch in self._file.iter_batches(_BATCH):
                    kept = list(islice(contents, batch.num_rows))
                    batch = batch.slice(0, len(kept))
                    edits = [_edits.decode(content) if content else [] for content in kept]
                    made = _replaced(batch, edits).filter(pa.array([content is not None for content in kept]))
                    if made.num_rows:
                        writer.write_batch(made)
            file.flush()
            os.fsync(file.fileno())

    def _codec(self) -> str:
        meta: Any = self._file.metadata
        if not meta.num_row_groups or not meta.num_columns:
            return "snappy"
        codec = str(meta.row_group(0).column(0).compression)
        return "none" if codec == "UNCOMPRESSED" else codec.lower()


def _opened(path: Path) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise Misconfigured("Parquet needs pyarrow: pip install 'azeotrope[parquet]'") from None
    try:
        return pq.ParquetFile(path)
    except OSError as error:
        raise Misconfigured(f"cannot read {path}: {error.strerror or 'not a Parquet file'}") from None
    except pa.ArrowInvalid:
        raise Misconfigured(f"cannot read {path}: it is not a Parquet file") from None


def _has_text(kind: Any) -> bool:
    import pyarrow.types as pt

    if pt.is_string(kind) or pt.is_large_string(kind):
        return True
    if pt.is_list(kind) or pt.is_large_list(kind):
        return _has_text(kind.value_type)
    return pt.is_struct(kind) and any(_has_text(field.type) for field in kind)


def _replaced(batch: Any, edits: list[list[Edit]]) -> Any:
    """The batch with these texts, row by row."""
    by_column: dict[str, list[tuple[int, Place, str]]] = {}
    for row, some in enumerate(edits):
        for path, text in some:
            by_column.setdefault(str(path[0]), []).append((row, path[1:], text))
    for name, changes in by_column.items():
        index = batch.schema.get_field_index(name)
        batch = batch.set_column(index, batch.schema.field(index), _array(batch.column(index), changes))
    return batch


def _array(array: Any, changes: list[tuple[int, Place, str]]) -> Any:
    """An array with other texts at some places inside its items; all its other buffers are shared."""
    import pyarrow as pa

    if not changes:
        return array
    kind = array.type
    if isinstance(kind, pa.StructType):
        return _struct(array, changes)
    if isinstance(kind, pa.ListType | pa.LargeListType):
        return _list(array, changes)
    texts = cast(list[str | None], array.to_pylist())
    for row, _, text in changes:
        texts[row] = text
    return pa.array(texts, kind)


def _struct(array: Any, changes: list[tuple[int, Place, str]]) -> Any:
    import pyarrow as pa

    names = [field.name for field in array.type]
    children = [array.field(i) for i in range(len(names))]
    for i, name in enumerate(names):
        inside = [(row, path[1:], text) for row, path, text in changes if path[0] == name]
        children[i] = _array(children[i], inside)
    return pa.StructArray.from_arrays(children, fields=list(array.type), mask=array.is_null())


def _list(array: Any, changes: list[tuple[int, Place, str]]) -> Any:
    """A list array is brought to begin at item 0 of its values, so that offsets and a mask of nulls go together."""
    import pyarrow as pa
    import pyarrow.compute as pc

    offsets = array.offsets
    start, end = offsets[0].as_py(), offsets[-1].as_py()
    inside = [(offsets[row].as_py() - start + cast(int, path[0]), path[1:], text) for row, path, text in changes]
    values = _array(array.values.slice(start, end - start), inside)
    moved = pc.subtract(offsets, pa.scalar(start, offsets.type))
    return type(array).from_arrays(moved, values, type=array.type, mask=array.is_null())
