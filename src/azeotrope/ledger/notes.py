"""What the log holds beside releases: commitments to keys, and probes that were spent. Pure; knows no database.

A note is a leaf like any other, salted and proven singly. A mark's trigger and target are in neither.
"""

from __future__ import annotations

import time
from typing import Annotated, ClassVar, TypeVar

from msgspec import Meta, Struct, field

from azeotrope.codec import decode, encode
from azeotrope.keys import Key, commitment
from azeotrope.ledger.entry import new_salt, prefixed
from azeotrope.types import Record

Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
"""32 bytes in hex, lower case: one spelling a value."""
Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]


def now() -> int:
    """Unix microseconds."""
    return time.time_ns() // 1000


class Commitment(Record, frozen=True, kw_only=True):
    """One customer's mark key in one epoch, promised before the first probe: no key can be sought afterwards."""

    KIND: ClassVar = "commitment"

    customer: str
    epoch: Whole
    mark: str
    """The mark's public id."""
    law: str
    """Digest of everything but the key that decides the mark and its test."""
    commitment: Hash
    """Hiding and binding: what `keys.commitment` returns, in hex."""
    time: Whole = field(default_factory=now)
    """Unix microseconds, by our own clock: the time stamp of a head is what others may believe."""


class Spent(Record, frozen=True):
    """An association that a suspect was asked about: a third party's test must not use it again."""

    KIND: ClassVar = "spent"

    mark: str
    index: Whole
    """Which of the mark's associations."""
    time: Whole = field(default_factory=now)
    suspect: str = ""
    """Start of the digest of its weights where they are at hand, else a digest of its address: what one suspect was
    shown is still unknown to the others."""
    disclosed: bool = False
    """Whether its target stands in a report: then no suspect may be asked any more."""


def promised(key: Key, law: str) -> Commitment:
    """The promise of a mark's key, made now. `law`: digest of everything else that decides the mark and its test."""
    return Commitment(
        customer=key.customer, epoch=key.epoch, mark=key.mark, law=law, commitment=commitment(key, law).hex()
    )


N = TypeVar("N", Commitment, Spent)


class Note(Struct, frozen=True):
    """A commitment or a spent probe as a leaf: its kind, its canonical JSON and a salt of its own."""

    kind: str
    body: str
    salt: bytes = field(default_factory=new_salt)

    def __repr__(self) -> str:
        return f"Note(kind={self.kind!r})"

    @classmethod
    def of(cls, value: Commitment | Spent) -> Note:
        return cls(value.KIND, encode(value).decode())

    def canonical(self) -> bytes:
        """Kind and body in UTF-8, each as length (4 bytes, big-endian) and bytes. Raises as `entry.canonical` does."""
        return prefixed(self.kind.encode(), self.body.encode())


def read(body: str, kind: type[N]) -> N:
    """A note's body as what it is. Raises `Misconfigured`."""
    return decode(body, kind)
