"""Puts new texts into a line of JSON and leaves every other byte of it alone. Knows JSON, no column and no file.

Number spellings, blanks, escapes, the order of members: none of it is decoded and written again, so none can change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from azeotrope.models.columns import Edit, Path, Unreadable
from azeotrope.types import Fields

_KEY = re.compile(rb'[ \t\r\n]*"[^"\\]*(?:\\.[^"\\]*)*"[ \t\r\n]*:[ \t\r\n]*')
_BLANK = re.compile(rb"[ \t\r\n]*")

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""An escape that could be half a surrogate pair: rare enough to look twice at a line that has one."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])


def values(line: bytes) -> Fields:
    """A JSON object's members as Python values: all of them, for what is not seen here cannot be protected.

    Raises `Unreadable` for anything but one object in UTF-8, for a member named twice at any depth (only the last one
    would be seen, and another reader may take the first), and for what Python cannot hold.
    """
    try:
        found = _decoder.decode(line.decode())
        if _HALF.search(line):
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8 (byte {error.start} of the line)") from None
    except UnicodeEncodeError:
        raise Unreadable("it holds half a surrogate pair, which is no text") from None
    except ValueError as error:
        raise Unreadable(f"it is not JSON ({error})") from None
    except RecursionError:
        raise Unreadable("its JSON nests too deeply") from None
    if not isinstance(found, dict):
        raise Unreadable("it is no JSON object")
    return cast(Fields, found)


def _object(pairs: list[tuple[str, Any]]) -> Fields:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable(_TWICE)
    return members


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON's")


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_TWICE = "its JSON names a member twice"


def spliced(line: bytes, edits: Iterable[Edit]) -> bytes:
    """The line with these texts. Raises `Unreadable` where an object on the way names a member twice.

    A text that is no Unicode (half a surrogate pair) raises `UnicodeEncodeError`.
    """
    try:
        found = sorted((*_span(line, path), msgspec.json.encode(text)) for path, text in edits)
    except (msgspec.DecodeError, RecursionError):
        raise Unreadable("its JSON nests too deeply, or holds what cannot be read to the end") from None
    parts: list[bytes] = []
    done = 0
    for start, end, text in found:
        parts += (line[done:start], text)
        done = end
    return b"".join((*parts, line[done:]))


def _span(line: bytes, path: Path) -> tuple[int, int]:
    """Where the value at this path begins and ends."""
    start, end = 0, len(line)
    for step in path:
        inner = line[start:end]
        begin, stop = _member(inner, step) if isinstance(step, str) else _item(inner, step)
        start, end = start + begin, start + stop
    return start, end


def _member(data: bytes, name: str) -> tuple[int, int]:
    """One member's value in an object: read along its members, whose lengths the decoder knows."""
    at = data.index(b"{") + 1
    span = (0, 0)
    for key, raw in _members.decode(data).items():
        value = bytes(raw)
        found = _KEY.match(data, at)
        if not found or not data.startswith(value, found.end()):
            raise Unreadable(_TWICE)
        at = found.end() + len(value)
        if key == name:
            span = (found.end(), at)
        at = _after(data, at)
        if data[at : at + 1] not in (b",", b"}"):
            raise Unreadable(_TWICE)
        at += 1
    if data[at - 1 : at] != b"}":
        raise Unreadable(_TWICE)
    return span


def _item(data: bytes, index: int) -> tuple[int, int]:
    at = _after(data, data.index(b"[") + 1)
    items = _items.decode(data)
    for raw in items[:index]:
        at = _after(data, _after(data, at + len(bytes(raw))) + 1)
    return at, at + len(bytes(items[index]))


def _after(data: bytes, at: int) -> int:
    """The next byte that is no blank."""
    found = _BLANK.match(data, at)
    return found.end() if found else at
