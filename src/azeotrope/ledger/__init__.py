"""The ledger: append-only evidence of every release, durable before the response is complete.

Knows no wire and no policy; holds no text: contents appear as digests salted per record. Leaves are laid out for a
signed Merkle log, whose heads will be a table of their own.
"""

from azeotrope.ledger.entry import Entry, canonical, leaf, new_salt, sealed
from azeotrope.ledger.reading import count, export, tail
from azeotrope.ledger.tables import SCHEMA
from azeotrope.ledger.writing import Ledger

__all__ = ["SCHEMA", "Entry", "Ledger", "canonical", "count", "export", "leaf", "new_salt", "sealed", "tail"]
