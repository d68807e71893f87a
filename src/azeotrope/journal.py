"""SQLite's write-ahead journal, turned on with patience. Knows no table."""

from __future__ import annotations

import sqlite3
import time

_AGAIN = 0.02  # seconds


def write_ahead(connection: sqlite3.Connection, patience: float) -> None:
    """Readers go on while one writes. SQLite's own waiting does not reach this step: of two that open a new file at
    once, one is turned away at once. Raises `sqlite3.OperationalError` after `patience` seconds."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")  # where it is that already, nothing is locked
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(_AGAIN)
