"""Whose marks are asked about: from keys to associations that are still to be spent. Knows no suspect and no wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from azeotrope.keys import OPERATOR, Key, Master, commitment
from azeotrope.marks import Law, associations, issued, reserve
from azeotrope.types import Association


class Accused(NamedTuple):
    """One mark. `committed`: whether its commitment stands in the log; None where there is no log."""

    customer: str
    epoch: int
    mark: str
    half: tuple[Association, ...]
    """What may be asked about."""
    kept: tuple[Association, ...]
    """The other half, which nobody asks about here."""
    committed: bool | None = None


def accused_of(key: Key, law: Law, *, neutral: bool = False, under: Iterable[str] | None = None) -> Accused:
    """`under`: the commitments (hex) of the log, where there is one."""
    marks = associations(key, law)
    asked, kept = (reserve(marks), issued(marks)) if neutral else (issued(marks), reserve(marks))
    committed = None if under is None else commitment(key, law.digest).hex() in under
    return Accused(key.customer, key.epoch, key.mark, asked, kept, committed)


def keys_of(master: Master, customers: Sequence[str], epochs: Callable[[str], Iterable[int]]) -> list[Key]:
    """The operator-wide marks first, then the customers' in the given order, each with its epochs, newest first.

    Nobody is asked about twice, however often they are named: a second look would have a level of its own.
    """
    ours = [master.operator(epoch) for epoch in sorted(set(epochs(OPERATOR)), reverse=True)]
    return ours + [
        master.key(customer, epoch)
        for customer in dict.fromkeys(customers)
        for epoch in sorted(set(epochs(customer)), reverse=True)
    ]
