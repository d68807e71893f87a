"""Server-sent events, incrementally (WHATWG HTML section 9.2.6): bytes in any pieces -> messages.

Knows no JSON and no network. Payloads stay bytes, so that a character cut by the network is whole again before anybody
decodes it.
"""

from __future__ import annotations

from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"


class Message(NamedTuple):
    """One dispatched event: its `data:` lines joined by line feeds, and its name."""

    data: bytes
    event: str = "message"


class Decoder:
    """`feed(bytes)` gives the messages completed by these bytes. Lines end in LF, CRLF or CR; comments are dropped.

    A message that its blank line never followed is not dispatched, as the standard asks: it may be half of one.
    Work and memory are linear in the bytes fed, however they are cut.
    """

    __slots__ = ("_between", "_data", "_event", "_half_line", "_skip_lf", "_started")

    def __init__(self) -> None:
        self._half_line: list[bytes] = []
        self._data: list[bytes] = []
        self._event = b""
        self._skip_lf = False
        """The last piece ended in CR: an LF that opens the next one belongs to it."""
        self._started = False
        self._between = False
        """Nothing is pending: the next byte begins a message."""

    def feed(self, chunk: bytes) -> list[Message]:
        if (  # the short way: one whole message of one line, as nearly every piece of a live stream is
            self._between
            and chunk.startswith(b"data: ")
            and chunk.find(b"\n", 7) == len(chunk) - 2
            and chunk.endswith(b"\n\n")
            and b"\r" not in chunk
        ):
            return [Message(chunk[6:-2])]
        messages = self._read(chunk)
        self._between = self._started and not (self._data or self._half_line or self._event or self._skip_lf)
        return messages

    def _read(self, chunk: bytes) -> list[Message]:
        if not self._started:
            chunk = self._opening(chunk)
        if self._skip_lf and chunk:
            self._skip_lf = False
            if chunk[0] == 0x0A:
                chunk = chunk[1:]
        if not chunk:
            return []
        lines = chunk.splitlines()
        ends = chunk[-1]
        if ends != 0x0A and ends != 0x0D:
            rest = lines.pop()
            if not lines:
                self._half_line.append(rest)
                return []
        else:
            rest = b""
            self._skip_lf = ends == 0x0D
        if self._half_line:
            self._half_line.append(lines[0])
            lines[0] = b"".join(self._half_line)
            self._half_line.clear()
        if rest:
            self._half_line.append(rest)
        return self._take(lines)

    def _opening(self, chunk: bytes) -> bytes:
        """Drops one byte order mark at the very start, also when it comes in pieces."""
        chunk = b"".join((*self._half_line, chunk))
        self._half_line.clear()
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            self._half_line.append(chunk)
            return b""
        self._started = True
        return chunk.removeprefix(_BOM)

    def _take(self, lines: list[bytes]) -> list[Message]:
        out: list[Message] = []
        for line in lines:
            if not line:
                self._dispatch(out)
            elif line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif line.startswith(b"event:"):
                self._event = line[6:].removeprefix(b" ")
            elif line == b"data":
                self._data.append(b"")
            elif line == b"event":
                self._event = b""
        return out

    def _dispatch(self, out: list[Message]) -> None:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        if data:
            out.append(Message(data, self._event.decode("utf-8", "replace")) if self._event else Message(data))
        if self._event:
            self._event = b""
        if self._data:
            self._data.clear()
