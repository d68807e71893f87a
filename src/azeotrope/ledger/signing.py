"""Making heads while the log grows: a thread signs at an interval, another fetches time stamps. Knows no entries.

A head is made of what the database holds, read in short pages on a connection of its own: it can cover nothing that is
not durable, and no release waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from azeotrope.errors import AzeotropeError, Misconfigured, Unavailable
from azeotrope.ledger import stamping, tree
from azeotrope.ledger.heads import Head, Signer
from azeotrope.ledger.notes import now
from azeotrope.ledger.tables import address, engine, heads, reason, stamps, subtrees, take_turn
from azeotrope.types import Record

_PATIENCE = 10.0
"""Seconds a time-stamp authority has."""


class Signing(Record, frozen=True):
    """Who signs the log's heads, how often, and who stamps them."""

    signer: Signer
    every: float = 60.0
    """Seconds between heads; none is signed while nothing was appended."""
    authority: str | None = None
    """Address of an RFC 3161 time-stamp authority. Without one, time is self-asserted."""
    stamp_every: float = 3600.0
    """Seconds between time stamps: each stands for all that came before it."""

    def __post_init__(self) -> None:
        if not (self.every > 0 and self.stamp_every > 0):
            raise Misconfigured("heads and time stamps come every so many seconds: more than 0")
        if self.authority is not None:
            stamping.checked(self.authority)


class Heads:
    """The threads of one writer. `told` is called with what failed; the next interval tries again."""

    def __init__(self, dsn: str | Path, writing: Engine, signing: Signing, told: Callable[[str], None]) -> None:
        self._writing, self._signing, self._told = writing, signing, told
        self._reading = engine(address(dsn), patience=_PATIENCE, writing=False)
        self._growth = tree.Growth()
        self._stop = threading.Event()
        self._keeping, self._closed = threading.Lock(), False
        self._stamping: threading.Thread | None = None
        self._asked = float("-inf")
        self._thread = threading.Thread(target=self._run, name="ledger heads", daemon=True)

    def start(self) -> None:
        """Goes on from the newest head. Raises `Misconfigured` where the log is no longer what that head says."""
        try:
            with self._reading.begin() as connection:
                self._growth = tree.resumed(connection, tree.newest(connection))
        except BaseException:
            self._reading.dispose()
            raise
        self._thread.start()

    def close(self) -> None:
        """Signs what nobody signed yet and gives the authority a last chance. The writer has ended before.

        Nothing is written afterwards: an answer that comes later is told as none.
        """
        self._stop.set()
        self._thread.join()
        self._try_to_sign()  # before anything is waited for
        if self._stamping is not None:
            self._stamping.join(_PATIENCE)
        self._stamp(self._try_to_sign())
        if self._stamping is not None:
            self._stamping.join(_PATIENCE)
        with self._keeping:
            self._closed = True
        self._reading.dispose()
        self._writing.dispose()

    def _run(self) -> None:
        while not self._stop.wait(self._signing.every):
            head = self._try_to_sign()
            if time.monotonic() >= self._asked + self._signing.stamp_every:
                self._stamp(head)

    def _try_to_sign(self) -> Head | None:
        """The newest head, signed now if anything was appended."""
        try:
            return self.sign()
        except SQLAlchemyError as error:
            self._told(f"no head could be signed: {reason(error)}")
        except Exception as error:  # whatever it is, the next interval tries again and releases go on
            self._told(
                f"no head could be signed: {error if isinstance(error, AzeotropeError) else type(error).__name__}"
            )
        return None

    def sign(self) -> Head | None:
        """The head of everything that is durable now; None where the log is empty. Raises what the database raises."""
        self._catch_up()
        with self._writing.begin() as connection:
            take_turn(connection, heads)
            newest = tree.newest(connection)
            if not self._growth.size or (newest is not None and newest.size >= self._growth.size):
                return newest
            head = self._signing.signer.sign(self._growth.size, self._growth.root(), now())
            self._keep(connection, head)
        self._growth.completed.clear()
        return head

    def _catch_up(self) -> None:
        """Reads the leaves that came since."""
        with self._reading.begin() as connection:
            size = tree.size(connection)
        while (start := self._growth.size) < size:
            with self._reading.begin() as connection:
                page = list(tree.hashes(connection, start, min(start + tree.PAGE, size)))
            for hashed in page:
                self._growth.add(hashed)

    def _keep(self, connection: Connection, head: Head) -> None:
        stored: int = connection.execute(select(func.count()).select_from(subtrees)).scalar_one()
        fresh = [{"seq": seq, "root": root} for seq, root in self._growth.completed if seq >= stored]
        if fresh:
            connection.execute(insert(subtrees), fresh)
        last: int | None = connection.execute(select(func.max(heads.c.seq))).scalar()
        values = {name: bytes.fromhex(getattr(head, name)) for name in ("root", "key", "signature")}
        row = {"seq": 0 if last is None else last + 1, "size": head.size, "time": head.time} | values
        connection.execute(insert(heads).values(row))

    def _stamp(self, head: Head | None) -> None:
        """Starts a thread for it, as an authority may take its time. At most one is under way."""
        under_way = self._stamping is not None and self._stamping.is_alive()
        if head is None or head.stamp is not None or self._signing.authority is None or under_way:
            return
        self._asked = time.monotonic()
        args = (head, self._signing.authority)
        self._stamping = threading.Thread(target=self._fetch, args=args, name="ledger stamps", daemon=True)
        self._stamping.start()

    def _fetch(self, head: Head, authority: str) -> None:
        try:
            self._keep_stamp(head, stamping.ask(authority, head.stamped, _PATIENCE))
        except AzeotropeError as error:
            self._told(f"the head of {head.size} leaves is not time-stamped: {error}")
        except Exception as error:
            why = reason(error) if isinstance(error, SQLAlchemyError) else type(error).__name__
            self._told(f"the head of {head.size} leaves is not time-stamped: {why}")

    def _keep_stamp(self, head: Head, response: bytes) -> None:
        with self._keeping:
            if self._closed:
                raise Unavailable("the time-stamp authority answered after the ledger was closed")
            with self._writing.begin() as connection:
                take_turn(connection, stamps)
                last: int | None = connection.execute(select(func.max(stamps.c.seq))).scalar()
                found = select(heads.c.seq).where(heads.c.signature == bytes.fromhex(head.signature))
                row = {"head": connection.execute(found).scalar_one(), "response": response}
                connection.execute(insert(stamps).values({"seq": 0 if last is None else last + 1} | row))
