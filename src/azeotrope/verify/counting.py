"""K, how many committed keys the level holds over, and the signed head that they are counted under. Asks no suspect."""

from __future__ import annotations

from typing import NamedTuple

from azeotrope.errors import Misconfigured
from azeotrope.ledger import Head, commitments, newest, vouching
from azeotrope.ledger.checking import Known, check
from azeotrope.ledger.proving import whole
from azeotrope.verify.records import Tree
from azeotrope.verify.signing import COUNTED, LEAVES, tree_of


class Counted(NamedTuple):
    """See this file's docstring."""

    keys: int
    source: str
    """Where the number comes from, in words."""
    tree: Tree | None = None
    under: frozenset[str] | None = None
    """Commitments (hex) that are known to stand under the head; None where there is none."""


def in_ledger(ledger: str | None, said: int | None, asked: int) -> Counted:
    """The largest of what stands in the log, what whoever verifies says, and what is asked about.

    From the log: the commitments under its signed head, a time-stamped one where it covers them all. Without a signed
    head whoever verifies has to say a number: what one run asks about is no K, for then the next run could ask about
    others, and each would have the whole level. Raises `Misconfigured`.
    """
    head = vouching(ledger) if ledger else None
    there = frozenset(one.commitment for one in commitments(ledger, under=head)) if ledger else frozenset[str]()
    if ledger and head:
        more = ": more than stand under the signed head"
        keys, source = _largest(
            (len(there), COUNTED),
            (said, f"as the operator says{more}"),
            (asked, f"the marks that are asked about{more}"),
        )
        return Counted(keys, source, tree_of(head), there)
    if said is None:
        raise Misconfigured(
            "K, how many keys were ever issued, is not known: name the ledger whose signed head covers their "
            "commitments (--ledger; azeotrope ledger sign signs one), or say how many (--committed)"
        )
    keys, source = _largest(
        (said, "as the operator says; no log with a signed head was named"),
        (len(there), "commitments in a log that has no signed head: more than the operator says"),
        (asked, "the marks that are asked about: more than the operator says; no log with a signed head was named"),
    )
    return Counted(keys, source)


def _largest(*counts: tuple[int | None, str]) -> tuple[int, str]:
    """The largest number with where it comes from; of equal ones the first."""
    return max(((number or 0, source) for number, source in counts), key=lambda one: one[0])


def by_proof(head: Head, commitment: str, said: int | None) -> Counted:
    """From a signed head and the proof of one commitment under it, without the log.

    Every commitment is a leaf, so there are never more than the head has leaves: K is that many, and the level holds
    whatever the log is of. `said`: a smaller number, which whoever verifies has counted; or a larger one, where keys
    were committed elsewhere, too.
    """
    keys, source = head.size, LEAVES
    if said and said < keys:
        keys, source = said, "as whoever verifies has counted under the signed head"
    elif said and said > keys:
        keys, source = said, "as whoever verifies says: more than the signed head has leaves"
    return Counted(keys, source, tree_of(head), frozenset((commitment,)))


def in_their_log(ledger: str, head: Head, said: int | None) -> Counted | None:
    """From a log that somebody else keeps: counted only where it is the one that `head` was signed over, whole.

    None where it has no signed head (it only keeps what is spent). Raises `Misconfigured` where it is another log, an
    older copy, or changed: fewer commitments would make K too small, and accuse too soon.
    """
    if newest(ledger) is None:
        return None
    findings, _ = check(whole(ledger), Known(head.key, head))
    for finding in findings:
        if finding.holds is False:
            raise Misconfigured(
                f"the ledger is not the log that the proof is of: {finding.what}: {finding.said}; name the log itself, "
                "or none: K is then the number of leaves under the proof's head"
            )
    return in_ledger(ledger, said, 1)
