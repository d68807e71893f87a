"""Does the evidence hold? Offline: knows no database and no secret, and believes nothing that it was not given.

What it is given: the file; and, as far as whoever checks has them, the signer's public key, a head of the log from
another time or place, and the time-stamp authorities they trust. Each thing that was not given is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from azeotrope.errors import Misconfigured
from azeotrope.ledger import stamping
from azeotrope.ledger.evidence import FILE, Log, Opening, Proof, Release, leaves, read, utc
from azeotrope.ledger.heads import Head
from azeotrope.math.merkle import Frontier, consistent, included, leaf_hash
from azeotrope.types import Record

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SELF_ASSERTED = "time is self-asserted"


class Finding(Record, frozen=True):
    """One thing looked into. `holds` is None where nobody could say: that is no failure, and no evidence."""

    what: str
    holds: bool | None
    said: str


class Known(Record, frozen=True):
    """What whoever checks has from elsewhere."""

    key: str | None = None
    """The signer's public key, hex."""
    head: Head | None = None
    """A head that was received earlier or from somebody else."""
    authorities: tuple[Certificate, ...] = ()
    """Roots of time-stamp authorities that are trusted."""


def check(lines: Iterable[bytes], known: Known) -> tuple[list[Finding], Proof | None]:
    """Everything about a file's lines: a proof or a whole log. Raises `Misconfigured` for what is neither."""
    rest = iter(lines)
    evidence = read(next(rest, b""), FILE, "the first line")
    if isinstance(evidence, Log):
        return list(_log(evidence.head, rest, known)), None
    if next(rest, b""):
        raise Misconfigured("behind the proof there is something else")
    return list(_proof(evidence, known)), evidence


def _proof(proof: Proof, known: Known) -> Iterator[Finding]:
    leaf, head, earlier = proof.leaf, proof.head, proof.earlier
    root, steps = bytes.fromhex(head.root), list(map(bytes.fromhex, proof.proof))
    try:
        there = included(leaf.entry(), leaf.seq, head.size, steps, root)
    except (ValueError, OverflowError):
        there = False
    yield Finding("inclusion", there, f"leaf {leaf.seq} of {head.size}: {leaf}")
    yield from signed(head, known)
    if earlier is not None:
        steps = list(map(bytes.fromhex, earlier.proof))
        holds = consistent(earlier.head.size, head.size, bytes.fromhex(earlier.head.root), root, steps)
        yield Finding("consistency", holds, f"the log only grew since its head of {earlier.head.size} leaves")
        yield from signed(earlier.head, known, "earlier ")
    if known.head is not None:
        held = any(_same(known.head, one) for one in (head, *([] if earlier is None else [earlier.head])))
        yield Finding("your head", held, f"the proof leads to or from the head of {known.head.size} leaves you hold")


def _log(head: Head, lines: Iterable[bytes], known: Known) -> Iterator[Finding]:
    frontier, met, broken = Frontier(), None, ""
    try:
        for leaf in leaves(lines):
            frontier.add(leaf_hash(leaf.entry()))
            if known.head is not None and frontier.size == known.head.size:
                met = frontier.root().hex() == known.head.root
    except (Misconfigured, ValueError, OverflowError) as error:
        broken = str(error) if isinstance(error, Misconfigured) else f"leaf {frontier.size} cannot be hashed"
    whole = not broken and (frontier.size, frontier.root().hex()) == (head.size, head.root)
    yield Finding("log", whole, broken or f"{frontier.size} leaves, {head.size} of them signed, none changed or lost")
    yield from signed(head, known)
    if known.head is not None:
        yield Finding(
            "your head", met is True, f"the log begins with the {known.head.size} leaves of the head you hold"
        )


def signed(head: Head, known: Known, which: str = "") -> Iterator[Finding]:
    """The head's signature and time."""
    which_head = f"the head of {head.size} leaves"
    if not head.genuine():
        yield Finding(f"{which}signature", False, f"the signature of {which_head} does not hold")
    elif known.key is None:
        said = f"{which_head} is signed by {head.key_id}; whose key that is, nobody said: give the signer's public key"
        yield Finding(f"{which}signature", True, said)
    else:
        theirs = head.key == known.key
        said = f"{which_head} is {'' if theirs else 'not '}signed by the key you gave"
        yield Finding(f"{which}signature", theirs, f"{said}, but by {head.key_id}" if not theirs else said)
    yield _time(head, known, which)


def _time(head: Head, known: Known, which: str) -> Finding:
    said = f"{utc(head.time)} says the signer"
    if head.stamp is None:
        return Finding(f"{which}time", None, f"{said}, no authority: {SELF_ASSERTED}")
    response = bytes.fromhex(head.stamp)
    try:
        if not known.authorities:
            claimed = _shown(stamping.claimed(response, head.stamped))
            return Finding(
                f"{which}time", None,
                f"{said}; the time stamp says {claimed}, but whose it is was not checked, for no authority is trusted: "
                f"{SELF_ASSERTED}",
            )  # fmt: skip
        when = _shown(stamping.when(response, head.stamped, list(known.authorities)))
    except ValueError as error:
        return Finding(f"{which}time", False, f"the time stamp does not hold: {error}")
    return Finding(f"{which}time", True, f"{when} at the latest, says an authority you trust")


def opened(proof: Proof, opening: Opening, text: bytes) -> Finding:
    """Is `text` what the proven release's digest is of? A final line break that an editor added is forgiven."""
    leaf, what = proof.leaf, f"{opening.content} of leaf {opening.seq}"
    if not isinstance(leaf, Release) or leaf.seq != opening.seq:
        return Finding("content", False, f"the key opens the {what}; the proof is of leaf {leaf.seq}")
    digest: str | None = getattr(leaf, opening.content)
    if digest == opening.digest(text):
        return Finding("content", True, f"the text is the {what}")
    if text.endswith(b"\n") and digest == opening.digest(text[:-1]):
        return Finding("content", True, f"the text without its last line break is the {what}")
    return Finding("content", False, f"the text is not the {what}")


def _same(one: Head, other: Head) -> bool:
    return (one.size, one.root) == (other.size, other.root)


def _shown(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
