"""How marks were found before they were found fast: at every sign that may begin one, by everything that is known.

Kept as the tests' reference: what `marks` and `nest` say is the same, only sooner.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from azeotrope.models.text import marks, splitting
from azeotrope.models.text.marks import Mark, Role

_GROWING_TAG = re.compile(
    rf"<\s{{0,4}}/?\s{{0,4}}(?:[a-z_]*:?[a-z_]*|(?:[a-z]+:)?{marks._NAME}(?:\s[^<>]*|/)?)\Z", re.IGNORECASE | re.ASCII
)


def candidate(text: str, start: int) -> int:
    found = re.compile(r"[<\[◁]").search(text, start)
    return found.start() if found else len(text)


def mark_at(text: str, start: int) -> Mark | None:
    window = text[start : start + marks.LONGEST]
    if tag := marks._TAG.match(window):
        role: Role = "empty" if tag[3] and not tag[1] else "close" if tag[1] else "open"
        return Mark(role, tag[2].lower(), start, start + tag.end())
    if header := marks._HEADER.match(window):
        return Mark("final" if header[1] == "final" else "open", "harmony", start, start + header.end())
    lowered = window[:24].lower()
    for literal, (role, kind) in marks._LITERAL.items():
        if lowered.startswith(literal):
            return Mark(role, kind, start, start + len(literal))
    return None


def may_grow(text: str, start: int) -> bool:
    if len(text) - start >= marks.LONGEST:
        return False
    rest = text[start:]
    lowered = rest.lower()
    if any(literal.startswith(lowered) for literal in (*marks._LITERAL, "<|start|>", "<|channel|>")):
        return True
    return bool(_GROWING_TAG.match(rest) or marks._GROWING_HEADER.match(rest))


class Nest(list[str]):
    open = list.append

    def close(self, kind: str) -> None:
        if kind in self:
            while self.pop() != kind:
                pass

    def drop(self, kind: str) -> None:
        self[:] = [other for other in self if other != kind]


@contextmanager
def slow() -> Iterator[None]:
    """The splitter reads so while the block lasts."""
    with mock.patch.multiple(splitting, candidate=candidate, mark_at=mark_at, may_grow=may_grow, Nest=Nest):
        yield
