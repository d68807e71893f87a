"""Keys of marks: from one master secret, by HKDF, a key per customer and epoch, and from that whatever a mark needs.

Knows no mark, no family and no ledger. There is no default secret, and none is ever shown: `repr` gives public ids.
Source: RFC 5869 (HKDF, with SHA-256 throughout). Each epoch has a secret of its own, so that a rotated master protects
the new marks even where an old secret got out; the secrets of earlier epochs are kept, for their marks still verify.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from azeotrope.errors import Misconfigured
from azeotrope.placing import placed

VARIABLE = "AZEOTROPE_MASTER_KEY"
SIZE = 32
"""Bytes of a secret."""
OPERATOR = "(operator)"
"""Whose the operator-wide mark is: no customer can have this name."""
_HEAD = "azeotrope-master-1"
_SALT = b"azeotrope master 1"
_CHUNK = 480
"""Bytes that a stream derives at a time, within RFC 5869's 255 blocks of 32."""


class Stream:
    """Uniform integers out of one purpose's bytes, the same ones each time."""

    __slots__ = ("_at", "_bytes", "_key", "_number", "_purpose")

    def __init__(self, key: Key, purpose: str) -> None:
        self._key, self._purpose = key, purpose
        self._number = self._at = 0
        self._bytes = b""

    def below(self, bound: int) -> int:
        """Uniform on [0, bound): candidates of just enough bits, those too large thrown away; no modulo, no bias."""
        if bound < 1:
            raise Misconfigured(f"a bound is at least 1; got {bound}")
        bits = (bound - 1).bit_length()
        size = (bits + 7) // 8
        while True:
            if self._at + size > len(self._bytes):
                self._refill(size)
            value = int.from_bytes(self._bytes[self._at : self._at + size]) >> (8 * size - bits)
            self._at += size
            if value < bound:
                return value

    def _refill(self, size: int) -> None:
        """A fresh chunk; what is left of the last one is not used, so that no integer spans two."""
        self._bytes = self._key.bytes(f"{self._purpose}#{self._number}", max(_CHUNK, size))
        self._number, self._at = self._number + 1, 0


class Key:
    """One customer's mark key in one epoch. No codec takes it, so that no file gets it by accident."""

    __slots__ = ("_root", "customer", "epoch", "mark")

    def __init__(self, customer: str, epoch: int, root: bytes) -> None:
        """`root`: 32 secret bytes. Who reveals them reveals this mark and no other."""
        if len(root) != SIZE:
            raise Misconfigured(f"a mark's key is {SIZE} bytes; got {len(root)}")
        self.customer, self.epoch, self._root = customer, epoch, root
        self.mark = self.bytes("public id", 8).hex()
        """Public id, 16 hex digits."""

    def bytes(self, purpose: str, length: int = SIZE) -> bytes:
        """HKDF-Expand (RFC 5869 section 2.3) of this key, bound to customer and epoch by the key and to the purpose."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

        return HKDFExpand(SHA256(), length, purpose.encode()).derive(self._root)

    def stream(self, purpose: str) -> Stream:
        """Any number of uniform integers for this purpose."""
        return Stream(self, f"integers {purpose}")

    def integer(self, purpose: str, below: int) -> int:
        """Uniform on [0, below), without modulo bias."""
        return self.stream(purpose).below(below)

    def reveal(self) -> str:
        """The key's 32 bytes (hex), for a neutral party: with them every association of this mark can be computed."""
        return self._root.hex()

    def __repr__(self) -> str:
        return f"Key(customer={self.customer!r}, epoch={self.epoch}, mark={self.mark!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._name() == other._name()

    def __hash__(self) -> int:
        return hash(self._name())

    def _name(self) -> tuple[str, int, str]:
        return self.customer, self.epoch, self.mark


def commitment(key: Key, law: str) -> bytes:
    """32 bytes that bind to the key, its customer and epoch and to a law's digest, and tell nothing of the key.

    SHA-256 over length-prefixed fields. Binding: another key for the same bytes is a collision. Hiding: 256 secret bits
    go in. It is opened by `Key.reveal` and computed anew from `Key(customer, epoch, root)`.
    """
    parts = (b"azeotrope key commitment 1", key.customer.encode(), _number(key.epoch), law.encode())
    return hashlib.sha256(_fields(*parts, bytes.fromhex(key.reveal()))).digest()


