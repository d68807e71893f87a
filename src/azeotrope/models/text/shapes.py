r"""The shape of an answer of several parts: lists, sets, tuples, intervals, unions, matrices. Pure functions.

Knows nothing of what the parts mean. Reads what `normal.plain` wrote.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from azeotrope.models.text.normal import wordless


class Shape(NamedTuple):
    """`brackets`: list (none), set, union, matrix, or the two themselves, as in "[)"; one row but for matrices."""

    brackets: str
    rows: list[list[str]]


_MATRIX = re.compile(r"\\begin\{([pbB]?matrix|array)\}(?:\{[lcr| ]*\})?(.*?)\\end\{\1\}", re.DOTALL)
_BRACKETED = re.compile(r"^(\\\{|\\lbrace|[(\[{])(.*?)(\\\}|\\rbrace|[)\]}])$", re.DOTALL)
_LATEX_SET = {"\\{": "{", "\\lbrace": "{", "\\}": "}", "\\rbrace": "}"}


def shape(text: str) -> Shape | None:
    """The parts an answer has, or None: it has but one."""
    matrix = _MATRIX.fullmatch(text.strip("()[] ")) or _MATRIX.fullmatch(text)
    if matrix:
        rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?|\\cr", matrix[2]) if row.strip()]
        return Shape("matrix", [[cell.strip() for cell in row.split("&")] for row in rows])
    parts = _split(text, "\\cup")
    if len(parts) > 1:
        return Shape("union", [parts])
    parts = _split(text, ",;")
    if len(parts) > 1:
        return Shape("list", [parts])
    found = _BRACKETED.match(text)
    if not found or not _is_pair(text):
        return None
    brackets = _LATEX_SET.get(found[1], found[1]) + _LATEX_SET.get(found[3], found[3])
    inside = _split(found[2], ",;")
    if brackets == "{}":
        return None if "\\mid" in text or "|" in text or ":" in text else Shape("set", [_spread(inside)])
    return Shape(brackets, [inside]) if len(inside) > 1 else None


_OR = re.compile(
    r"\s*(?:,\s*)?(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])\s*|\s*\\(?:lor|land|vee|wedge)(?![A-Za-z])\s*|\s+&\s+"
)


def alternatives(text: str) -> str:
    r"""The text with "or" and "and" as commas and \pm as its two cases."""
    if "\\begin" in text:
        return text
    worded = wordless(text) if "\\text" in text or "\\mathrm" in text else text
    joined = _OR.sub(", ", worded) if _OR.search(worded) else text
    parts = _split(joined, ",;")
    return ", ".join(_spread(parts)) if len(parts) > 1 or "\\pm" in joined else joined


def _spread(parts: list[str]) -> list[str]:
    out: list[str] = []
    for part in parts:
        both = part.count("\\pm") == 1 and _depth_of(part, "\\pm") == 0
        out += [part.replace("\\pm", "+").lstrip("+ "), part.replace("\\pm", "-")] if both else [part]
    return out


_STEP = re.compile(r"\\[A-Za-z]+|\\.|[(\[{)\]},;]", re.DOTALL)


def _split(text: str, at: str) -> list[str]:
    """The parts between separators that stand in no bracket. Some commas group thousands."""
    parts, depth, begin = list[str](), 0, 0
    for step in _STEP.finditer(text):
        sign = step[0]
        if sign in ("(", "[", "{", "\\{", "\\lbrace", "\\begin"):
            depth += 1
        elif sign in (")", "]", "}", "\\}", "\\rbrace", "\\end"):
            depth -= 1
        elif depth == 0 and (sign == at or (sign in at and len(sign) == 1 and not _groups(text, step.start()))):
            parts.append(text[begin : step.start()].strip())
            begin = step.end()
    parts.append(text[begin:].strip())
    return parts if all(parts) and depth == 0 else [text]


_GROUP = re.compile(r",\d{3}(?!\d)")


def _groups(text: str, comma: int) -> bool:
    """Whether a comma groups thousands: only where the text is a list without brackets of its own."""
    return text[comma - 1 : comma].isdigit() and bool(_GROUP.match(text, comma)) and ", " in text


def _is_pair(text: str) -> bool:
    """Whether the first bracket is closed by the last."""
    depth = 0
    for step in _STEP.finditer(text):
        depth += (step[0] in ("(", "[", "{", "\\{", "\\lbrace")) - (step[0] in (")", "]", "}", "\\}", "\\rbrace"))
        if depth == 0:
            return step.end() == len(text)
    return False


def _depth_of(text: str, mark: str) -> int:
    before = text[: text.find(mark)]
    return sum(before.count(c) for c in "([{") - sum(before.count(c) for c in ")]}")


_NAME = re.compile(r"(?:\\?[A-Za-z]+(?:_\{?\w+\}?)?'?(?:\([\w, ]*\))?|[A-Z]{2,3})\s*(?:=|\\in(?![A-Za-z]))\s*(?=[^=])")
_RELATION = re.compile(r"[=<>]|\\(?:le|ge|ne|approx|equiv|in|sim)(?![A-Za-z])")


def assigned(a: str, b: str) -> tuple[str, str]:
    """ "x = 5" and "5" as "5" and "5"; "x = 5" and "x = 6" as "5" and "6"; else both as they are."""
    left, right = _side(a), _side(b)
    if left and right:
        return (left[1], right[1]) if left[0] == right[0] else (a, b)
    if left and not _RELATION.search(b):
        return left[1], b
    if right and not _RELATION.search(a):
        return a, right[1]
    return a, b


def _side(text: str) -> tuple[str, str] | None:
    found = _NAME.match(text)
    if not found or _RELATION.search(text, found.end()):
        return None
    return re.sub(r"[\s{}]|\\in$|=", "", found[0]), text[found.end() :]
