"""Writes what a command made: whole or not at all. Knows no command."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, text: str, mode: int = 0o666) -> None:
    """The text, beside its place and renamed there. `mode` is less the umask. Raises `Misconfigured`."""
    from azeotrope.errors import Misconfigured

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(path)
    except OSError as error:
        raise Misconfigured(f"cannot write {path}: {error.strerror}") from None


def can_write(path: Path) -> None:
    """Before hours of work: whether `write` could put something there. Raises `Misconfigured`."""
    from azeotrope.errors import Misconfigured

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"cannot write {path}: {error.strerror}") from None
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise Misconfigured(f"cannot write {path}: it is a folder, or its folder lets nobody write")
