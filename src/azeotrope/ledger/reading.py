"""Reading the ledger while it is written: short transactions, one page at a time, in the order of the sequence.

Knows nothing of how records come in.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine, Select, func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from azeotrope.errors import Misconfigured
from azeotrope.ledger.tables import address, check, engine, records, salts, unopened

_PAGE = 1000


def tail(dsn: str | Path, last: int = 10, *, customer: str | None = None) -> list[dict[str, Any]]:
    """The newest records, oldest of them first. Raises `Misconfigured` or `Unavailable`."""
    newest = _chosen(select(records), customer, None).order_by(records.c.seq.desc()).limit(last)
    with _Reading(dsn) as reading:
        return [plain(row) for row in reversed(reading.rows(newest))]


def count(dsn: str | Path, *, customer: str | None = None, since: datetime | None = None) -> int:
    """How many records there are."""
    with _Reading(dsn) as reading:
        (row,) = reading.rows(_chosen(select(func.count().label("count")).select_from(records), customer, since))
        return row["count"]


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
    with _Reading(dsn) as reading:
        while page := reading.rows(wanted.where(records.c.seq > after)):
            yield from map(plain, page)
            after = page[-1]["seq"]


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


class _Reading:
    """A connection that cannot write. Each `rows` is a transaction of its own, so that a slow reader blocks nobody."""

    def __init__(self, dsn: str | Path) -> None:
        self._url = address(dsn)
        a_file = self._url.get_backend_name() == "sqlite" and not self._url.query.get("uri")
        if a_file and not Path(self._url.database or "").exists():
            raise Misconfigured(f"there is no ledger at {self._url.database}")

    def __enter__(self) -> _Reading:
        self._engine: Engine = engine(self._url, patience=5.0, writing=False)
        try:
            with self._engine.begin() as connection:
                check(connection)
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise unopened(error, self._url) from None
        except Misconfigured:
            self._engine.dispose()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def rows(self, wanted: Select[Any]) -> list[RowMapping]:
        try:
            with self._engine.begin() as connection:
                return list(connection.execute(wanted).mappings())
        except SQLAlchemyError as error:
            raise unopened(error, self._url) from None
