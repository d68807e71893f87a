r"""Finds what stands in \boxed{...} and \fbox{...}. Pure functions on strings, one pass, linear time.

Knows nothing of other ways to state an answer, nor of what the content means.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Box(NamedTuple):
    """text[start:end] is the box with its command; `value` what stands in it, stripped."""

    value: str
    start: int
    end: int


_TOKEN = re.compile(r"(?:\\\\?(?:boxed|fbox)|\x08oxed)(?![A-Za-z])(?:[ \t]*\n?[ \t]*(?=\{)|[ \t]*)|\\[^\n]|[{}]")
"""A command may be escaped twice, or its "\\b" be a backspace: JSON that was read once too little or too often."""
_UNBRACED = re.compile(r"(?:\\[A-Za-z]+(?:\{[^{}$\n]{0,80}\}){0,2}|[-+−]?[\w.,/^%°]*\w[%°]?)")
_MATH_ENDS = re.compile(r"\$|\\\)|\\\]|\n")
_MINUS = re.compile(r"(?:^|[=({\[$:,]|[a-z]\s|\\[\[(])\s*([-−])$")
"""A minus before a box that is no subtraction: it belongs to the value."""
_PLACEHOLDER = re.compile(r"(?:\\[lc]?dots|\\quad|\\ |\.|…|~|_|\?|\s)*")


def boxes(text: str) -> list[Box]:
    """The innermost non-empty boxes, in order.

    A box that never closes counts as far as its formula goes ("$\\boxed{5$") when only its own brace is missing, not
    where the text breaks off in it.
    """
    found: list[Box] = []
    if "box" not in text and "\x08oxed" not in text:
        return found
    opened: list[tuple[int, int, int]] = []  # command or -1, brace, boxes found before it
    pending = -1
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if pending >= 0 and not (mark == "{" and token.start() == _after(text, pending)):
            found += _unbraced(text, pending)
            pending = -1
        if mark == "{":
            opened.append((pending, token.start(), len(found)))
            pending = -1
        elif mark == "}" and opened:
            command, brace, before = opened.pop()
            if command >= 0 and len(found) == before:
                found += _whole(text, command, brace, token.start())
        elif mark.rstrip().endswith(("boxed", "fbox", "\x08oxed")):
            pending = token.start()
    if pending >= 0:
        found += _unbraced(text, pending)
    for command, brace, before in opened[-1:]:
        if command >= 0 and len(found) == before:
            found += _repaired(text, command, brace)
    return found


def breaks_off(text: str) -> str | None:
    """What stands in a box at the very end that the text breaks off in, or None: it ends otherwise."""
    start = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    rest = text[start:]
    if start < 0 or rest.count("{") <= rest.count("}") or _MATH_ENDS.search(rest):
        return None
    return rest.partition("{")[2].strip()


def _after(text: str, command: int) -> int:
    found = _TOKEN.match(text, command)
    return found.end() if found else command


def _whole(text: str, command: int, brace: int, end: int) -> list[Box]:
    value = text[brace + 1 : end].strip()
    if _PLACEHOLDER.fullmatch(value) or ("\n\n" in value and "\\begin" not in value):
        return []
    signed = _MINUS.search(text, max(0, command - 8), command)
    if signed and re.match(r"[\d.\\]", value):
        return [Box(f"-{value}", signed.start(1), end + 1)]
    return [Box(value, command, end + 1)]


def _unbraced(text: str, command: int) -> list[Box]:
    found = _UNBRACED.match(text, _after(text, command))
    value = found[0].rstrip(".,") if found else ""
    return [Box(value, command, found.start() + len(value))] if found and value else []


def _repaired(text: str, command: int, brace: int) -> list[Box]:
    end = _MATH_ENDS.search(text, brace)
    value = text[brace + 1 : end.start()].strip() if end else ""
    return [Box(value, command, end.start())] if end and not _PLACEHOLDER.fullmatch(value) else []


_LATEX_BLANK = re.compile(r"[\s$]|\\[()\[\],;:! ]|\\q?quad|\*\*|\\text\{|\\mathrm\{|[{}~]")
_JOINS = re.compile(r"(?:[,;、]|[,;]?(?:and|or|&|\\&|or else|und|oder|和|或|及))(?:\\?[A-Za-z]+(?:_?\w{1,3})?=)?")


def last_boxes(text: str, found: list[Box]) -> list[Box]:
    """The last box, with those before it that are joined to it in the same breath: "1 or 2", "x = 1, y = 2"."""
    if not found:
        return []
    kept = [found[-1]]
    for box in reversed(found[:-1]):
        between = text[box.end : kept[0].start] if kept[0].start - box.end <= 80 else "."
        if box.value in {other.value for other in kept} or not _JOINS.fullmatch(_LATEX_BLANK.sub("", between)):
            break
        kept.insert(0, box)
    return kept
