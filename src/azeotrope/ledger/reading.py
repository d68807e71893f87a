"""Reading the ledger while it is written: short transactions, one page at a time, in the order of the sequence.

Knows nothing of how records come in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, Select, func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from azeotrope.errors import Misconfigured
from azeotrope.ledger import tree
from azeotrope.ledger.heads import Head
from azeotrope.ledger.notes import Commitment, N, Spent, read
from azeotrope.ledger.tables import Strange, address, check, engine, notes, records, salts, unopened

T = TypeVar("T")
_PAGE = 1000


def tail(dsn: str | Path, last: int = 10, *, customer: str | None = None) -> list[dict[str, Any]]:
    """The newest records, oldest of them first. Raises `Misconfigured` or `Unavailable`."""
    newest = _chosen(select(records), customer, None).order_by(records.c.seq.desc()).limit(last)
    with Reading(dsn) as reading:
        return [plain(row) for row in reversed(reading.rows(newest))]


def count(dsn: str | Path, *, customer: str | None = None, since: datetime | None = None) -> int:
    """How many records there are."""
    with Reading(dsn) as reading:
        (row,) = reading.rows(_chosen(select(func.count().label("count")).select_from(records), customer, since))
        return row["count"]


def per_customer(dsn: str | Path) -> dict[str, int]:
    """How many releases each customer got, the most first."""
    counted = func.count()
    wanted: Select[Any] = select().add_columns(records.c.customer, counted.label("count"))
    wanted = wanted.group_by(records.c.customer).order_by(counted.desc())
    with Reading(dsn) as reading:
        return {row["customer"]: row["count"] for row in reading.rows(wanted)}


def export(
    dsn: str | Path,
    *,
    customer: str | None = None,
    since: datetime | None = None,
    after: int = -1,
    with_salts: bool = False,
) -> Iterator[dict[str, Any]]:
    """Every record beyond sequence number `after`, as plain values, in constant memory.

    With its salt a record's contents can be tried by guessing: `with_salts` is for whoever may know them.
    """
    wanted = select(records)
    if with_salts:
        wanted = wanted.add_columns(salts.c.salt).join(salts, salts.c.seq == records.c.seq)
    wanted = _chosen(wanted, customer, since).order_by(records.c.seq).limit(_PAGE)
    with Reading(dsn) as reading:
        while page := reading.rows(wanted.where(records.c.seq > after)):
            yield from map(plain, page)
            after = page[-1]["seq"]


def newest(dsn: str | Path) -> Head | None:
    """The newest signed head, with its time stamp if it has one; None where none was signed."""
    return next(iter(heads(dsn, last=1)), None)


def heads(dsn: str | Path, *, last: int | None = None) -> list[Head]:
    """The signed heads, oldest first; of those the `last`."""
    with Reading(dsn) as reading:
        return reading.asked(lambda connection: tree.known_heads(connection, last=last), [])


def vouching(dsn: str | Path) -> Head | None:
    """The head to name where it matters how old the commitments are: they all stand under it (`tree.vouching`)."""
    with Reading(dsn) as reading:
        return next(iter(reading.asked(lambda connection: [tree.vouching(connection)], [])), None)


def commitments(dsn: str | Path, under: Head | None = None) -> list[Commitment]:
    """The commitments to keys in the order of the log; with `under` those that this head covers."""
    return _noted(dsn, Commitment, under)


def spent(dsn: str | Path, under: Head | None = None) -> list[Spent]:
    """The probes that were spent, in the order of the log; with `under` those that this head covers."""
    return _noted(dsn, Spent, under)


def _noted(dsn: str | Path, kind: type[N], under: Head | None) -> list[N]:
    wanted = select(notes.c.body).where(notes.c.kind == kind.KIND).order_by(notes.c.seq)
    if under is not None:
        wanted = wanted.where(notes.c.seq < under.size)
    with Reading(dsn) as reading:
        return reading.asked(lambda connection: [read(body, kind) for body in connection.execute(wanted).scalars()], [])


def plain(row: RowMapping) -> dict[str, Any]:
    """A record as JSON values: times in ISO 8601 UTC to the microsecond, digests in hex, the lineage as steps."""
    out = {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
    out["started"], out["finished"] = _iso(row["started"]), _iso(row["finished"])
    out["lineage"] = msgspec.json.decode(row["lineage"])
    return out


def _iso(microseconds: int) -> str:
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest).isoformat(timespec="microseconds")


def _chosen(wanted: Select[Any], customer: str | None, since: datetime | None) -> Select[Any]:
    if customer is not None:
        wanted = wanted.where(records.c.customer == customer)
    if since is not None:
        wanted = wanted.where(records.c.finished >= int(since.timestamp() * 1e6))
    return wanted


def existing(dsn: str | Path) -> str | Path:
    """The same address, if a file stands where it says. Raises `Misconfigured`."""
    url = address(dsn)
    if url.get_backend_name() == "sqlite" and not url.query.get("uri") and not Path(url.database or "").exists():
        raise Misconfigured(
            f"there is no ledger at {url.database}; name another (--ledger): a gateway's stands in its settings' folder"
        )
    return dsn


class Reading:
    """A connection that cannot write. Each `rows` is a transaction of its own, so that a slow reader blocks nobody."""

    def __init__(self, dsn: str | Path) -> None:
        self._url = address(existing(dsn))

    def __enter__(self) -> Reading:
        self._engine: Engine = engine(self._url, patience=5.0, writing=False)
        try:
            with self._engine.begin() as connection:
                self.version = check(connection)
        except (SQLAlchemyError, *Strange) as error:
            self._engine.dispose()
            raise unopened(error, self._url) from None
        except Misconfigured:
            self._engine.dispose()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def rows(self, wanted: Select[Any]) -> list[RowMapping]:
        return self.asked(lambda connection: list(connection.execute(wanted).mappings()))

    def asked(self, question: Callable[[Connection], T], before: T | None = None) -> T:
        """The answer, in one transaction. `before`: the answer of a ledger from before there were notes and heads."""
        if before is not None and self.version < 2:
            return before
        try:
            with self._engine.begin() as connection:
                return question(connection)
        except (SQLAlchemyError, *Strange) as error:
            raise unopened(error, self._url) from None
