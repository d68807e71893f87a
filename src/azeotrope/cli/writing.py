"""Writes what a command made: whole or not at all. Knows no command."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, text: str, mode: int = 0o666) -> None:
    """The text in its place. `mode` is less the umask. Raises `Misconfigured`."""
    from azeotrope.errors import Misconfigured
    from azeotrope.placing import placed

    try:
        with placed(path, mode=mode) as beside:
            beside.write_text(text, encoding="utf-8")
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
