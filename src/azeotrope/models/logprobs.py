"""Per-token records for exactly the answer's tokens: aligned with the raw content by their bytes, or not released.

Knows no wire and no policy. Where the tokens' bytes do not add up to the content, all of that choice's records are
dropped: one that belongs to reasoning would leak a word of it, its alternatives several.
"""

from __future__ import annotations

from collections import deque
from itertools import accumulate
from typing import Any, NamedTuple, cast

from azeotrope.types import Fields

_TRAILING = 2
"""Records past the content that are let pass unreleased: servers report the end token's."""


class Token(NamedTuple):
    """A record whose bytes touch the characters start:end of the content."""

    start: int
    end: int
    record: Fields


class Tokens:
    """One choice's token records on their way through the splitter.

    `arrive` in step with the raw content, `released` in step with the splitter's pieces. A token leaves iff it lies
    wholly inside one run of answer text.
    """

    def __init__(self, at: int) -> None:
        """`at`: characters of content that came before the first records."""
        self._lost = at > 0
        self._at = at
        self._waiting: list[Fields] = []
        """Records of the first bytes of a character whose last bytes have not come."""
        self._aligned: deque[Token] = deque()
        self._run = (0, 0)

    def arrive(self, content: str, records: Any, beside_reasoning: bool) -> None:
        """One chunk's content with the records beside it. `beside_reasoning`: the response has a reasoning channel."""
        if self._lost:
            return
        start, self._at = self._at, self._at + len(content)
        listed = cast(list[Any], records) if isinstance(records, list) else []
        known = [record for record in map(cleaned, listed) if record is not None]
        if len(known) < len(listed):
            self._lost = True
        elif content:
            self._align(content, start, [*self._waiting, *known], beside_reasoning)
        else:
            self._waiting += [record for record in known if _partial(record)]

    def _align(self, content: str, start: int, records: list[Fields], beside_reasoning: bool) -> None:
        raw = content.encode()
        span = aligned(raw, [_bytes(record) for record in records], beside_reasoning)
        if span is None:
            self._lost = True
            return
        first, last = span
        self._waiting = [record for record in records[last:] if _partial(record)]
        self._aligned += _placed(raw, records[first:last], start)

    def released(self, start: int, end: int) -> tuple[Fields, ...] | None:
        """The records that leave with the answer text start:end; None where there are none to be had."""
        if self._lost:
            return None
        began = self._run[0] if self._run[1] == start else start
        self._run = (began, end)
        return tuple(token.record for token in self._until(end) if token.start >= began)

    def withheld(self, end: int) -> None:
        """Reasoning up to `end`: no record of it leaves, nor one that reaches into it."""
        while self._aligned and self._aligned[0].start < end:
            self._aligned.popleft()

    def _until(self, end: int) -> list[Token]:
        out: list[Token] = []
        while self._aligned and self._aligned[0].end <= end:
            out.append(self._aligned.popleft())
        return out


def aligned(content: bytes, tokens: list[bytes], may_skip: bool) -> tuple[int, int] | None:
    """The run first:last of tokens whose bytes are the content.

    It ends near the last token and starts at the first; `may_skip`: or later (the tokens before it being reasoning, as
    vLLM reports them for a whole message). None where there is no such run, or another one starts elsewhere: reasoning
    that says the same as the answer may not lend it its records.
    """
    ends = [0, *accumulate(len(token) for token in tokens)]
    joined = b"".join(tokens)
    runs: dict[int, tuple[int, int]] = {}
    """By the byte they begin at."""
    for last in range(len(tokens), max(-1, len(tokens) - _TRAILING - 1), -1):
        begins = ends[last] - len(content)
        allowed = begins >= 0 if may_skip else begins == 0
        if allowed and begins in ends and joined[begins : ends[last]] == content:
            runs.setdefault(begins, (ends.index(begins), last))
    return next(iter(runs.values())) if len(runs) == 1 else None


def _placed(content: bytes, records: list[Fields], start: int) -> list[Token]:
    """Byte lengths -> character offsets; a token that holds part of a character is placed on all of it."""
    before = [0, *accumulate((byte & 0xC0) != 0x80 for byte in content)]  # characters begun before each byte
    out: list[Token] = []
    at = 0
    for record in records:
        size = len(_bytes(record))
        if size:
            out.append(Token(start + before[at + 1] - 1, start + before[at + size], record))
        at += size
    return out


def cleaned(record: Any) -> Fields | None:
    """A token record with the members OpenAI names and no other; None where it is none, or its texts disagree."""
    top = _bare(record)
    if top is None:
        return None
    alternatives = cast(Fields, record).get("top_logprobs")
    if isinstance(alternatives, list):
        bare = [_bare(alternative) for alternative in cast(list[Any], alternatives)]
        if None in bare:
            return None
        top["top_logprobs"] = bare
    else:
        top["top_logprobs"] = []
    return top


def _bare(record: Any) -> Fields | None:
    if not isinstance(record, dict):
        return None
    fields = cast(Fields, record)
    token, logprob, raw = fields.get("token"), fields.get("logprob"), fields.get("bytes")
    if not isinstance(token, str) or not isinstance(logprob, int | float):
        return None
    return {"token": token, "logprob": logprob, "bytes": raw} if _agree(token, raw) else None


def _agree(token: str, raw: Any) -> bool:
    """Whether `bytes` say what `token` says. Part of a character has no text: servers write U+FFFD or `bytes:\\x..`."""
    if raw is None:
        return True
    try:
        octets = bytes(raw)
    except (TypeError, ValueError):
        return False
    try:
        return octets.decode() == token
    except UnicodeDecodeError:
        return "\ufffd" in token or token.startswith("bytes:")


def _bytes(record: Fields) -> bytes:
    raw = record["bytes"]
    return record["token"].encode() if raw is None else bytes(raw)


def _partial(record: Fields) -> bool:
    """Whether a token is part of a character."""
    try:
        _bytes(record).decode()
    except UnicodeDecodeError:
        return True
    return False
