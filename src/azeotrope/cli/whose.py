"""Whose marks `verify` asks about: from names, epochs, the customers' file and the ledger to keys. Asks no suspect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from azeotrope.keys import Key, Master
    from azeotrope.ledger import Commitment
    from azeotrope.verify import Evidence


class Asked(NamedTuple):
    """What the options say."""

    customers: str
    """all, or names with commas."""
    file: Path
    """The gateway's customers."""
    ledger: str | None
    epochs: str | None
    """committed, current, all, or numbers with commas; None: committed where a ledger is named, else current."""


def keys(master: Master, asked: Asked) -> list[Key]:
    """The operator's and the customers', most likely first. Raises `Misconfigured`."""
    from azeotrope.ledger import commitments
    from azeotrope.verify.keys import keys_of

    promised = commitments(asked.ledger) if asked.ledger else []
    return keys_of(master, _names(asked, promised), _epochs(master, asked, promised))


def unasked(evidence: Evidence, keys: Sequence[Key], ledger: str) -> str:
    """How many keys that the ledger has commitments to were not asked about; empty where all were."""
    from azeotrope.keys import commitment
    from azeotrope.ledger import commitments

    probed = {one.mark for one in evidence.marks if one.probes}
    asked = {commitment(key, evidence.law).hex() for key in keys if key.mark in probed}
    promised = {one.commitment for one in commitments(ledger)}
    if not (left := len(promised - asked)):
        return ""
    return (
        f"{left:,} of {len(promised):,} committed keys were not asked about: others' (--customers), of other epochs "
        "(--epochs) or another master key, refused, or after the first customer that was met (--every)"
    )


def _names(asked: Asked, promised: Sequence[Commitment]) -> list[str]:
    """Most likely first: who got most of our responses, where a ledger says it.

    Whoever was a customer once is one of `all`: their commitments outlast their place in the file. With a ledger the
    file need not be at hand: whom nothing was committed for cannot be accused.
    """
    from azeotrope.gateway.customers import read
    from azeotrope.keys import OPERATOR
    from azeotrope.ledger import per_customer

    if asked.customers != "all":
        return [name.strip() for name in asked.customers.split(",") if name.strip()]
    known = asked.ledger is None or asked.file.exists()
    names = [customer.name for customer in read(asked.file).customers] if known else []
    if asked.ledger is None:
        return names
    got = per_customer(asked.ledger)
    once = (one.customer for one in promised if one.customer != OPERATOR)
    return sorted(dict.fromkeys((*names, *once)), key=lambda name: -got.get(name, 0))


def _epochs(master: Master, asked: Asked, promised: Sequence[Commitment]) -> Callable[[str], Iterable[int]]:
    """Customer -> epochs. Whose key no commitment is of has the current one: it is named in the report, and refused."""
    from azeotrope.errors import Misconfigured

    said = asked.epochs or ("committed" if asked.ledger else "current")
    if said == "committed" and not asked.ledger:
        raise Misconfigured("which epochs were committed to, a ledger says: name it (--ledger), or say --epochs all")
    if said == "committed":
        there: dict[str, set[int]] = {}
        for one in promised:
            if one.epoch in master.epochs:
                there.setdefault(one.customer, set()).add(one.epoch)
        return lambda name: there.get(name, {master.epoch})
    if said in ("current", "all"):
        return lambda _: master.epochs if said == "all" else (master.epoch,)
    if all(part.strip().isdecimal() for part in said.split(",")):
        return lambda _: [int(part) for part in said.split(",")]
    raise Misconfigured(f"epochs are committed, current, all, or numbers with commas; got {said!r}")
