"""Appending: one writer thread, group commit, durable before `append` returns. Knows no policy.

What is queued while the disk is busy becomes the next transaction, so one flush serves many. The queue is bounded by
records not yet settled, cancelled ones included: a slow disk slows callers and nothing piles up.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Connection, Engine, Table, func, insert, select
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SQLAlchemyError

from azeotrope.errors import Unavailable
from azeotrope.ledger.entry import NOTE, Entry, canonical, key_of, leaf
from azeotrope.ledger.notes import Note
from azeotrope.ledger.signing import Heads, Signing
from azeotrope.ledger.tables import address, notes, opened, reason, records, salts, take_turn, unopened

_LAST = str(select(func.max(salts.c.seq)))
_CLOSED = "the ledger is closed"
_GATHER = 0.002
"""Seconds a transaction waits for company when there has been some lately: a commit costs as much as 15 records.

Whoever appends alone never waits: nothing of theirs can arrive while their own record is being written.
"""
_CROWDED = 0.1
"""Seconds for which company counts as lately."""


class _Waiting:
    """The entries of one `append`, with their canonical bytes, and who waits for them."""

    __slots__ = ("entries", "fields", "settled")

    def __init__(self, entries: Sequence[Entry | Note], settled: asyncio.Future[None]) -> None:
        self.entries, self.settled = entries, settled
        self.fields = [canonical(entry) if isinstance(entry, Entry) else entry.canonical() for entry in entries]


class Ledger:
    """An async context manager; it belongs to the event loop that opened it.

    `dsn`: a path or a database URL. `patience`: seconds a locked database is waited for. `room`: how many appends may
    be under way; the next one waits. `signing`: who signs the heads; None: nobody does. `told`: called, from a thread,
    with why a head was not signed or not stamped; appends go on.
    """

    def __init__(
        self,
        dsn: str | Path,
        *,
        patience: float = 5.0,
        room: int = 1024,
        signing: Signing | None = None,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._dsn, self._patience, self._signing, self._told = dsn, patience, signing, told
        self._room = asyncio.Semaphore(room)
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._closed = True

    async def __aenter__(self) -> Ledger:
        """Opens or makes the ledger. Raises `Misconfigured` or `Unavailable`. Cancelled, it leaves nothing open."""
        self._loop = asyncio.get_running_loop()
        opening = self._loop.run_in_executor(None, self._open)
        try:
            self._engine, self._heads = await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.wait([opening])  # the thread goes on, and what it opens nobody else would close
            if opening.exception() is None:
                await asyncio.shield(self._loop.run_in_executor(None, _shut, *opening.result()))
            raise
        self._thread = threading.Thread(target=self._write, args=(_Store(self._engine),), name="ledger", daemon=True)
        self._thread.start()
        self._closed = False
        return self

    def _open(self) -> tuple[Engine, Heads | None]:
        engine = opened(self._dsn, patience=self._patience)
        if self._signing is None:
            return engine, None
        try:
            heads = Heads(self._dsn, engine, self._signing, self._told)
            heads.start()
        except SQLAlchemyError as error:
            engine.dispose()
            raise unopened(error, address(self._dsn)) from None
        except BaseException:
            engine.dispose()
            raise
        return engine, heads

    async def __aexit__(self, *_: object) -> None:
        """Settles what is queued, signs a last head, then closes."""
        self._closed = True
        self._queue.put(None)
        await asyncio.shield(self._loop.run_in_executor(None, self._close))  # handed over whoever is cancelled

    def _close(self) -> None:
        self._thread.join()
        _shut(self._engine, self._heads)

    async def append(self, *entries: Entry | Note) -> None:
        """Returns when the entries are durable, next to each other and in order, all or none.

        Raises `Unavailable` when that cannot be known (full disk, locked or closed ledger): they may be missing.
        A cancelled append may still be written.
        """
        if not entries:
            return
        waiting = _Waiting(entries, self._loop.create_future()) if not self._closed else None
        await self._room.acquire()
        if self._closed or waiting is None:
            self._room.release()
            raise Unavailable(_CLOSED)
        self._queue.put(waiting)
        await waiting.settled

    def _write(self, store: _Store) -> None:
        crowded = 0.0
        while batch := _drained(self._queue, _GATHER if time.monotonic() < crowded else 0.0):
            error = store.write(batch)
            if not self._queue.empty():
                crowded = time.monotonic() + _CROWDED
            _tell(self._loop, self._settle, batch, error)
        store.close()

    def _settle(self, batch: list[_Waiting], error: str | None) -> None:
        """On the loop, once a batch: frees the room and wakes whoever still waits."""
        for waiting in batch:
            self._room.release()
            if waiting.settled.done():  # cancelled
                continue
            if error is None:
                waiting.settled.set_result(None)
            else:
                waiting.settled.set_exception(Unavailable(f"the ledger cannot be written: {error}"))


def _shut(engine: Engine, heads: Heads | None) -> None:
    if heads is not None:
        heads.close()
    engine.dispose()  # last: a connection that is in use meanwhile would stay open


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *args: Any) -> None:
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:  # the loop is gone, and with it everyone who waited
        return


def _drained(queue: SimpleQueue[_Waiting | None], gather: float) -> list[_Waiting]:
    """Everything queued once the first has come and `gather` seconds have passed; empty when the ledger is to close."""
    waiting = queue.get()
    batch: list[_Waiting] = []
    if waiting is not None and gather:
        time.sleep(gather)
    try:
        while waiting is not None:
            batch.append(waiting)
            waiting = queue.get_nowait()
    except Empty:
        return batch
    if batch:  # close after these
        queue.put(None)
    return batch


class _Insert:
    """A table's INSERT, compiled once and handed to the driver as it is: Core's own path takes twice the time.

    Rows are tuples in the order of the table's columns.
    """

    def __init__(self, table: Table, engine: Engine) -> None:
        self._sql = str(insert(table).compile(engine))
        self._names = None if engine.dialect.positional else [column.name for column in table.columns]

    def __call__(self, cursor: DBAPICursor, rows: list[tuple[Any, ...]]) -> None:
        if self._names is None:
            cursor.executemany(self._sql, rows)
        else:  # PostgreSQL's drivers take names
            cursor.executemany(self._sql, [dict(zip(self._names, row, strict=True)) for row in rows])


class _Store:
    """The writer thread's connection. It is given up on the first error and made anew for the next transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._add_records, self._add_salts = _Insert(records, engine), _Insert(salts, engine)
        self._add_notes = _Insert(notes, engine)

    def write(self, batch: list[_Waiting]) -> str | None:
        """One transaction; says why it failed, or None."""
        try:
            self._commit(batch)
        except (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error) as error:
            self._give_up()
            return reason(error)
        except Exception as error:  # whatever it is, the writer lives on and everyone is told
            self._give_up()
            return type(error).__name__
        return None

    def _commit(self, batch: list[_Waiting]) -> None:
        if self._connection is None:
            self._connection = self._engine.connect()
        rows: list[tuple[Any, ...]] = []
        noted: list[tuple[Any, ...]] = []
        kept: list[tuple[Any, ...]] = []
        with self._connection.begin():
            take_turn(self._connection, salts)
            cursor = self._connection.connection.cursor()
            cursor.execute(_LAST)
            (last,) = cursor.fetchone() or (None,)
            seq: int = -1 if last is None else last
            for waiting in batch:
                for entry, fields in zip(waiting.entries, waiting.fields, strict=True):
                    seq += 1
                    key = key_of(entry.salt, "leaf")
                    if isinstance(entry, Entry):
                        rows.append((seq, leaf(seq, fields, key), *astuple(entry)[:-1]))
                    else:
                        noted.append((seq, leaf(seq, fields, key, NOTE), entry.kind, entry.body))
                    kept.append((seq, entry.salt))
            self._add_salts(cursor, kept)  # first: a row's turn is where its salt is
            if rows:
                self._add_records(cursor, rows)
            if noted:
                self._add_notes(cursor, noted)
            cursor.close()

    def _give_up(self) -> None:
        """Drops the connection; closing a broken one may fail too, and says nothing new."""
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.invalidate()
                connection.close()
        except SQLAlchemyError:
            return

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
