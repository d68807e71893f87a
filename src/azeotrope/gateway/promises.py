"""Which marks' keys are committed to in the ledger: nothing marked leaves before its key is. Knows no request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from azeotrope.ledger import Commitment, Note


class Promises:
    """What stands in the ledger already. Two first responses at once may both write a promise: it counts once."""

    def __init__(self, known: Iterable[Commitment] = ()) -> None:
        self._kept = {one.commitment for one in known}

    def missing(self, wanted: Sequence[Commitment]) -> list[Note]:
        """What has to be written with, or before, the next release."""
        return [Note.of(one) for one in wanted if one.commitment not in self._kept]

    def keep(self, written: Sequence[Commitment]) -> None:
        """They are durable."""
        self._kept.update(one.commitment for one in written)
