"""Parquet through Arrow: only the texts that change are replaced; every other value, type and metadata is Arrow's own.

Knows no column and no model. Needs the extra `parquet` (pyarrow). Read and written a record batch at a time.
"""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path
from typing import Any, cast

import msgspec

from azeotrope.errors import Misconfigured
from azeotrope.models.columns import Edit, Unreadable, edited
from azeotrope.models.columns import Path as Place
from azeotrope.protect.tables import Row
from azeotrope.types import Fields

_BATCH = 1024
"""Rows in memory at once."""

_edits = msgspec.json.Decoder(list[tuple[tuple[str | int, ...], str]])


class Parquet:
    """A Parquet file."""

    name = "parquet"

    def __init__(self, path: Path, keep: Container[str] = ()) -> None:
        self._path, self._keep = path, keep
        self._file = _opened(path)
        self.size = int(self._file.metadata.num_rows)

    @cached_property
    def _texts(self) -> list[str]:
        """The columns with a text somewhere inside: only those are looked at.

        Raises `Misconfigured` for one whose texts cannot be written again, unless it is to be kept as it is.
        """
        schema = self._file.schema_arrow
        if twice := _twice(schema):
            raise Misconfigured(f"{self._path} has two columns called {twice!r}: rename one of them, or drop it")
        return [field.name for field in schema if self._readable(field) and _has_text(field.type)]

    def _readable(self, field: Any) -> bool:
        if not (why := _unwritable(field.type)):
            return True
        if field.name in self._keep:
            return False
        raise Misconfigured(
            f"{self._path}: column {field.name!r} {why}, which cannot be written again: cast it to strings, lists and "
            f"structs, or leave it as it is with --keep {field.name}"
        )

    @cached_property
    def _maps(self) -> dict[str, Any]:
        """The columns with a map somewhere inside, and their types."""
        fields = [self._file.schema_arrow.field(name) for name in self._texts]
        return {field.name: field.type for field in fields if _any_inside(field.type, _is_map)}

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
        found = row.values or {}
        return found | {name: _named(found[name], kind) for name, kind in self._maps.items()} if self._maps else found

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
                    made = list(_runs(_replaced(batch, edits), [content is not None for content in kept]))
                    if made:
                        writer.write_table(pa.Table.from_batches(made, schema))
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


def _inside(kind: Any) -> list[Any]:
    """The types that a type is made of."""
    import pyarrow as pa
    import pyarrow.types as pt

    if isinstance(kind, pa.BaseExtensionType):
        return [kind.storage_type]
    if isinstance(kind, pa.DictionaryType | pa.RunEndEncodedType):
        return [kind.value_type]
    return [kind.field(i).type for i in range(kind.num_fields)] if pt.is_nested(kind) else []


def _any_inside(kind: Any, wanted: Any) -> bool:
    return wanted(kind) or any(_any_inside(inner, wanted) for inner in _inside(kind))


def _is_map(kind: Any) -> bool:
    import pyarrow.types as pt

    return pt.is_map(kind)


def _has_text(kind: Any) -> bool:
    import pyarrow.types as pt

    return any(_any_inside(kind, text) for text in (pt.is_string, pt.is_large_string, pt.is_string_view))


def _unwritable(kind: Any) -> str:
    """What there is in a type that holds texts but cannot be rebuilt with other ones, or ""."""
    import pyarrow as pa
    import pyarrow.types as pt

    if not _has_text(kind):
        return ""
    if isinstance(kind, pa.BaseExtensionType) and _inside(kind.storage_type):
        return "holds texts inside an extension type"
    if pt.is_run_end_encoded(kind) or pt.is_union(kind):
        return "holds texts run-end encoded or in a union"
    if pt.is_map(kind) and pt.is_nested(kind.key_type):
        return "is a map whose keys are no plain values"
    if pt.is_struct(kind) and _twice(kind):
        return "has two members of one name"
    return next((why for inner in _inside(kind) if (why := _unwritable(inner))), "")


def _twice(fields: Iterable[Any]) -> str:
    """A name that two of these fields have, or ""."""
    counts = Counter(field.name for field in fields)
    return next((name for name, times in counts.items() if times > 1), "")


def _named(value: Any, kind: Any) -> Any:
    """A value whose maps, which Arrow gives as lists of pairs, are dicts. Raises `Unreadable` where a key is twice."""
    import pyarrow.types as pt

    if value is None or not _any_inside(kind, _is_map):
        return value
    if pt.is_map(kind):
        pairs = [(str(key), _named(item, kind.item_type)) for key, item in value]
        if len(named := dict(pairs)) != len(pairs):
            raise Unreadable("a map of its names a key twice")
        return named
    if pt.is_struct(kind):
        return {field.name: _named(value[field.name], field.type) for field in kind}
    return [_named(item, kind.value_type) for item in value]


def _runs(batch: Any, kept: list[bool]) -> Iterator[Any]:
    """The rows that are kept, as slices: not every type can be filtered."""
    at = 0
    for keep, rows in groupby(kept):
        size = len(list(rows))
        if keep:
            yield batch.slice(at, size)
        at += size


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
    values: list[Any] = array.to_pylist()  # a text, or a nesting that is rare enough to be built anew
    for row, path, text in changes:
        values[row] = _with(values[row], path, text)
    made = pa.array(values, kind)
    if made.type != kind:  # Arrow widens the index of a dictionary that would overflow
        raise Misconfigured(f"{kind} has no room for the new texts: cast that column to strings and run the same again")
    return made


def _with(value: Any, path: Place, text: str) -> Any:
    """The value with another text at a place inside. A map is a list of pairs, and its place a key as text."""
    if not path:
        return text
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {**value, step: _with(value[step], rest, text)}
    if isinstance(step, str):
        return [(key, _with(item, rest, text) if str(key) == step else item) for key, item in value]
    return [_with(item, rest, text) if i == step else item for i, item in enumerate(value)]


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
