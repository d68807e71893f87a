"""What leaves the house as evidence: a proof of one leaf, a whole log, a key that opens one content. Pure.

Each is canonical JSON, so that a value has one spelling and no byte can change unnoticed. Knows no database; says what
the evidence is, not whether it holds (`checking`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from msgspec import Meta, MsgspecError
from msgspec.json import Decoder

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured
from azeotrope.ledger import entry
from azeotrope.ledger.heads import Head
from azeotrope.ledger.notes import Hash, Note, Whole
from azeotrope.types import Outcome, Record

Digest = Hash | None
T = TypeVar("T")


class Release(Record, frozen=True, kw_only=True, tag="release", tag_field="kind"):
    """A record of a release with the key that opens its leaf; its contents stay digests."""

    seq: Whole
    key: Hash
    request_id: str
    customer: str
    policy: str
    model: str
    started: Whole
    """Unix microseconds."""
    finished: Whole
    outcome: Outcome
    finish: str
    choice: Whole
    tokens_in: Whole | None
    tokens_out: Whole | None
    lineage: str
    request: Digest
    reasoning: Digest
    answer: Digest

    def __str__(self) -> str:
        return (
            f"release {self.request_id} (choice {self.choice}) to {self.customer}: model {self.model}, reasoning "
            f"{self.outcome}, finished {utc(self.finished)} by the ledger's clock"
        )

    def entry(self) -> bytes:
        """The leaf's 32 bytes, from its fields. Raises `ValueError` for text that has no UTF-8."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__[2:]}
        for name in ("request", "reasoning", "answer"):
            values[name] = None if values[name] is None else bytes.fromhex(values[name])
        fields = entry.canonical(entry.Entry(**values, salt=b""))
        return entry.leaf(self.seq, fields, bytes.fromhex(self.key))


class Noted(Record, frozen=True, kw_only=True, tag="note", tag_field="kind"):
    """A commitment or a spent probe with the key that opens its leaf."""

    seq: Whole
    key: Hash
    note: str
    """What kind of note."""
    body: str
    """Its canonical JSON."""

    def __str__(self) -> str:
        return f"{self.note} {self.body}"

    def entry(self) -> bytes:
        """The leaf's 32 bytes. Raises `ValueError` for text that has no UTF-8."""
        fields = Note(self.note, self.body, b"").canonical()
        return entry.leaf(self.seq, fields, bytes.fromhex(self.key), entry.NOTE)


Leaf = Release | Noted


class Earlier(Record, frozen=True):
    """An older head, and the proof that the log only grew since (RFC 9162, section 2.1.4)."""

    head: Head
    proof: tuple[Hash, ...]


class Proof(Record, frozen=True, kw_only=True, tag="azeotrope proof 1", tag_field="kind"):
    """One leaf, and that the head's log has it (RFC 9162, section 2.1.3)."""

    leaf: Leaf
    proof: tuple[Hash, ...]
    head: Head
    earlier: Earlier | None = None


class Log(Record, frozen=True, tag="azeotrope log 1", tag_field="kind"):
    """The first line of a whole log; all leaves that its head covers follow, one a line."""

    head: Head


class Opening(Record, frozen=True, kw_only=True, tag="azeotrope opening 1", tag_field="kind"):
    """The key of one content of one release: with it that content's digest can be checked, and no other."""

    seq: Whole
    content: Annotated[str, Meta(pattern="^(request|reasoning|answer)$")]
    key: Hash

    def __repr__(self) -> str:
        return f"Opening(seq={self.seq}, content={self.content!r})"

    def digest(self, text: bytes) -> str:
        """SHA-256(key || text), hex."""
        return hashlib.sha256(bytes.fromhex(self.key) + text).hexdigest()


def line(value: Record) -> bytes:
    """As it stands in a file."""
    return encode(value) + b"\n"


def read(data: bytes, decoder: Decoder[T], where: str) -> T:
    """One line as what it says it is. Raises `Misconfigured` for every other spelling of it as well."""
    if not data.endswith(b"\n"):
        raise Misconfigured(f"{where} is cut off: its last line does not end")
    try:
        value = decoder.decode(data)
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Misconfigured(f"{where} is not as it was written: {error}") from None
    if encode(value) + b"\n" != data:
        raise Misconfigured(f"{where} is not as it was written: its JSON is not canonical")
    return value


def leaves(lines: Iterable[bytes]) -> Iterator[Leaf]:
    """The leaves of a whole log, in order from 0. Raises `Misconfigured` at the first that is not as it was written."""
    for seq, data in enumerate(lines):
        leaf = read(data, LEAF, f"leaf {seq}")
        if leaf.seq != seq:
            raise Misconfigured(f"where leaf {seq} belongs there is leaf {leaf.seq}")
        yield leaf


LEAF: Decoder[Leaf] = Decoder(Leaf)
FILE: Decoder[Proof | Log] = Decoder(Proof | Log)
HEAD, OPENING = Decoder(Head), Decoder(Opening)


def utc(microseconds: int) -> str:
    """ISO 8601 to the second; for times beyond the calendar the number."""
    try:
        return f"{datetime.fromtimestamp(microseconds // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return f"{microseconds} us"
