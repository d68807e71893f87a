"""A text as sentences, and the text without some of them. Pure functions on strings; linear time; never raise.

A sentence ends where `boundaries` has it, or with its line. Knows no code, no formula and no mark: a line is a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from azeotrope.models.text.boundaries import begins


class Sentence(NamedTuple):
    """What it says, and the blanks and line ends behind it."""

    body: str
    gap: str


def sentences(text: str) -> list[Sentence]:
    """The text in pieces, nothing lost. Only of the first one the body may be empty: a text may begin with blanks."""
    found: list[Sentence] = []
    for piece in _pieces(text):
        body = piece.rstrip()
        if not body and found:
            found[-1] = found[-1]._replace(gap=found[-1].gap + piece)
        else:
            found.append(Sentence(body, piece[len(body) :]))
    return found


def told(pieces: list[Sentence]) -> str:
    """The text again."""
    return "".join(one.body + one.gap for one in pieces)


def reworded(text: str, reword: Callable[[str], str | None]) -> str:
    """The text, each sentence as `reword` gives it back; None takes it out. What stays is joined as it was."""
    kept: list[Sentence] = []
    for one in sentences(text):
        body = reword(one.body) if one.body else ""
        if body is not None:
            kept.append(Sentence(body, one.gap))
        elif kept:
            kept[-1] = kept[-1]._replace(gap=_joined(kept[-1].gap, one.gap))
    return told(kept)


def _joined(before: str, after: str) -> str:
    """The gap that is left of two: a line that ended still ends, and so does the text."""
    return after if not after or ("\n" in after and "\n" not in before) else before


def _pieces(text: str) -> Iterator[str]:
    at = 0
    for line in text.split("\n"):
        end = min(at + len(line) + 1, len(text))
        for a, b in pairwise([at, *(at + begin for begin in begins(line)), end]):
            if a < b:
                yield text[a:b]
        at = end
