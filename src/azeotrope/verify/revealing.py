"""One customer's key of one epoch, handed to a neutral party with the proof that it was promised. Asks no suspect.

With the key its holder computes this mark's associations, and nothing else: keys of other customers and epochs come
from the master secret by HKDF (RFC 5869) under other inputs, and one output tells nothing of another. Whoever holds
the file knows what the mark says, so it goes to a party that both sides trust not to tell the suspect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta
from msgspec.json import Decoder

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured
from azeotrope.keys import Key, commitment, private
from azeotrope.ledger import Commitment, Head, commitments, vouching
from azeotrope.ledger.checking import Known, check
from azeotrope.ledger.evidence import Noted, Proof, read
from azeotrope.ledger.notes import Hash, Whole
from azeotrope.ledger.notes import read as noted
from azeotrope.ledger.proving import prove
from azeotrope.marks import Law
from azeotrope.types import Record


class Revealed(Record, frozen=True, kw_only=True, tag="azeotrope revealed key 1", tag_field="kind"):
    """What the neutral party is given."""

    customer: Annotated[str, Meta(min_length=1)]
    epoch: Whole
    key: Hash
    """Its 32 bytes; never printed."""
    law: Law
    proof: Proof
    """That the key's commitment is in the log."""

    def __repr__(self) -> str:
        return f"Revealed(customer={self.customer!r}, epoch={self.epoch})"


_FILE = Decoder(Revealed)


def revealed(key: Key, law: Law, dsn: str | Path) -> Revealed:
    """The key with the proof of its commitment. Raises `Misconfigured`, `Unavailable`.

    Under the head that covers all commitments, stamped where there is such a one: K may be the number of its leaves.
    """
    promise, head = commitment(key, law.digest).hex(), vouching(dsn)
    if promise not in {one.commitment for one in commitments(dsn)}:
        raise Misconfigured(f"the ledger has no commitment to mark {key.mark} under this law: azeotrope keys commit")
    proof = prove(dsn, promise, at=None if head is None else head.size)
    out = Revealed(customer=key.customer, epoch=key.epoch, key=key.reveal(), law=law, proof=proof)
    opened(out)
    return out


def written(revealed: Revealed) -> str:
    """As it stands in a file of mode 0600."""
    return encode(revealed).decode() + "\n"


def opened(revealed: Revealed, signer: str | None = None) -> tuple[Key, Head]:
    """The key, and the signed head that its commitment stands under. `signer`: the log's public key (hex), if known.

    Raises `Misconfigured` where the key is not the committed one or the proof does not hold.
    """
    key = Key(revealed.customer, revealed.epoch, bytes.fromhex(revealed.key))
    findings, proof = check([encode(revealed.proof) + b"\n"], Known(None if signer is None else signer.strip().lower()))
    for finding in findings:
        if finding.holds is False:
            raise Misconfigured(f"the commitment of this key is not proved: {finding.what}: {finding.said}")
    leaf = revealed.proof.leaf
    if proof is None or not isinstance(leaf, Noted) or leaf.note != Commitment.KIND:
        raise Misconfigured("the proof beside this key is of no commitment: reveal it anew")
    if noted(leaf.body, Commitment).commitment != commitment(key, revealed.law.digest).hex():
        raise Misconfigured(f"this is not the key that was committed to for {key.customer}, epoch {key.epoch}")
    return key, proof.head


def read_revealed(path: Path) -> Revealed:
    """From a file that only its owner can read. Raises `Misconfigured`."""
    what = "revealed key"
    text = private(path, what, "`azeotrope keys reveal` writes one")
    return read(text.encode(), _FILE, f"the {what} {path}")
