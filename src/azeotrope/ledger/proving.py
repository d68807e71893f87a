"""Evidence out of the database: proofs, whole logs, keys that open. Reads only; what it hands out can be checked
without it, and it hands out nothing that would not pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Select, select
from sqlalchemy.engine import RowMapping

from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.ledger import tree
from azeotrope.ledger.checking import Known, check
from azeotrope.ledger.entry import Content, key_of
from azeotrope.ledger.evidence import Earlier, Leaf, Log, Noted, Opening, Proof, Release, line
from azeotrope.ledger.heads import Head
from azeotrope.ledger.notes import Commitment, read
from azeotrope.ledger.reading import Reading
from azeotrope.ledger.tables import notes, records, salts
from azeotrope.math.merkle import Range, consistency, inclusion

_PAGE = 1000
_RELEASES = select(records, salts.c.salt).join(salts, salts.c.seq == records.c.seq).order_by(records.c.seq)
_NOTES = select(notes, salts.c.salt).join(salts, salts.c.seq == notes.c.seq).order_by(notes.c.seq)
_UNSIGNED = "azeotrope ledger sign --key FILE signs one now"


def prove(dsn: str | Path, name: str, *, choice: int = 0, at: int | None = None, since: int | None = None) -> Proof:
    """A release by its request id, or a commitment: by its hash, or its mark's first one by the mark's id.

    A mark that is used under two laws is committed to twice; its id is that of the key alone.

    Under the head of `at` leaves; unsaid: the oldest time-stamped one that covers it and `since`, or else the newest.
    `since`: the size of an older head that somebody holds. Raises `Misconfigured` or `Unavailable`.
    """

    def made(connection: Connection) -> Proof:
        leaf = _named(connection, name, choice)
        head = _covering(connection, max(leaf.seq + 1, since or 0), at)
        proof = Proof(
            leaf=leaf,
            proof=_roots(connection, inclusion(leaf.seq, head.size)),
            head=head,
            earlier=None if since is None else _earlier(connection, since, head),
        )
        return _holding(proof)

    with Reading(dsn) as reading:
        _must_have_heads(reading)
        return reading.asked(made)


def reveal(dsn: str | Path, request_id: str, content: Content, *, choice: int = 0) -> Opening:
    """The key of one content of a release. Raises `Misconfigured` where there is no such content."""

    def made(connection: Connection) -> Opening:
        row = _row(connection, request_id, choice)
        if row is None or row[content] is None:
            what = "no release" if row is None else f"no {content} was released with"
            raise Misconfigured(f"the ledger has {what} {request_id} (choice {choice})")
        return Opening(seq=row["seq"], content=content, key=key_of(row["salt"], content).hex())

    with Reading(dsn) as reading:
        return reading.asked(made)


def whole(dsn: str | Path) -> Iterator[bytes]:
    """The newest head and all leaves that it covers, line by line, in constant memory."""
    with Reading(dsn) as reading:
        head = _must_have_heads(reading)
        yield line(Log(head))
        for start in range(0, head.size, _PAGE):
            end = min(start + _PAGE, head.size)
            for leaf in reading.asked(lambda connection, start=start, end=end: _page(connection, start, end)):
                yield line(leaf)


def _must_have_heads(reading: Reading) -> Head:
    """The newest head."""
    head = reading.asked(tree.newest) if reading.version > 1 else None
    if head is None:
        raise Unavailable(f"the ledger has no signed head yet: {_UNSIGNED}")
    return head


def _named(connection: Connection, name: str, choice: int) -> Leaf:
    row = _row(connection, name, choice)
    if row is not None:
        return _release(row)
    for found in connection.execute(_NOTES.where(notes.c.kind == Commitment.KIND)).mappings():
        promise = read(found["body"], Commitment)
        if name in (promise.mark, promise.commitment):
            return _noted(found)
    raise Misconfigured(
        f"the ledger has no release {name} (choice {choice}), and no commitment that is {name} or to a mark of that id"
    )


def _row(connection: Connection, request_id: str, choice: int) -> RowMapping | None:
    wanted = _RELEASES.where(records.c.request_id == request_id, records.c.choice == choice).limit(1)
    return connection.execute(wanted).mappings().first()


def _page(connection: Connection, start: int, end: int) -> list[Leaf]:
    def between(wanted: Select[Any], seq: Any) -> list[RowMapping]:
        return list(connection.execute(wanted.where(seq >= start, seq < end)).mappings())

    found: list[Leaf] = [
        *map(_release, between(_RELEASES, records.c.seq)), *map(_noted, between(_NOTES, notes.c.seq)),
    ]  # fmt: skip
    return sorted(found, key=lambda leaf: leaf.seq)


def _release(row: RowMapping) -> Release:
    values = {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
    del values["leaf"], values["salt"]
    return Release(key=key_of(row["salt"], "leaf").hex(), **cast("dict[str, Any]", values))


def _noted(row: RowMapping) -> Noted:
    return Noted(seq=row["seq"], key=key_of(row["salt"], "leaf").hex(), note=row["kind"], body=row["body"])


def _covering(connection: Connection, size: int, at: int | None) -> Head:
    """The head to prove under: it covers `size` leaves."""
    if at is not None:
        head = tree.of_size(connection, at)
    else:
        head = tree.first_stamped(connection, size) or tree.newest(connection)
    if head is None or head.size < size:
        raise Unavailable(f"no {'such ' if at else ''}signed head covers {size} leaves yet: {_UNSIGNED}")
    return head


def _earlier(connection: Connection, size: int, head: Head) -> Earlier:
    found = tree.of_size(connection, size)
    if found is None:
        raise Misconfigured(f"no head of {size} leaves was signed; azeotrope ledger heads lists them")
    return Earlier(found, _roots(connection, consistency(size, head.size)))


def _roots(connection: Connection, ranges: list[Range]) -> tuple[str, ...]:
    return tuple(tree.subtree(connection, leaves).hex() for leaves in ranges)


def _holding(proof: Proof) -> Proof:
    """The proof, if it proves anything: what is damaged here is said here, not at the third party's."""
    try:
        findings, _ = check([line(proof)], Known())
    except (Misconfigured, TypeError, AttributeError):  # a column holds what no writer of ours put there
        findings = []
    if not findings or any(finding.holds is False for finding in findings):
        raise Misconfigured(
            f"leaf {proof.leaf.seq} is not what was signed: the ledger is damaged; restore it from a copy"
        )
    return proof
