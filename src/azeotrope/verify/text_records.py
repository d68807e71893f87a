"""What a reading of a suspect's text says: plain records. Whoever reads them needs no key, no torch and no network."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from azeotrope.marks import Law
from azeotrope.types import Greenness, Record
from azeotrope.verify.records import Tree

TEXT: Final = "azeotrope-text-evidence-1"


class Scored(Record, frozen=True):
    """One key."""

    customer: str
    epoch: int
    mark: str
    found: Greenness
    committed: bool | None = None
    """Whether its commitment stands under the signed head; None where there is no log."""
    verdict: str = ""


class TextEvidence(Record, frozen=True):
    """The whole of it. Who holds texts, tokenizer and a key computes the same."""

    suspect: str
    started: str
    """ISO 8601, UTC."""
    texts: int
    texts_digest: str
    """SHA-256 of the texts as canonical JSON."""
    failed: int
    """Questions that the suspect did not answer."""
    scored: int
    """Distinct (context, token) pairs, the same for every key."""
    gamma: float
    context: int
    tokenizer: str
    """SHA-256 of what it is made of."""
    alpha: float
    keys: int
    """K: every committed key."""
    keys_from: str
    law: Law
    """What commitments bind to: whether it names gamma, context and tokenizer, its `tokens` say."""
    marks: tuple[Scored, ...]
    """The smallest p-value first."""
    tree: Tree | None = None
    version: str = ""
    schema: Literal[1] = 1
    needed: int | None = None
    """So many green ones are proof of a key; None where not even all of them were."""
    verdict: str = ""
    claim: str = ""
    """In one sentence."""
    time: str = ""
    """What may be believed about when the keys were committed."""


class SignedText(Record, frozen=True):
    """The file: the evidence, and an Ed25519 signature (RFC 8032) over its canonical JSON."""

    evidence: TextEvidence
    key: str = ""
    """Public key, hex; empty where nobody signed."""
    signature: str = ""
    kind: Literal["azeotrope-text-evidence-1"] = TEXT


class Kind(Struct, frozen=True):
    """All that is read of a file before it is known what it is."""

    kind: str = ""
