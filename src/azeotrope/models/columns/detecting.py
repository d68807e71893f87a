"""Finds a data set's layout from its first rows, or says loudly that no reasoning is there. Knows no file format."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from azeotrope.errors import Misconfigured
from azeotrope.models.columns.copies import copy_in
from azeotrope.models.columns.layout import Layout, Unreadable
from azeotrope.models.columns.places import HASHES, Path, Turn
from azeotrope.models.columns.reading import walk
from azeotrope.types import Fields


def detect(rows: Iterable[Fields], wanted: Layout = Layout()) -> Layout:
    """The layout of the data set that begins with these rows, the columns being named as `wanted` says.

    Raises `Misconfigured` where no reasoning is found, a named column is missing, or another one repeats the reasoning.
    """
    rows = list(rows)
    columns = ", ".join(sorted({column for row in rows for column in row})) or "none"
    for kind in ("question", "reasoning", "answer", "messages"):
        if (named := getattr(wanted, kind)) and not any(named in row for row in rows):
            raise Misconfigured(
                f"no column {named!r} (--{kind}-column) in the first {len(rows)} rows; there are: {columns}"
            )
    layout = replace(wanted, hashes=_ends_in_hashes(wanted, rows), keep=(*wanted.keep, *columns.split(", ")))
    turns = [_turns(layout, row) for row in rows]
    found = sorted({str(spot.path[0]) for some, _ in turns for turn in some for spot in turn.spots})
    if not found:
        raise Misconfigured(
            f"no reasoning was found in the first {len(rows)} rows; their columns are: {columns}. Name them: "
            "--reasoning-column (with --question-column and --answer-column), or --messages-column; for reasoning that "
            "stands unmarked before the final answer: --reasoning-in-content span"
        )
    layout = replace(layout, found=tuple(found), keep=wanted.keep)
    for row, (some, said) in zip(rows, turns, strict=True):
        if column := copy_in(layout, row, some, said):
            raise Misconfigured(f"column {column!r} repeats the reasoning: drop it, or allow it with --keep {column}")
    return layout


def _turns(layout: Layout, row: Fields) -> tuple[tuple[Turn, ...], frozenset[Path]]:
    try:
        return walk(layout, row)
    except Unreadable:  # one odd row decides nothing; it is counted when its turn comes
        return (), frozenset()


def _ends_in_hashes(layout: Layout, rows: list[Fields]) -> bool:
    """Whether most answers end in a line "#### 42" and no column is there for reasoning."""
    if layout.policy == "off" or any(name in row for row in rows for name in layout.names("reasoning")):
        return False
    answers = [
        next((text for name in layout.names("answer") if isinstance(text := row.get(name), str)), "") for row in rows
    ]
    ends = [bool(HASHES.search(answer)) for answer in answers if answer]
    return 2 * sum(ends) > len(ends)
