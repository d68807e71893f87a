"""One release as the ledger keeps it, its canonical bytes and its leaf. Pure; knows no database.

A plain digest of a short answer is guessed by trying answers, so each record has 32 random bytes of its own, and each
purpose a key derived from them: revealing the key of one content opens that content and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import time
from typing import Literal

from msgspec import Struct, field

from azeotrope.codec import encode
from azeotrope.types import Outcome, Step, Trace

RELEASE, NOTE = b"\0\x01", b"\0\x02"
"""What a leaf is of, and which canonical encoding of it: the first two bytes after the key, so neither passes for the
other."""

Content = Literal["request", "reasoning", "answer"]
_LONGEST = 500
"""Characters kept of a name: it may come from a client or an upstream."""


def new_salt() -> bytes:
    """A record's 32 random bytes. Drawn many at a time: each draw is a system call that lets other threads in."""
    try:
        return _DRAWN.pop()
    except IndexError:
        first, *rest = (drawn[i : i + 32] for drawn in (os.urandom(32 * 256),) for i in range(0, len(drawn), 32))
        _DRAWN.extend(rest)
        return first


_DRAWN: list[bytes] = []
os.register_at_fork(after_in_child=_DRAWN.clear)  # a child must not use its parent's


def key_of(salt: bytes, purpose: Content | Literal["leaf"]) -> bytes:
    """SHA-256(salt || purpose), 32 bytes: what is revealed, singly, to open one content or one leaf."""
    return hashlib.sha256(salt + purpose.encode()).digest()


def sealed(salt: bytes, purpose: Content, content: bytes) -> bytes:
    """SHA-256(key_of(salt, purpose) || content), 32 bytes: a content's digest."""
    return hashlib.sha256(key_of(salt, purpose) + content).digest()


class Entry(Struct, frozen=True, kw_only=True):
    """One choice of one response. `Entry.of` makes it from a trace; it never holds text or secrets but its salt."""

    request_id: str
    customer: str
    policy: str
    """Name or digest of the policy in force."""
    model: str
    started: int
    """Unix microseconds."""
    finished: int
    outcome: Outcome
    """What became of the reasoning in the end."""
    finish: str
    choice: int = 0
    tokens_in: int | None = None
    """The whole response's tokens as the upstream counted them, on choice 0 only: a sum counts none twice."""
    tokens_out: int | None = None
    lineage: str = "[]"
    """Canonical JSON of the steps taken."""
    request: bytes | None = None
    """Digest of the canonical JSON of [messages, sampling, options]."""
    reasoning: bytes | None = None
    """Digest of the UTF-8 of the reasoning that was released; None where none was."""
    answer: bytes | None = None
    """Digest of the answer in UTF-8; where there are tool calls, a zero byte and their canonical JSON follow."""
    salt: bytes = field(default_factory=new_salt)

    def __repr__(self) -> str:
        return f"Entry(request_id={self.request_id!r}, customer={self.customer!r}, outcome={self.outcome!r})"

    @classmethod
    def of(cls, trace: Trace, *, request_id: str, customer: str, policy: str, started: float, choice: int = 0) -> Entry:
        """The record of a trace as it is released, now. `started`: Unix seconds."""
        salt, request = new_salt(), trace.request
        usage = (trace.usage or {}) if choice == 0 else {}
        return cls(
            request_id=clean(request_id),
            customer=clean(customer),
            policy=clean(policy),
            model=clean(trace.model),
            started=int(started * 1e6),
            finished=time.time_ns() // 1000,
            outcome=outcome_of(trace.lineage, bool(trace.reasoning)),
            finish=clean(trace.finish),
            choice=choice,
            tokens_in=_count(usage.get("prompt_tokens")),
            tokens_out=_count(usage.get("completion_tokens")),
            lineage=encode(trace.lineage).decode(),
            request=sealed(salt, "request", encode([request.messages, request.sampling, request.options])),
            reasoning=sealed(salt, "reasoning", _utf8(trace.reasoning)) if trace.reasoning else None,
            answer=sealed(salt, "answer", answer_bytes(trace)),
            salt=salt,
        )


def answer_bytes(trace: Trace) -> bytes:
    """What `Entry.answer` is a digest of."""
    said = _utf8(trace.answer)
    return said + b"\0" + encode(trace.tool_calls) if trace.tool_calls else said


def outcome_of(lineage: tuple[Step, ...], reasoning: bool) -> Outcome:
    """What became of the reasoning after all steps; without any, the teacher's own went out or there was none."""
    for step in reversed(lineage):
        if step.outcome != "absent":
            return step.outcome
    return "opened" if reasoning else "absent"


def canonical(entry: Entry) -> bytes:
    """All fields but `salt`, in the order of the class, each as length (4 bytes, big-endian) and bytes.

    Text is UTF-8, a number 8 bytes big-endian, an absent value has length 0. Raises `ValueError` or `OverflowError`
    for text that has no UTF-8 and for numbers outside [0, 2^63).
    """
    return prefixed(
        entry.request_id.encode(),
        entry.customer.encode(),
        entry.policy.encode(),
        entry.model.encode(),
        _number(entry.started),
        _number(entry.finished),
        entry.outcome.encode(),
        entry.finish.encode(),
        _number(entry.choice),
        _number(entry.tokens_in),
        _number(entry.tokens_out),
        entry.lineage.encode(),
        entry.request or b"",
        entry.reasoning or b"",
        entry.answer or b"",
    )


def prefixed(*parts: bytes) -> bytes:
    """Each part as its length (4 bytes, big-endian) and its bytes: no two lists of parts give the same bytes."""
    return b"".join([piece for part in parts for piece in (len(part).to_bytes(4), part)])


def leaf(seq: int, fields: bytes, key: bytes, kind: bytes = RELEASE) -> bytes:
    """SHA-256(key || kind, 2 bytes || length-prefixed seq || fields): an entry of the log, 32 bytes.

    `key` is `key_of(salt, "leaf")`, 32 bytes: the leaf's salt, which opens this leaf and no content of it. `fields` is
    the `canonical` encoding. In the tree the entry is hashed as RFC 9162, section 2.1.1 says: SHA-256(0x00 || entry).
    """
    return hashlib.sha256(b"".join((key, kind, b"\0\0\0\x08", _number(seq), fields))).digest()


def clean(name: str) -> str:
    """A name any database stores: valid UTF-8, no NUL, at most 500 characters."""
    if len(name) <= _LONGEST and name.isascii() and "\0" not in name:
        return name
    if len(name) > _LONGEST:
        name = name[: _LONGEST - 1] + "…"
    return name.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _number(value: int | None) -> bytes:
    return b"" if value is None else value.to_bytes(8, signed=True) if value >= 0 else _negative(value)


def _negative(value: int) -> bytes:
    raise OverflowError(f"the ledger holds no negative numbers; got {value}")


def _count(value: object) -> int | None:
    """An upstream's token count; None for what is none."""
    return value if type(value) is int and 0 <= value < 2**63 else None


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
