"""A file that is there whole or not at all. Knows no format."""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def placed(path: Path, *, mode: int = 0o666, replace: bool = True) -> Generator[Path]:
    """An empty file in the same folder, to be written to; it takes the name `path` when the block ends, and is gone
    where the block raises.

    Its bytes are on disk before it does (fsync), and each writer has a file of its own: a kill, a power cut or a second
    writer leave the old file or a new one. `mode` is less the umask. Raises `OSError`; without `replace`
    `FileExistsError` where the name is taken, whoever takes it first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}")
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
    try:
        yield beside
        to_disk(beside)
        if replace:
            beside.replace(path)
        else:
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """What was written to a file, or the names in a folder, outlast a power cut from here on. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
