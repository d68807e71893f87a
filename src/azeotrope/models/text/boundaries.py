r"""Where a whole sentence may be put into a prose text: between sentences and lines, never inside what is no prose.

Left alone are code (fenced, inline, indented), LaTeX ($..$, \(..\), \[..\], \begin..\end), JSON, tables, headings and
quotations; what is opened and never closed is left alone to its end. Nothing is put before the first sentence or
behind the last one. Pure functions on strings; linear time; never raise. Knows no mark.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple


class Place(NamedTuple):
    """A gap at text[at:at]."""

    at: int
    before: str
    """What joins the sentence to the text before it: a blank, a new line or nothing."""
    after: str
    """What joins it to the text behind."""


def places(text: str) -> list[Place]:
    """Every gap between sentences where one more may stand, in order."""
    closed = _Closed(text)
    last = len(text.rstrip())
    found: list[Place] = []
    at = 0
    for line in text.split("\n"):
        end = at + len(line)
        if not _NO_PROSE.search(line):
            found += _within(line, at, last, closed)
            if place := _behind(text, line, end, last):
                found.append(place)
        at = end + 1
    return [place for place in found if not closed.holds(place.at)]


def put(text: str, place: Place, sentence: str) -> str:
    """The text with the sentence in that gap."""
    return f"{text[: place.at]}{place.before}{sentence}{place.after}{text[place.at :]}"


_NO_PROSE = re.compile(
    r"^(?: {4}|\t|[ ]{0,3}(?:[|>#\[\]{}\"'<]|(?:def|class|import|from|for|if|while|return|print)\b.*[:()]\s*$))"
    r"|[{;]\s*$|\{[\"']|[\"']\s*:|\|.*\||^[-=|:+\s]*$"
)
"""A line of code, JSON, a table, a heading or a quotation, or an empty one."""
_LISTED = re.compile(r"\s*(?:[-*+•]|\(?\d{1,3}[.)])\s")
_END = re.compile(r"(?<=[\w)\]%$°][.!?])[\"')*]{0,3}(?P<gap> +)(?=[\"'(*]{0,3}[A-Z0-9$\\])")
_CLOSES = re.compile(r"[.!?][\"')*]{0,3}\s*$")
_SHORT = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|e\.g|i\.e|mrs?|ms|drs?|prof|st|no|nos|vs|approx|eq|fig|cf|etc|resp|sec|min|max|hrs?|lbs?|"
    r"oz|ft|in|\d{1,3})\.$",
    re.IGNORECASE,
)
"""A full stop that ends no sentence: an abbreviation, an initial, a list's number."""


def _within(line: str, start: int, last: int, closed: _Closed) -> Iterator[Place]:
    """Gaps between two sentences of one line."""
    for begin in begins(line):
        if (at := start + begin) < last:
            yield Place(at, "", " ")


def begins(line: str) -> Iterator[int]:
    """Where in a line a sentence begins after another."""
    for end in _END.finditer(line):
        if not _abbreviates(line[: end.start()]):
            yield end.end()


def _abbreviates(head: str) -> bool:
    """Whether the stop at the end of `head`, a line so far, ends no sentence. "= 24." does, "3." alone does not."""
    if not (found := _SHORT.search(head, max(0, len(head) - 12))):
        return False
    return not found[0].strip(" (.").isdigit() or not head[: found.start()].strip()


def _behind(text: str, line: str, end: int, last: int) -> Place | None:
    """The gap behind a line: on the line where it ends a sentence, else on a line of its own."""
    if end >= last:
        return None
    if _CLOSES.search(line) and line == line.rstrip():
        return Place(end, " ", "")
    following = text[end + 1 : end + 201].partition("\n")[0]
    if line.rstrip()[-1:] in ":,-–(" or _LISTED.match(line) or _LISTED.match(following) or _NO_PROSE.search(following):
        return None
    return Place(end, "\n", "")


_MARK = re.compile(
    r"^[ \t>]*(?P<fence>`{3,}|~{3,})|(?<!\\)\\(?P<round>[()\[\]])|(?P<display>(?<!\\)\$\$)"
    r"|\\(?P<verb>begin|end)\{(?P<name>[A-Za-z]{1,20}\*?)\}|(?P<tag><(?P<stroke>/?)(?P<word>[A-Za-z_]\w{0,30})>)",
    re.MULTILINE,
)
_INLINE = re.compile(r"(?<![\\$])\$(?=[^\s$])[^$\n]*(?<=[^\s\\$])\$(?!\d)|`[^`\n]+`")
_PARTNER = {"(": ")", "[": "]"}


class _Closed:
    """The stretches of a text that are no prose, found in one pass."""

    def __init__(self, text: str) -> None:
        spans = sorted([*_blocks(text), *((m.start(), m.end()) for m in _INLINE.finditer(text))])
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in spans:  # one inside another counts for nothing
            if not self._ends or end > self._ends[-1]:
                self._starts.append(start)
                self._ends.append(end)

    def holds(self, at: int) -> bool:
        """Whether a gap lies inside one of them."""
        which = bisect_right(self._starts, at - 1) - 1
        return which >= 0 and self._starts[which] < at < self._ends[which]


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Fences, displayed and round formulae, environments, tags: from what opens to what closes, or to the end."""
    opened, start = "", 0
    for mark in _MARK.finditer(text):
        key, opens, closes = _read(mark)
        if not opened and opens:
            opened, start = key, mark.start()
        elif opened and closes and key.startswith(opened):  # a longer fence closes a shorter one
            yield start, mark.end()
            opened = ""
    if opened:
        yield start, len(text) + 1


def _read(mark: re.Match[str]) -> tuple[str, bool, bool]:
    """(what it is a mark of, whether it may open that, whether it may close it)."""
    if fence := mark["fence"]:
        return fence, True, True
    if mark["display"]:
        return "$$", True, True
    if sign := mark["round"]:
        opens = sign in _PARTNER
        return _PARTNER.get(sign, sign), opens, not opens
    if mark["tag"]:
        return f"<{mark['word']}>", not mark["stroke"], bool(mark["stroke"])
    return mark["name"], mark["verb"] == "begin", mark["verb"] == "end"
