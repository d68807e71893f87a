"""Puts new texts into a line of JSON and leaves every other byte of it alone. Knows JSON, no column and no file.

Number spellings, blanks, escapes, the order of members: none of it is decoded and written again, so none can change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from azeotrope.models.columns import Edit, Path, Unreadable
from azeotrope.types import Fields

_KEY = re.compile(rb'[ \t\r\n]*"[^"\\]*(?:\\.[^"\\]*)*"[ \t\r\n]*:[ \t\r\n]*')
_BLANK = re.compile(rb"[ \t\r\n]*")

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])


def values(line: bytes) -> Fields:
    """A JSON object's members as Python values. A member that Python cannot hold (half a surrogate pair) is left out.

    Raises `Unreadable` for anything but one object in UTF-8.
    """
    try:
        line.decode()
        members = _members.decode(line)
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8 (byte {error.start} of the line)") from None
    except msgspec.ValidationError:
        raise Unreadable("it is no JSON object") from None
    except msgspec.DecodeError as error:
        raise Unreadable(f"it is not JSON ({error})") from None
    except RecursionError:
        raise Unreadable("its JSON nests too deeply") from None
    out: Fields = {}
    for name, raw in members.items():
        try:
            out[name] = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        except RecursionError:
            raise Unreadable("its JSON nests too deeply") from None
    return out


def spliced(line: bytes, edits: Iterable[Edit]) -> bytes:
    """The line with these texts. Raises `Unreadable` where an object on the way names a member twice.

    A text that is no Unicode (half a surrogate pair) raises `UnicodeEncodeError`.
    """
    found = sorted((*_span(line, path), msgspec.json.encode(text)) for path, text in edits)
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
            raise Unreadable("its JSON names a member twice")
        at = found.end() + len(value)
        if key == name:
            span = (found.end(), at)
        at = _after(data, at)
        if data[at : at + 1] not in (b",", b"}"):
            raise Unreadable("its JSON names a member twice")
        at += 1
    if data[at - 1 : at] != b"}":
        raise Unreadable("its JSON names a member twice")
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
