"""Texts of a row that hold reasoning, and how each is written again. Knows nothing of rows, columns or files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from azeotrope.models.columns.layout import is_sealed
from azeotrope.models.text import Piece, Policy, Splitter
from azeotrope.models.text.marks import mark_at
from azeotrope.types import Fields, Trace

Path = tuple[str | int, ...]
"""Where a text stands in a row: ("messages", 3, "content")."""

Edit = tuple[Path, str]
"""A place and its new text."""

HASHES = re.compile(r"(?:\A|\n)(####[ \t]*[^\s#][^\n]*\s*)\Z")
"""GSM8K's last line, "#### 42"."""

_MARK = re.compile(r"[<\[◁](?=\s{0,4}/?\s{0,4}[|a-z])", re.IGNORECASE)
"""How every mark of `models.text` begins: a quick look before the slow one."""

_LABELS = frozenset({"type", "id", "format", "role", "name", "index", "status"})
_LABEL = re.compile(r"\S{0,80}")
_SEALS = frozenset({"signature", "data", "redactedContent", "redacted_content"})
"""What else carries it encrypted, inside a value that is reasoning."""


class Spot(NamedTuple):
    """A text that holds reasoning between `head` and `tail`; `bare` is the text without any."""

    path: Path
    reasoning: str
    head: str = ""
    tail: str = ""
    bare: str = ""


class Turn(NamedTuple):
    """One trace of a row, and every place where its reasoning stands."""

    trace: Trace
    spots: tuple[Spot, ...]

    def edits(self, reasoning: str) -> list[Edit]:
        """What to write so that the row holds this reasoning, "" for none; nothing where it is unchanged.

        Where the row's places hold different reasoning, the first takes the new one and the others are emptied.
        """
        if reasoning == self.trace.reasoning:
            return []
        first = next(spot.reasoning for spot in self.spots if spot.reasoning)
        return [
            (s.path, s.head + reasoning + s.tail if reasoning and s.reasoning == first else s.bare) for s in self.spots
        ]


def has_mark(text: str) -> bool:
    """Whether a mark of `models.text` is in the text."""
    return any(mark_at(text, found.start()) for found in _MARK.finditer(text))


def is_label(name: str, value: Any) -> bool:
    """Whether a member is but a label: its name says so, and it is a word, with no room for reasoning."""
    return name in _LABELS and isinstance(value, str) and _LABEL.fullmatch(value) is not None


def split_text(path: Path, text: str, policy: Policy, hashes: bool = False) -> tuple[Spot | None, str]:
    """(the spot of the text's reasoning if it holds any, its answer)."""
    marked = policy == "span" or (policy == "tags" and has_mark(text))
    if not marked and not hashes:
        return None, text
    pieces = [Piece("answer", text, 0, len(text))]
    if marked:
        splitter = Splitter(policy)
        pieces = [*splitter.feed(text), *splitter.close()]
    if hashes and (line := HASHES.search(text, max(text.rfind("\n####"), 0))):  # only the last line can be it
        pieces = list(_cut(pieces, line.start(1)))
    bare = "".join(piece.text for piece in pieces if piece.kind == "answer")
    thoughts = [piece for piece in pieces if piece.kind == "reasoning" and piece.text.strip()]
    if not thoughts:
        return None, bare
    reasoning = "".join(piece.text for piece in thoughts)
    inner = reasoning.strip()
    lead = reasoning[: reasoning.index(inner[0])] if inner else ""
    trail = reasoning[len(reasoning.rstrip()) :]
    return Spot(path, inner, text[: thoughts[0].start] + lead, trail + _rest(text, thoughts), bare), bare


def _cut(pieces: list[Piece], at: int) -> Iterator[Piece]:
    """What comes before `at` is reasoning."""
    for piece in pieces:
        inside = max(0, min(len(piece.text), at - piece.start))
        if inside:
            yield Piece("reasoning", piece.text[:inside], piece.start, piece.start + inside)
        if piece.text[inside:]:
            yield Piece(piece.kind, piece.text[inside:], piece.start + inside, piece.end)


def _rest(text: str, thoughts: list[Piece]) -> str:
    """The text behind its first thought, without the other ones; marks and answer stay."""
    ends = [thought.end for thought in thoughts]
    starts = [*(thought.start for thought in thoughts[1:]), len(text)]
    return "".join(text[end:start] for end, start in zip(ends, starts, strict=True))


def leaves(path: Path, value: Any) -> Iterator[Spot]:
    """Every text inside a value that is reasoning by its name."""
    if isinstance(value, str):
        spot, answer = split_text(path, value, "tags")
        if spot and not answer.strip():
            yield spot
        elif value.strip():
            yield Spot(path, value)
    elif isinstance(value, list):
        for i, item in enumerate(cast(list[Any], value)):
            yield from leaves((*path, i), item)
    elif isinstance(value, dict):
        for key, member in cast(Fields, value).items():
            if key in _SEALS or is_sealed(key):
                yield from seals((*path, key), member)
            elif not is_label(key, member):
                yield from leaves((*path, key), member)


def seals(path: Path, value: Any) -> Iterator[Spot]:
    """Every text inside a value that is sealed reasoning."""
    return (Spot(place, "") for place, text in texts(path, value) if text)


def texts(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    """Every text inside a value, and where."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for i, item in enumerate(cast(list[Any], value)):
            yield from texts((*path, i), item)
    elif isinstance(value, dict):
        for key, member in cast(Fields, value).items():
            yield from texts((*path, key), member)
