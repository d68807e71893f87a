"""The stored log as a tree: its leaves and subtrees read from the database. Knows no key and makes no head."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Row, Select, func, select, union_all

from azeotrope.errors import Misconfigured
from azeotrope.ledger.heads import Head
from azeotrope.ledger.notes import Commitment
from azeotrope.ledger.tables import heads, notes, records, salts, stamps, subtrees
from azeotrope.math.merkle import Frontier, Range, leaf_hash

LEVEL = 10
EACH = 1 << LEVEL
"""Leaves of a stored subtree. A proof reads two of them leaf by leaf at most, and the roots of all others."""
PAGE = 256
"""Leaves read at a time while releases wait for the interpreter: under a millisecond's work."""


class Growth:
    """A frontier that tells which stored subtrees were completed on the way."""

    def __init__(self) -> None:
        self._whole, self._part = Frontier(), Frontier()
        self.completed: list[tuple[int, bytes]] = []
        """(number, root) of subtrees that are not stored yet."""

    @property
    def size(self) -> int:
        return self._whole.size + self._part.size

    def add(self, hashed: bytes) -> None:
        self._part.add(hashed)
        if self._part.size == EACH:
            root = self._part.root()
            self.completed.append((self._whole.size >> LEVEL, root))
            self.add_subtree(root)

    def add_subtree(self, root: bytes) -> None:
        self._whole.add(root, LEVEL)
        self._part = Frontier()

    def root(self) -> bytes:
        return self._whole.root(self._part.root()) if self._part.size else self._whole.root()


def size(connection: Connection) -> int:
    """How many leaves the log has."""
    last: int | None = connection.execute(select(func.max(salts.c.seq))).scalar()
    return 0 if last is None else last + 1


def hashes(connection: Connection, start: int, end: int) -> Iterator[bytes]:
    """The hashes of leaves [start, end). Raises `Misconfigured` where one is missing."""
    parts = [select(t.c.seq, t.c.leaf).where(t.c.seq >= start, t.c.seq < end) for t in (records, notes)]
    expected = start
    for seq, entry in connection.execute(union_all(*parts).order_by("seq")):
        if seq != expected:
            break
        yield leaf_hash(entry)
        expected += 1
    if expected < end:
        raise Misconfigured(f"the ledger has no leaf {expected} of {end}: it is damaged; restore it from a copy")


def subtree(connection: Connection, leaves: Range) -> bytes:
    """The root of one of the subtrees that a proof names, by what is stored."""
    start, end = leaves
    frontier, stored = Frontier(), start
    if not start % EACH:
        stored = end - end % EACH
        for root in roots(connection, start >> LEVEL, stored >> LEVEL):
            frontier.add(root, LEVEL)
    for hashed in hashes(connection, stored, end):
        frontier.add(hashed)
    return frontier.root()


def roots(connection: Connection, start: int, end: int) -> list[bytes]:
    """The stored subtrees [start, end) by their roots."""
    wanted = select(subtrees.c.root).where(subtrees.c.seq >= start, subtrees.c.seq < end).order_by(subtrees.c.seq)
    found = list(connection.execute(wanted).scalars())
    if len(found) < end - start:
        raise Misconfigured("the ledger has lost subtrees: it is damaged; restore it from a copy")
    return found


def resumed(connection: Connection, head: Head | None) -> Growth:
    """The log as far as its newest head. Raises `Misconfigured` where it is no longer what that head says."""
    growth = Growth()
    if head is None:
        return growth
    for root in roots(connection, 0, head.size >> LEVEL):
        growth.add_subtree(root)
    for hashed in hashes(connection, growth.size, head.size):
        growth.add(hashed)
    if growth.root().hex() != head.root or not head.genuine():
        raise Misconfigured(
            f"the ledger is not the one whose head of {head.size} leaves was signed: it was changed or lost leaves; "
            "restore it from a copy, or begin a new one elsewhere and keep this"
        )
    return growth


def known_heads(connection: Connection, *, last: int | None = None) -> list[Head]:
    """The heads with their first time stamps, oldest first; of those the `last`."""
    rows = connection.execute(_HEADS.order_by(heads.c.seq.desc()).limit(last)).all()
    return [_head(row) for row in reversed(rows)]


def newest(connection: Connection) -> Head | None:
    """The newest head, if one was ever signed."""
    return next(iter(known_heads(connection, last=1)), None)


def first_stamped(connection: Connection, covering: int) -> Head | None:
    """The oldest time-stamped head of at least `covering` leaves."""
    wanted = _HEADS.where(heads.c.size >= covering, stamps.c.response.is_not(None)).order_by(heads.c.seq).limit(1)
    row = connection.execute(wanted).first()
    return None if row is None else _head(row)


def vouching(connection: Connection) -> Head | None:
    """The oldest time-stamped head that covers every commitment which the newest head covers; else the newest.

    The same keys stand under both, and an outside clock says of the stamped one how old they are at least.
    """
    head = newest(connection)
    if head is None:
        return None
    promises = select(func.max(notes.c.seq)).where(notes.c.kind == Commitment.KIND, notes.c.seq < head.size)
    last: int | None = connection.execute(promises).scalar()
    return first_stamped(connection, 0 if last is None else last + 1) or head


def of_size(connection: Connection, size: int) -> Head | None:
    """The head of exactly `size` leaves."""
    row = connection.execute(_HEADS.where(heads.c.size == size).order_by(heads.c.seq).limit(1)).first()
    return None if row is None else _head(row)


_FIRST = select(func.min(stamps.c.seq)).group_by(stamps.c.head)
_HEADS: Select[int, bytes, int, bytes, bytes, bytes | None] = select(
    heads.c.size, heads.c.root, heads.c.time, heads.c.key, heads.c.signature, stamps.c.response
).outerjoin(stamps, (stamps.c.head == heads.c.seq) & stamps.c.seq.in_(_FIRST))


def _head(row: Row[int, bytes, int, bytes, bytes, bytes | None]) -> Head:
    size, root, time, key, signature, response = row
    return Head(
        size=size,
        root=root.hex(),
        time=time,
        key=key.hex(),
        signature=signature.hex(),
        stamp=None if response is None else response.hex(),
    )
