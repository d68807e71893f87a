"""Customers and their keys: a file of names, policies and hashes. Knows no request.

A key is 256 random bits, so its plain SHA-256 cannot be searched: salts and slow hashes protect what people choose,
and would only slow every request here. Looking a digest up tells nothing by its time, for nobody can choose a digest.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from azeotrope.codec import decode, encode
from azeotrope.errors import Misconfigured
from azeotrope.placing import placed
from azeotrope.types import Record

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
KEY_PREFIX = "az-"
FRESH = 0.05
"""Seconds between two looks at the file: a change takes effect this fast."""


class Customer(Record, frozen=True):
    """Whom a key belongs to."""

    name: str
    key: str
    """SHA-256 (hex) of the key."""
    policy: str | None = None
    """None: the default policy."""
    created: str = ""
    """ISO 8601, UTC: when the key was made."""


class Roll(Record, frozen=True):
    """The file."""

    customers: tuple[Customer, ...] = ()
    schema: int = 1


def add(path: Path, name: str, policy: str | None = None) -> str:
    """A new customer; returns the key, which is not kept anywhere."""
    if not NAME.fullmatch(name):
        raise Misconfigured(f"a customer's name is letters, digits and . _ - (at most 64); got {name!r}")
    key = new_key()

    def with_it(roll: Roll) -> Roll:
        if any(customer.name == name for customer in roll.customers):
            raise Misconfigured(f"there is a customer {name!r} already; `customers rotate {name}` gives a new key")
        if like := [one.name for one in roll.customers if one.name.casefold() == name.casefold()]:
            raise Misconfigured(f"there is a customer {like[0]!r}: a verdict would not tell {name!r} from it")
        return replace(roll, customers=(*roll.customers, Customer(name, digest(key), policy, _now())))

    _change(path, with_it)
    return key


def remove(path: Path, name: str) -> None:
    """The customer's key stops working at the next request."""

    def without(roll: Roll) -> Roll:
        _find(roll, name)
        return replace(roll, customers=tuple(c for c in roll.customers if c.name != name))

    _change(path, without)


def rotate(path: Path, name: str) -> str:
    """A new key for the customer; the old one stops working."""
    key = new_key()

    def renewed(roll: Roll) -> Roll:
        old = _find(roll, name)
        new = replace(old, key=digest(key), created=_now())
        return replace(roll, customers=tuple(new if c is old else c for c in roll.customers))

    _change(path, renewed)
    return key


def read(path: Path) -> Roll:
    """The file's customers. Raises `Misconfigured`."""
    try:
        return decode(path.read_bytes(), Roll)
    except FileNotFoundError:
        raise Misconfigured(f"there is no customers file {path}; `azeotrope customers add NAME` makes it") from None
    except OSError as error:
        raise Misconfigured(f"cannot read {path}: {error.strerror}") from None
    except Misconfigured as error:
        raise Misconfigured(f"{path} is not a customers file: {error}") from None


def new_key() -> str:
    return KEY_PREFIX + secrets.token_urlsafe(32)


def digest(key: str) -> str:
    """SHA-256 (hex) of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _find(roll: Roll, name: str) -> Customer:
    for customer in roll.customers:
        if customer.name == name:
            return customer
    known = ", ".join(c.name for c in roll.customers) or "none yet"
    raise Misconfigured(f"no customer called {name!r}; there are: {known}")


def _change(path: Path, change: Callable[[Roll], Roll]) -> None:
    """Read, change, write beside and rename, under a lock: two commands at once lose nothing."""
    try:
        with _locked(path):
            roll = read(path) if path.exists() else Roll()
            _write(path, change(roll))
    except OSError as error:
        raise Misconfigured(f"cannot write {path}: {error.strerror}") from None


@contextmanager
def _locked(path: Path) -> Generator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, roll: Roll) -> None:
    with placed(path, mode=0o600) as beside:
        beside.write_bytes(encode(roll))


class Customers:
    """Keys -> customers, as the file says: it is read again when it has changed.

    A file that has become unreadable changes nothing until it is mended: no key is added or forgotten by accident.
    """

    def __init__(self, path: Path, log: Any) -> None:
        self._path, self._log = path, log
        self._seen, self._looked = self._stamp(), 0.0
        if path.exists():
            self._known = _by_digest(read(path))
        else:
            self._known = dict[str, Customer]()
            log.warning("no_customers", cure=f"azeotrope customers add NAME makes {path}; nobody may ask until then")

    def of(self, key: str) -> Customer | None:
        """Whose key this is."""
        if (now := time.monotonic()) - self._looked >= FRESH:
            self._looked = now
            if (stamp := self._stamp()) != self._seen:
                self._reload(stamp)
        return self._known.get(digest(key))

    def all(self) -> tuple[Customer, ...]:
        return tuple(self._known.values())

    def _stamp(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_ino, found.st_size)

    def _reload(self, stamp: tuple[int, int, int]) -> None:
        self._seen = stamp
        try:
            self._known = _by_digest(read(self._path))
        except Misconfigured as error:
            self._log.error("customers_unreadable", cure=str(error))


class Only:
    """One customer, in memory: the demo's."""

    def __init__(self, name: str, policy: str | None = None) -> None:
        self.key = new_key()
        self._digest = digest(self.key)
        self._customer = Customer(name, self._digest, policy)

    def of(self, key: str) -> Customer | None:
        return self._customer if digest(key) == self._digest else None

    def all(self) -> tuple[Customer, ...]:
        return (self._customer,)


def _by_digest(roll: Roll) -> dict[str, Customer]:
    return {customer.key: customer for customer in roll.customers}
