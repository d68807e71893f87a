"""Records <-> bytes, and digests. An unknown key is an error; knows no method."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from azeotrope.errors import Misconfigured

T = TypeVar("T")


def encode(value: Any) -> bytes:
    """Canonical JSON: sorted keys, no blanks. Equal values give equal bytes."""
    return msgspec.json.encode(value, order="sorted")


def decode(data: bytes | str, kind: type[T]) -> T:
    """JSON -> record. Raises `Misconfigured` with the member at fault."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise Misconfigured(f"not a valid {kind.__name__}: {error}") from None


def convert(values: Any, kind: type[T], where: str) -> T:
    """Plain values (TOML, keyword arguments) -> a checked config. `where` names the place in the message."""
    try:
        return msgspec.convert(values, kind)
    except (msgspec.ValidationError, ValueError) as error:
        known = f"; there are: {', '.join(getattr(kind, '__struct_fields__', ())) or 'none'}"
        cure = known if "unknown field" in str(error) and " - at " not in str(error) else ""
        raise Misconfigured(f"{where}: {error}{cure}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's table."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Misconfigured(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"cannot read {path}: {error}") from None


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON: a value's identity."""
    return hashlib.sha256(encode(value)).hexdigest()