class Master:
    """The secrets of all epochs; from them every customer's key. `repr` hides them."""

    __slots__ = ("_first", "_secrets", "id")

    def __init__(self, secrets_: Sequence[bytes], first: int = 1) -> None:
        """One secret of 32 bytes an epoch, from epoch `first` on."""
        if not secrets_ or any(len(one) != SIZE for one in secrets_):
            raise Misconfigured(f"a master key is one secret of {SIZE} bytes for each epoch, and at least one")
        self._secrets, self._first = tuple(secrets_), first
        self.id = _derived(self._secrets[0], b"master id", _number(first))[:8].hex()
        """Public id, 16 hex digits; rotation leaves it as it is."""

    @classmethod
    def new(cls) -> Master:
        """A fresh secret, epoch 1."""
        return cls((secrets.token_bytes(SIZE),))

    @classmethod
    def read(cls, path: Path | None = None) -> Master:
        """From a file only its owner can read, or from AZEOTROPE_MASTER_KEY where no file is named.

        Raises `Misconfigured`, with the cure, where neither is there, others can read the file, or it is damaged.
        """
        if path is not None:
            return cls.parse(private(path, "master key", f"make one with `azeotrope keys new {path}`"), str(path))
        if not (text := os.environ.get(VARIABLE)):
            raise Misconfigured(
                f"there is no master key: make one with `azeotrope keys new FILE` and name the file, or set {VARIABLE}"
            )
        return cls.parse(text, VARIABLE)

    @classmethod
    def parse(cls, text: str, where: str) -> Master:
        """What `text` writes: a first word that says what this is, then epoch:secret for each epoch, in order."""
        damaged = Misconfigured(f"{where} holds no master key as `azeotrope keys new` writes it, or a damaged one")
        head, *words = text.split()[:100_000] or [""]
        pairs = [word.partition(":") for word in words]
        if head != _HEAD or not pairs or not all(epoch.isdecimal() and epoch.isascii() for epoch, _, _ in pairs):
            raise damaged
        first = int(pairs[0][0][:9])
        try:
            found = [bytes.fromhex(secret) for _, _, secret in pairs]
        except ValueError:
            raise damaged from None
        if [epoch for epoch, _, _ in pairs] != [str(first + i) for i in range(len(pairs))]:
            raise damaged
        if any(len(one) != SIZE for one in found):
            raise damaged
        return cls(found, first)

    @property
    def epoch(self) -> int:
        """The current one."""
        return self.epochs[-1]

    @property
    def epochs(self) -> range:
        """All whose marks can be made and verified."""
        return range(self._first, self._first + len(self._secrets))

    def key(self, customer: str, epoch: int | None = None) -> Key:
        """A customer's key, in the current epoch unless another is named.

        Raises `Misconfigured` for a name that looks like the operator's in a verdict, or that does not show.
        """
        if not customer.isprintable() or unicodedata.normalize("NFKC", customer).casefold().strip() in ("", OPERATOR):
            raise Misconfigured(f"no customer can be called {customer!r}")
        return self._key(customer, epoch)

    def operator(self, epoch: int | None = None) -> Key:
        """The operator-wide mark's key."""
        return self._key(OPERATOR, epoch)

    def rotated(self) -> Master:
        """The same with one more epoch, whose secret is fresh."""
        return Master((*self._secrets, secrets.token_bytes(SIZE)), self._first)

    def text(self) -> str:
        """The secrets in writing: for `write` and for whoever fills the environment variable. Never printed."""
        lines = (f"{epoch}:{secret.hex()}" for epoch, secret in zip(self.epochs, self._secrets, strict=True))
        return "\n".join([_HEAD, *lines, ""])

    def __repr__(self) -> str:
        return f"Master(id={self.id!r}, epoch={self.epoch})"

    def _key(self, customer: str, epoch: int | None) -> Key:
        epoch = self.epoch if epoch is None else epoch
        if epoch not in self.epochs:
            raise Misconfigured(f"this master key has no epoch {epoch}: it has {self.epochs[0]} to {self.epochs[-1]}")
        secret = self._secrets[epoch - self._first]
        return Key(customer, epoch, _derived(secret, b"mark key", customer.encode(), _number(epoch)))


def write(master: Master, path: Path, *, replace: bool = False) -> None:
    """The master's file, readable by its owner only; it is there whole or not at all.

    Raises `Misconfigured` where a file is there already (unless `replace`) or the place cannot be written.
    """
    if not path.name:
        raise Misconfigured(f"{path} is no file's name")
    try:
        with placed(path, mode=0o600, replace=replace) as beside:
            beside.write_text(master.text(), encoding="ascii")
    except FileExistsError:
        raise Misconfigured(f"{path} is there already: its marks would be lost; name another file") from None
    except OSError as error:
        raise Misconfigured(f"cannot write {path}: {error.strerror}") from None


def rotate(path: Path) -> Master:
    """Adds an epoch to a master's file; two at once add two. -> the master with the new one."""
    Master.read(path)  # refuses before anything is opened
    path = path.resolve()  # a link stays one: two names of a file never come to hold two masters
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        master = Master.read(path).rotated()
        write(master, path, replace=True)
    finally:
        os.close(folder)
    return master


def private(path: Path, what: str, cure: str) -> str:
    """The text of a file that nobody but its owner can read or write. `what` it holds, and how to come by one.

    Raises `Misconfigured`, never with a word of the text.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise Misconfigured(f"{path} can be read or written by others (mode {mode:04o}): chmod 600 {path}")
            return file.read(1 << 22).decode("utf-8", "replace")
    except FileNotFoundError:
        raise Misconfigured(f"there is no {what} at {path}: {cure}") from None
    except OSError as error:
        raise Misconfigured(f"cannot read the {what} at {path}: {error.strerror}") from None


def _derived(secret: bytes, *fields: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869), 32 bytes, bound to every field."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), SIZE, _SALT, _fields(*fields)).derive(secret)


def _fields(*fields: bytes) -> bytes:
    """One string that no other list of fields gives: each behind its length, 8 bytes, big-endian."""
    return b"".join(_number(len(field)) + field for field in fields)


def _number(value: int) -> bytes:
    return value.to_bytes(8)
