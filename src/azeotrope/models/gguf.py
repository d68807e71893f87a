"""Reads the head of a GGUF weights file: its metadata and whether the file is whole.

Knows no engine. The file is untrusted: every length is checked against the bytes that are there before it is used, so
that a damaged file is an error here and not a crash in the engine. Format: GGUF versions 2 and 3, little-endian
(ggml's docs/gguf.md).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from azeotrope.errors import Misconfigured
from azeotrope.types import Fields, Record

_STRING, _ARRAY = 8, 9
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_HEAD_LIMIT = 1 << 28
"""Bytes. A vocabulary of 256,000 words takes some 10 MB; nothing honest takes more than this."""
_TEXT_LIMIT = 1 << 20
"""Bytes of a text that is kept (chat templates take some 10 kB); a longer one is skipped over."""


_BOUNDS = {"block_count": 512, "embedding_length": 1 << 20, "context_length": 1 << 31}
"""Beyond them, and on a nought, the engine does not refuse: it ends the process."""


class Header(Record, frozen=True):
    """What the head of the file says."""

    version: int
    metadata: Fields
    """Numbers and texts by their GGUF keys; of an array, its length."""
    tensors: int

    @property
    def licence(self) -> str:
        """As the file states it, "not stated" where it does not."""
        for key in ("general.license.name", "general.license"):
            if isinstance(stated := self.metadata.get(key), str) and stated.strip():
                return " ".join(stated.split())[:200]
        return "not stated"

    @property
    def name(self) -> str:
        stated = self.metadata.get("general.name")
        return stated if isinstance(stated, str) else ""

    @property
    def context(self) -> int:
        """Tokens the model was trained to attend to, 0 where not stated."""
        stated = self.metadata.get(f"{self.metadata.get('general.architecture')}.context_length")
        return stated if isinstance(stated, int) else 0


def read(path: Path) -> Header:
    """The head of the file. Raises `Misconfigured`, with the cure, for anything but a whole language model."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = _header(_Reader(file, size))
    except FileNotFoundError:
        raise Misconfigured(f"there is no weights file {path}") from None
    except OSError as error:
        raise Misconfigured(f"cannot read the weights {path}: {error.strerror}") from None
    except _Damaged as damage:
        raise Misconfigured(f"{path} is not a whole GGUF file ({damage}): download it again") from None
    kind = header.metadata.get("general.architecture")
    if kind in (None, "clip"):
        raise Misconfigured(f"{path} holds no language model: name the file with the model's own weights")
    for member, bound in _BOUNDS.items():
        if not (isinstance(value := header.metadata.get(f"{kind}.{member}", 1), int) and 0 < value <= bound):
            raise Misconfigured(f"{path} is damaged ({kind}.{member} is {value}): download it again")
    return header


class _Damaged(Exception):
    """What is wrong with the bytes."""


class _Reader:
    """Takes what is there, never more."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self.size = file, size

    @property
    def at(self) -> int:
        return self._file.tell()

    def take(self, count: int) -> bytes:
        self._check(count)
        return self._file.read(count)

    def skip(self, count: int) -> None:
        self._check(count)
        self._file.seek(count, 1)

    def number(self, form: str) -> int:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self) -> str | None:
        """A text, None for one too long to keep."""
        length = self.number("<Q")
        if length > _TEXT_LIMIT:
            self.skip(length)
            return None
        return self.take(length).decode("utf-8", "replace")

    def _check(self, count: int) -> None:
        if self.at + count > min(self.size, _HEAD_LIMIT):
            raise _Damaged(f"its head asks for more than the {self.size} bytes there are")


def _header(reader: _Reader) -> Header:
    if reader.size < 24 or reader.take(4) != b"GGUF":
        raise _Damaged("it does not begin as one")
    version = reader.number("<I")
    if version not in (2, 3):
        raise _Damaged(f"version {version}; known are 2 and 3")
    tensors, entries = reader.number("<Q"), reader.number("<Q")
    metadata: Fields = {}
    for _ in range(entries):
        key = reader.text()
        value = _value(reader, reader.number("<I"))
        if key is not None and value is not None:
            metadata[key] = value
    _check_tensors(reader, tensors, metadata.get("general.alignment", 32))
    return Header(version, metadata, tensors)


def _value(reader: _Reader, kind: int, depth: int = 0) -> object:
    if kind == _STRING:
        return reader.text()
    if kind == _ARRAY:
        return _skip_array(reader, depth)
    if kind not in _SCALARS:
        raise _Damaged(f"a value of unknown type {kind}")
    return reader.number(_SCALARS[kind])


def _skip_array(reader: _Reader, depth: int) -> int:
    """Walks over an array; its length."""
    kind, length = reader.number("<I"), reader.number("<Q")
    if kind in _SCALARS:
        reader.skip(length * struct.calcsize(_SCALARS[kind]))
    elif depth > 2:
        raise _Damaged("arrays nested too deep")
    else:
        for _ in range(length):  # ends at the end of the file at the latest: every element takes bytes
            reader.skip(reader.number("<Q")) if kind == _STRING else _value(reader, kind, depth + 1)
    return length


def _check_tensors(reader: _Reader, count: int, alignment: object) -> None:
    """Every tensor begins inside the file."""
    if count == 0:
        raise _Damaged("it holds no tensors")
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
        raise _Damaged("its alignment makes no sense")
    last = 0
    for _ in range(count):
        reader.text()
        dimensions = reader.number("<I")
        if not 0 < dimensions <= 4:
            raise _Damaged(f"a tensor of {dimensions} dimensions")
        reader.skip(8 * dimensions + 4)
        last = max(last, reader.number("<Q"))
    data = -(-reader.at // alignment) * alignment
    if data + last >= reader.size:
        raise _Damaged(f"cut short: {reader.size} bytes, more than {data + last} expected")
