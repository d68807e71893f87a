"""Server-sent events mean the same however the network cuts them, and what the standard says they mean."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from azeotrope.models.sse import Decoder, Message


def decoded(*chunks: bytes) -> list[Message]:
    decoder = Decoder()
    return [message for chunk in chunks for message in decoder.feed(chunk)]


def by_the_book(raw: bytes) -> list[Message]:
    """The standard's algorithm, on the whole stream at once."""
    raw = raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    out, data, event = [], [], b""
    for line in raw.split(b"\n")[:-1]:
        name, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if not line:
            if b"\n".join(data):
                out.append(Message(b"\n".join(data), event.decode("utf-8", "replace") or "message"))
            data, event = [], b""
        elif name == b"data":
            data.append(value)
        elif name == b"event":
            event = value
    return out


PIECES = [
    b"data: ", b"data:", b"data", b"event: error", b"event", b": keep-alive", b"id: 1", b"\n", b"\r", b"\r\n",
    b"data: {}\n\n", b"\n\n", b"\r\n\r\n", b"\r\r", b"\xef\xbb\xbf", '{"a":"é🙂"}'.encode(), b"[DONE]", b" ", b":",
    b"\x00", b"\xff", b"x", b"\x0b", b"\x0c", b"\x1c", b"\x85", "\u2028".encode(),
]  # fmt: skip
STREAMS = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)


@given(STREAMS, st.lists(st.integers(0, 200), max_size=12))
@example(b"\xef\xbb\xbfdata: a\r\n\r\ndata: b\r\r", [1, 2, 3, 10, 11, 12, 13])
def test_bytes_cut_anywhere_decode_as_the_standard_says(raw: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    chunks = [raw[start:end] for start, end in pairwise(edges)]
    assert decoded(*chunks) == by_the_book(raw)
    assert decoded(*(bytes([byte]) for byte in raw)) == by_the_book(raw)


@pytest.mark.parametrize(
    ("raw", "messages"),
    [
        (b"data: a\ndata: b\n\n", [Message(b"a\nb")]),
        (b"data:a\r\n\r\ndata:  b\r\n\r\n", [Message(b"a"), Message(b" b")]),
        (b": comment\n\nevent: error\ndata: x\n\ndata: y\n\n", [Message(b"x", "error"), Message(b"y")]),
        (b"event: error\n\ndata: y\n\n", [Message(b"y")]),
        (b"data\n\ndata:\n\ndata\ndata\n\n", [Message(b"\n")]),
        (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [Message(b"a")]),
        (b"database: a\n\ndatum: b\n\n", []),
        (b"data: half of it\n", []),
        (b"data: \xe2\x80\xa8\x0b\x0c\x1c\x85\n\n", [Message(b"\xe2\x80\xa8\x0b\x0c\x1c\x85")]),
    ],
)
def test_the_standards_corners(raw: bytes, messages: list[Message]) -> None:
    assert decoded(raw) == messages == by_the_book(raw)


def test_an_endless_line_is_kept_but_not_copied_for_every_piece() -> None:
    decoder = Decoder()
    pieces = [b"data: "] + [b"x" * 1000] * 20_000
    assert not [message for piece in pieces for message in decoder.feed(piece)]
    (message,) = decoder.feed(b"\n\n")
    assert message.data == b"x" * 20_000_000
