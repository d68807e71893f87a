"""The ledger: append-only evidence of every release, durable before the response is complete.

Knows no wire and no policy; holds no text: contents appear as digests salted per record. Its leaves form the Merkle
tree of RFC 9162, whose signed heads let anybody check one record, or all of them, without the database.
"""

from azeotrope.ledger.entry import Entry, canonical, leaf, new_salt, sealed
from azeotrope.ledger.heads import Head, Signer
from azeotrope.ledger.notes import Commitment, Note, Spent, promised
from azeotrope.ledger.reading import commitments, count, export, heads, newest, per_customer, spent, tail, vouching
from azeotrope.ledger.signing import Signing
from azeotrope.ledger.tables import SCHEMA
from azeotrope.ledger.writing import Ledger

__all__ = [
    "SCHEMA", "Commitment", "Entry", "Head", "Ledger", "Note", "Signer", "Signing", "Spent", "canonical", "commitments",
    "count", "export", "heads", "leaf", "new_salt", "newest", "per_customer", "promised", "sealed", "spent", "tail",
    "vouching",
]  # fmt: skip
