"""An instruction as a file that `instruct` reads: put in its place whole, or put aside. Knows no search."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import json

from azeotrope.errors import Unavailable
from azeotrope.placing import placed


def saved(text: str, about: str = "", checks: Sequence[str] = ()) -> str:
    """The file's text: whatever the instruction begins with, it is text. `checks`: the extra ones that it asks for."""
    front = f"about = {json.encode(about).decode()}\n"  # a string of JSON's is one of TOML's
    front += f"checks = {json.encode(list(checks)).decode()}\n" if checks else ""
    return f"+++\n{front}+++\n{text}\n"


def keep(path: Path, text: str) -> None:
    """Raises `Unavailable` where it cannot be written."""
    with _written(path), placed(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="replace")


def put_aside(path: Path) -> None:
    """NAME.md -> NAME.md.old, where it is there: nobody shall serve it as a later search's. Raises `Unavailable`."""
    if path.exists():
        with _written(path):
            path.replace(path.with_name(f"{path.name}.old"))


@contextmanager
def _written(path: Path) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"cannot write {path}: {error.strerror}. What is there is kept: make room, or mend its folder, and run the "
            "same again"
        ) from None
