"""What stands in the files that a method's config names: it decides a cell as much as the config does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from azeotrope.errors import Misconfigured

ARTIFACT = "artifact"
"""The member that names what was fitted."""


def material(config: Any) -> dict[str, str]:
    """Path -> SHA-256 (hex), for each text in the config that names a file or a folder, by an ending or a slash in it.

    What a member called `artifact` names is one without these, too. A folder's is that of its files' names and digests.
    Raises `Misconfigured` where one cannot be read.
    """
    named = (text for text, sure in _texts(config) if sure or "/" in text or Path(text).suffix)
    found = {text: Path(text) for text in named if text and _there(text)}
    return {text: _of(path) for text, path in sorted(found.items())}


def _texts(value: Any, sure: bool = False) -> Iterator[tuple[str, bool]]:
    """(text, whether it can be nothing but a path)."""
    if isinstance(value, str):
        yield value, sure
    elif isinstance(value, Mapping):
        for name, one in cast(Mapping[str, Any], value).items():
            yield from _texts(one, name == ARTIFACT)
    elif isinstance(value, Iterable):
        for one in cast(Iterable[Any], value):
            yield from _texts(one)


def _there(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a name, a zero byte
        return False


def _of(path: Path) -> str:
    try:
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        inside = sorted(one for one in path.rglob("*") if one.is_file())
        told = "".join(f"{one.relative_to(path).as_posix()}\0{_of(one)}\n" for one in inside)
        return hashlib.sha256(told.encode()).hexdigest()
    except OSError as error:
        raise Misconfigured(f"cannot read {path}, which a config names: {error.strerror}") from None
