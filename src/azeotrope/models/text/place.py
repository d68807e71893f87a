"""Follows the answer as it comes: is this a line's start, a fenced block, or still the blank space before the answer?

Knows nothing of marks or reasoning.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Answering = Callable[[str, int], None]
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_BREAKS = re.compile(r"(?:[ \t]*\r?\n)*")


class Place:
    """Where in the answer we are: at a line's start, in a fence, or still in the blank space before its first word."""

    def __init__(self, after_mark: bool = False) -> None:
        self.untouched = True
        """Nothing but blank space has come, and it is held."""
        self.only_fence = not after_mark
        """A fence, if there is one, is the first thing the model wrote."""
        self.shown = 0
        """Opening marks shown in this fence and not closed yet."""
        self._trims, self._blank, self._blank_at = after_mark, "", 0
        self._line, self._fence = "", ""

    @property
    def fenced(self) -> bool:
        return bool(self._fence)

    @property
    def line_start(self) -> bool:
        return not self._line.strip()

    def add(self, text: str, start: int, answer: Answering) -> None:
        """Hands on the text that belongs to the answer."""
        if self.untouched:
            if not self._blank:
                self._blank_at = start
            self._blank += text
            if text.isspace():
                return
            text, start = self._blank, self._blank_at
            cut = trimmed(text) if self._trims else 0
            text, start, self.untouched = text[cut:], start + cut, False
        self._follow(text)
        answer(text, start)

    def drop(self) -> None:
        """Blank space before an opening mark belongs to nothing."""
        self._blank, self.untouched = "", False

    def end(self, answer: Answering) -> None:
        """No more text comes: the blank space that is held goes on."""
        cut = trimmed(self._blank) if self._trims else 0
        if self.untouched and self._blank[cut:]:
            answer(self._blank[cut:], self._blank_at + cut)
        self.untouched = False

    def _follow(self, text: str) -> None:
        *lines, rest = text.split("\n")
        for line in lines:
            self._finish((self._line + line)[:80])
            self._line = ""
        self._line = (self._line + rest)[:80]

    def _finish(self, line: str) -> None:
        found = _FENCE.match(line)
        if not found:
            if not self._fence and line.strip():
                self.only_fence = False
        elif not self._fence:
            self._fence = found[1]
        elif found[1].startswith(self._fence):
            self._fence, self.shown, self.only_fence = "", 0, False


def trimmed(text: str) -> int:
    """How many characters of line breaks, with the blanks before them, the text begins with."""
    found = _BREAKS.match(text)
    return found.end() if found else 0
