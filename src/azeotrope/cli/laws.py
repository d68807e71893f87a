"""A file -> the law of marks: what the commands that need one share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azeotrope.marks import Law


def law_of(path: Path | None) -> Law:
    """The law in the file (TOML), or the default one. Raises `Misconfigured`."""
    from azeotrope.codec import convert, read_toml
    from azeotrope.marks import Law

    return Law() if path is None else convert(read_toml(path), Law, str(path))
