"""Signed tree heads: what a log was at one moment, in 32 bytes that its keeper cannot take back.

Knows no database and no network. Ed25519 (RFC 8032); what is signed follows `TreeHeadDataV2` of RFC 9162, section 4.10:
time, size and root, behind words of our own, so that a signature stands for nothing else.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from azeotrope.errors import Misconfigured
from azeotrope.ledger.notes import Hash, Whole
from azeotrope.types import Record

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_WORDS = b"azeotrope tree head 1\n"
VARIABLE = "AZEOTROPE_LEDGER_KEY"
"""The environment variable that may hold the signing key."""


class Head(Record, frozen=True, kw_only=True):
    """The log's first `size` leaves, signed. Made by `Signer.sign`; believed after `genuine`."""

    size: Whole
    root: Hash
    time: Whole
    """Unix microseconds, as the signer says."""
    key: Hash
    """The Ed25519 public key."""
    signature: Annotated[str, Meta(pattern="^[0-9a-f]{128}$")]
    stamp: Annotated[str, Meta(pattern="^([0-9a-f]{2})+$")] | None = None
    """RFC 3161 TimeStampResp over `stamped`, DER in hex. Without one, time is self-asserted."""

    @property
    def key_id(self) -> str:
        return key_id(bytes.fromhex(self.key))

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        return _WORDS + self.time.to_bytes(8) + self.size.to_bytes(8) + bytes.fromhex(self.root)

    @property
    def stamped(self) -> bytes:
        """What a time stamp is over: the head with its signature."""
        return self.signed + bytes.fromhex(self.signature)

    def genuine(self) -> bool:
        """Did the holder of `key` sign it? Whose key that is, this does not say."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
            public.verify(bytes.fromhex(self.signature), self.signed)
        except (InvalidSignature, ValueError, OverflowError):
            return False
        return True


def key_id(public: bytes) -> str:
    """The first 16 hex digits of the public key's SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


class Signer:
    """The private key. It neither prints nor travels."""

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes_raw()
        """32 bytes."""

    def __repr__(self) -> str:
        return f"Signer({key_id(self.public)})"

    def __reduce__(self) -> str:
        raise TypeError("a signing key is not copied")

    @classmethod
    def of(cls, text: str, where: str) -> Signer:
        """From 64 hex digits. Raises `Misconfigured`, which says where they stood and not what they were."""
        try:
            secret = bytes.fromhex(text.strip())
        except ValueError:
            secret = b""
        if len(secret) != 32:
            raise Misconfigured(f"{where} holds no signing key: it is 64 hex digits, made by azeotrope ledger key")
        return cls(secret)

    @classmethod
    def read(cls, path: Path | None) -> Signer:
        """From a file that only its owner may read; without one from the environment. Raises `Misconfigured`."""
        if path is None:
            if not (text := os.environ.get(VARIABLE, "")):
                raise Misconfigured(f"give the signing key's file, or set {VARIABLE}; azeotrope ledger key makes one")
            return cls.of(text, VARIABLE)
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise Misconfigured(f"others may read {path}: chmod 600 {path}")
            return cls.of(path.read_text(encoding="ascii", errors="replace"), str(path))
        except OSError as error:
            raise Misconfigured(f"cannot read the signing key {path}: {error.strerror}") from None

    @classmethod
    def make(cls, path: Path) -> Signer:
        """A new key in a new file of mode 0600. Raises `Misconfigured` where there is a file."""
        secret = os.urandom(32)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(secret.hex() + "\n")
        except FileExistsError:
            raise Misconfigured(f"there is a file {path}: a signing key is never overwritten") from None
        except OSError as error:
            raise Misconfigured(f"cannot write the signing key {path}: {error.strerror}") from None
        return cls(secret)

    def seal(self, words: bytes, message: bytes) -> bytes:
        """An Ed25519 signature over something that is no head; `words` say what, so that it stands for nothing else."""
        assert b"\n" not in words and not _WORDS.startswith(words), "these words would make it a head"
        return self._key.sign(words + b"\n" + message)

    def sign(self, size: int, root: bytes, time: int) -> Head:
        """The head of `size` leaves. `time`: Unix microseconds."""
        unsigned = Head(size=size, root=root.hex(), time=time, key=self.public.hex(), signature="00" * 64)
        signature = self._key.sign(unsigned.signed).hex()
        return Head(size=size, root=root.hex(), time=time, key=self.public.hex(), signature=signature)
