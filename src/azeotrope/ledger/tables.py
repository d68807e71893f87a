"""The ledger's tables and how they are opened. Knows nothing of entries and of hashes.

Portable SQL by SQLAlchemy Core; what is SQLite's own stands in `_tune` (how it opens) and in the triggers, which make
the file refuse to change or lose a record whoever asks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    false,
    insert,
    select,
    update,
)
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.journal import write_ahead

SCHEMA = 2
"""Of the tables. A ledger of a newer one is not opened; one of an older one becomes ours when it is next written.

2: notes, heads, time stamps, subtrees; releases and notes share one sequence, which the salts keep without gaps.
"""

_SEQ = BigInteger().with_variant(Integer, "sqlite")  # SQLite's row id: no index of its own
_META = MetaData()

schema = Table("ledger_schema", _META, Column("version", Integer, primary_key=True, autoincrement=False))

records = Table(
    "ledger_records",
    _META,
    Column("seq", _SEQ, primary_key=True, autoincrement=False, comment="a place in the log"),
    Column("leaf", LargeBinary(32), nullable=False),
    Column("request_id", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("started", BigInteger, nullable=False, comment="Unix microseconds"),
    Column("finished", BigInteger, nullable=False, comment="Unix microseconds"),
    Column("outcome", Text, nullable=False),
    Column("finish", Text, nullable=False),
    Column("choice", Integer, nullable=False),
    Column("tokens_in", BigInteger),
    Column("tokens_out", BigInteger),
    Column("lineage", Text, nullable=False),
    Column("request", LargeBinary(32)),
    Column("reasoning", LargeBinary(32)),
    Column("answer", LargeBinary(32)),
)

notes = Table(
    "ledger_notes",
    _META,
    Column("seq", _SEQ, primary_key=True, autoincrement=False, comment="a place in the log"),
    Column("leaf", LargeBinary(32), nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False, comment="canonical JSON"),
)

salts = Table(
    "ledger_salts",
    _META,
    Column("seq", _SEQ, primary_key=True, autoincrement=False, comment="0, 1, 2, ... without gaps"),
    Column("salt", LargeBinary(32), nullable=False),
)

heads = Table(
    "ledger_heads",
    _META,
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False, comment="how many leaves it covers"),
    Column("root", LargeBinary(32), nullable=False),
    Column("time", BigInteger, nullable=False, comment="Unix microseconds"),
    Column("key", LargeBinary(32), nullable=False, comment="the Ed25519 public key"),
    Column("signature", LargeBinary(64), nullable=False),
)

stamps = Table(
    "ledger_stamps",
    _META,
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    Column("head", BigInteger, nullable=False, comment="seq of the head"),
    Column("response", LargeBinary, nullable=False, comment="RFC 3161 TimeStampResp, DER"),
)

subtrees = Table(
    "ledger_subtrees",
    _META,
    Column("seq", _SEQ, primary_key=True, autoincrement=False, comment="subtree i: leaves [1024 i, 1024 (i + 1))"),
    Column("root", LargeBinary(32), nullable=False),
)

_FORBID = """CREATE TRIGGER %(table)s_no_{verb} BEFORE {verb} ON %(table)s
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"""
# INSERT OR REPLACE deletes without firing a delete trigger, so an insert may only be the next of its table.
_NEXT = """CREATE TRIGGER %(table)s_next BEFORE INSERT ON %(table)s
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), -1) + 1 FROM %(table)s)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"""

# Releases and notes take turns in one sequence: a row stands beyond the last of its table, and its salt is there.
_TURN = """CREATE TRIGGER %(table)s_next BEFORE INSERT ON %(table)s
WHEN NEW.seq <= (SELECT coalesce(max(seq), -1) FROM %(table)s)
  OR NOT EXISTS (SELECT 1 FROM ledger_salts WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"""

for _table in (salts, records, notes, heads, stamps, subtrees):
    for _trigger in (
        _FORBID.format(verb="UPDATE"),
        _FORBID.format(verb="DELETE"),
        _TURN if _table in (records, notes) else _NEXT,
    ):
        event.listen(_table, "after_create", DDL(_trigger).execute_if(dialect="sqlite"))


def address(dsn: str | Path) -> URL:
    """A path or a database URL -> a URL. Raises `Misconfigured`."""
    text = str(dsn)
    try:
        url = make_url(text) if "://" in text else URL.create("sqlite", database=text)
    except ArgumentError:
        raise Misconfigured("the ledger's address is neither a path nor a database URL") from None
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise Misconfigured("the ledger must outlive the process: give it a file, such as ledger.db")
    return url


def engine(url: URL, *, patience: float, writing: bool) -> Engine:
    """Connections to the ledger; `patience` is how many seconds a locked database is waited for."""
    sqlite = url.get_backend_name() == "sqlite"
    try:
        made = create_engine(url, connect_args={"timeout": patience} if sqlite else {}, hide_parameters=True)
    except (ImportError, NoSuchModuleError):
        raise Misconfigured(f"no driver for {url.drivername} is installed: pip install it beside azeotrope") from None
    if sqlite:
        _tune(made, writing, patience)
    return made


def _tune(made: Engine, writing: bool, patience: float) -> None:
    """SQLite's own settings: durable, readable while written, the write lock taken before the sequence is read."""

    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver opens transactions too late; `begun` does it
        if not writing:
            connection.execute("PRAGMA query_only = ON")
            return
        write_ahead(connection, patience)
        connection.execute("PRAGMA synchronous = FULL")

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    event.listen(made, "connect", connected)
    event.listen(made, "begin", begun)


def opened(dsn: str | Path, *, patience: float) -> Engine:
    """The ledger, made where there is none (a file gets mode 0600). Raises `Misconfigured` or `Unavailable`."""
    url = address(dsn)
    _make_file(url)
    made = engine(url, patience=patience, writing=True)
    try:
        with made.begin() as connection:
            _META.create_all(connection)
            check(connection, create=True)
            connection.execute(
                update(schema).where(false()).values(version=SCHEMA)
            )  # fails where nothing can be written
    except SQLAlchemyError as error:
        made.dispose()
        raise unopened(error, url) from None
    except Misconfigured:
        made.dispose()
        raise
    return made


def take_turn(connection: Connection, table: Table) -> None:
    """Writers of several processes take turns at a table's sequence, as SQLite's do by themselves; no reader waits."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


def check(connection: Connection, *, create: bool = False) -> int:
    """The ledger's schema. Refuses a newer one; `create` writes ours into a new or older ledger."""
    found = list(connection.execute(select(schema.c.version)).scalars())
    if not all(isinstance(one, int) for one in found):  # a changed byte of the file is enough for that
        raise Misconfigured("the ledger is damaged: its schema is no number; restore the file from a copy")
    version = max(found, default=0)
    if version == 0 and create:
        connection.execute(insert(schema).values(version=SCHEMA))
    elif not 1 <= version <= SCHEMA:
        raise Misconfigured(
            f"the ledger has schema {version}, this azeotrope knows {SCHEMA}: "
            "use the version that wrote it or a newer one"
        )
    elif version < SCHEMA and create:
        _renew(connection)
    return SCHEMA if create else version


def _renew(connection: Connection) -> None:
    """Schema 1 -> 2: the new tables are there already; the sequence is kept by other rules."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("DROP TRIGGER ledger_records_next")
        connection.execute(DDL(_TURN).against(records))
    connection.execute(update(schema).values(version=SCHEMA))


def reason(error: Exception) -> str:
    """The driver's own words, one line: SQLAlchemy's message would quote the statement and its values."""
    if isinstance(error, SQLAlchemyError):
        words = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
    else:
        words = str(error)
    return words.partition("\n")[0]


Strange = (TypeError, AttributeError, ValueError)
"""What reading values of another kind than was written ends in: SQLite keeps any kind in any column, and one changed
byte of its file is enough. `UnicodeError` and what `msgspec` raises are among them."""


def unopened(error: SQLAlchemyError | TypeError | AttributeError | ValueError, url: URL) -> Misconfigured | Unavailable:
    """Why the ledger cannot be opened, by who can mend it. SQLite's driver finds it hard to quote a damaged file."""
    where = url.render_as_string(hide_password=True)
    if not isinstance(error, SQLAlchemyError):
        what = "text that is none" if isinstance(error, UnicodeError) else "values of another kind than were written"
        return Misconfigured(f"the ledger {where} is damaged: {what}; restore it from a copy")
    why = reason(error)
    if "locked" in why:
        return Unavailable(f"the ledger {where} is locked by another process")
    return Misconfigured(f"cannot open the ledger {where}: {why}; check the path and its permissions")


def _make_file(url: URL) -> None:
    if url.get_backend_name() != "sqlite" or url.query.get("uri"):
        return
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise Misconfigured(f"cannot write the ledger {path}: {error.strerror}; choose another place") from None
