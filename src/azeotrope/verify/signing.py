"""What every kind of evidence has in common: who signed it, and the log's head that K was counted under."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from azeotrope.ledger import Head, Signer
from azeotrope.verify.records import Tree

COUNTED = "commitments under the signed head"
LEAVES = "leaves of the signed head, of which commitments are some"
"""Where K comes from, if it comes from the log: then it has to fit the head."""


class Finding(NamedTuple):
    """One thing that was checked. `holds` is None where nothing can be said."""

    holds: bool | None
    what: str


def holds(findings: Sequence[Finding]) -> bool:
    """Whether none of them fails."""
    return all(one.holds is not False for one in findings)


class Seal(NamedTuple):
    """An Ed25519 signature (RFC 8032) over canonical JSON; empty where nobody signed."""

    key: str = ""
    """Public, hex."""
    signature: str = ""

    @classmethod
    def of(cls, data: bytes, words: bytes, signer: Signer | None) -> Seal:
        """`words` stand in front of what is signed: the signature stands for nothing else."""
        return cls() if signer is None else cls(signer.public.hex(), signer.seal(words, data).hex())

    def findings(self, data: bytes, words: bytes, wanted: str | None) -> Iterator[Finding]:
        """`wanted`: the public key (hex) that has to have signed."""
        if not self.key and not self.signature:
            yield Finding(wanted is None, "nobody signed it")
            return
        if wanted is not None:
            yield Finding(self.key == wanted.strip().lower(), "the key that signed it is the one that was named")
        genuine = self._genuine(words + b"\n" + data)
        yield Finding(genuine, f"the signature by {self.key[:16]}... fits every byte of the evidence")

    def _genuine(self, signed: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key)).verify(bytes.fromhex(self.signature), signed)
        except (InvalidSignature, ValueError):
            return False
        return True


def under(tree: Tree, started: str, keys: int, keys_from: str) -> Iterator[Finding]:
    """The head that K was counted under: signed, older than the run, and with room for K."""
    head = _head(tree)
    by = f"by {head.key[:16]}...: compare that with the log's public key"
    yield Finding(head.genuine(), f"the log's head that K was counted under is signed {by}")
    yield Finding(
        tree.time == _iso(tree.microseconds), "the time that is given for the head is the one that was signed"
    )
    older = _older(tree.microseconds, started)
    yield Finding(older, "by its own clock the head is older than the run")
    yield Finding(_fits(tree, keys, keys_from), "K is no other than the head allows")


def tree_of(head: Head) -> Tree:
    """The signed head as it stands in a report."""
    return Tree(
        head.size, head.root, _iso(head.time), head.key, head.signature, head.stamp or "", head.time
    )  # fmt: skip


def _iso(microseconds: int) -> str:
    """As a report says it: ISO 8601, UTC, to the second; for times beyond the calendar the number."""
    try:
        return datetime.fromtimestamp(microseconds // 1_000_000, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{microseconds} us"


def _older(microseconds: int, started: str) -> bool:
    """Was it signed in the second in which the run started, or before? Compares what the signature covers."""
    try:
        at = datetime.fromisoformat(started)
        return at.tzinfo is not None and microseconds // 1_000_000 <= math.floor(at.timestamp())
    except (OverflowError, ValueError):
        return False


def _fits(tree: Tree, keys: int, keys_from: str) -> bool:
    """Commitments are leaves: there are no more of them, and who counts leaves counts all."""
    if keys_from == LEAVES:
        return keys == tree.size
    return keys <= tree.size or keys_from != COUNTED


def _head(tree: Tree) -> Head:
    return Head(size=tree.size, root=tree.root, time=tree.microseconds, key=tree.key, signature=tree.signature)
