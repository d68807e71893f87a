"""A store of responses on disk, shared by processes: SQLite, a row a response. Safe for several at once and for kills.

A process that is about to ask for something says so first (a claim), so that two who want the same share the work; a
claim lives as long as its process holds the lock on a file of its own. Knows no model: keys are digests.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from azeotrope.codec import decode, encode
from azeotrope.errors import Misconfigured
from azeotrope.journal import write_ahead
from azeotrope.types import Request, Trace

_TABLES = """
create table if not exists traces (key text primary key, trace blob not null) without rowid;
create table if not exists claims (key text primary key, owner text not null) without rowid;
"""
_PATIENCE = 60.0
"""Seconds to wait for another process's write."""
_NOWHERE = Request(())


class Store:
    """A folder with `traces.db`, and `owners/` for the locks of those who write."""

    def __init__(self, folder: Path) -> None:
        self._owners = folder / "owners"
        self._owner = uuid4().hex
        try:
            self._owners.mkdir(parents=True, exist_ok=True)
            self._db = _connected(folder / "traces.db")
            self._lock = (self._owners / self._owner).open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        except (OSError, sqlite3.DatabaseError) as error:
            raise Misconfigured(
                f"cannot keep traces in {folder}: {error}; move the folder away to begin anew"
            ) from None

    def close(self) -> None:
        self._db.execute("delete from claims where owner = ?", (self._owner,))
        self._db.close()
        (self._owners / self._owner).unlink(missing_ok=True)
        self._lock.close()

    def __len__(self) -> int:
        return int(self._db.execute("select count(*) from traces").fetchone()[0])

    def known(self, keys: Iterable[str]) -> dict[str, Trace]:
        """Those that are recorded; their requests are left out."""
        found: dict[str, Trace] = {}
        for key in keys:
            row = self._db.execute("select trace from traces where key = ?", (key,)).fetchone()
            if row is not None:
                with suppress(Misconfigured):  # of an older version: asked for again
                    found[key] = decode(row[0], Trace)
        return found

    def claim(self, keys: Sequence[str]) -> tuple[dict[str, Trace], set[str]]:
        """(those that are recorded, those that are now this process's to ask for); the rest is another's."""
        with _Writing(self._db):
            found, mine = self.known(keys), set[str]()
            for key in keys:
                if key in found:
                    continue
                row = self._db.execute("select owner from claims where key = ?", (key,)).fetchone()
                if row is None or row[0] == self._owner or not self._lives(str(row[0])):
                    self._db.execute("insert or replace into claims values (?, ?)", (key, self._owner))
                    mine.add(key)
        return found, mine

    def keep(self, traces: Iterable[tuple[str, Trace]]) -> None:
        """Records responses; their claims end."""
        with _Writing(self._db):
            for key, trace in traces:
                blank = encode(replace(trace, request=_NOWHERE))
                self._db.execute("insert or replace into traces values (?, ?)", (key, blank))
                self._db.execute("delete from claims where key = ?", (key,))

    def give_up(self, key: str) -> None:
        """Ends a claim without a response."""
        self._db.execute("delete from claims where key = ? and owner = ?", (key, self._owner))

    def _lives(self, owner: str) -> bool:
        """Whether the owner's process still holds its lock; one that does not has its file taken away."""
        path = self._owners / owner
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False


class _Writing:
    """A transaction that excludes other writers from its beginning."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("begin immediate")

    def __exit__(self, kind: Any, *_: Any) -> None:
        self._db.execute("commit" if kind is None else "rollback")


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        write_ahead(db, _PATIENCE)
        db.execute("pragma synchronous = normal")
        db.executescript(_TABLES)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db
