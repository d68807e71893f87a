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
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
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
    parts = _split(text, ",;") if not _THOUSANDS.fullmatch(text) else [text]
    if len(parts) > 1:
        return Shape("list", [parts])
    parts = [part.strip() for part in text.split(":")]
    if len(parts) > 1 and all(parts) and not re.search(r"[{}()\[\]=|<>\"']", text):
        return Shape("ratio", [parts])
    found = _BRACKETED.match(text)
    if not found or not _is_pair(text):
        return None
    brackets = _LATEX_SET.get(found[1], found[1]) + _LATEX_SET.get(found[3], found[3])
    inside = _split(found[2], ",;")
    if brackets == "{}":
        return None if "\\mid" in text or "|" in text or ":" in text else Shape("set", [_spread(inside)])
    return Shape(brackets, [inside]) if len(inside) > 1 else None


_OR = re.compile(r"\s*(?:,\s*)?(?<![A-Za-z\\])or(?![A-Za-z])\s*|\s*\\(?:lor|vee)(?![A-Za-z])\s*")
_AND = re.compile(r"\s*(?:,\s*)?(?<![A-Za-z\\])and(?![A-Za-z])\s*|\s*\\(?:land|wedge)(?![A-Za-z])\s*|\s+&\s+")
_INEQUALITY = re.compile(r"[<>]|\\(?:le|ge|ne)(?![A-Za-z])")


def alternatives(text: str) -> str:
    r"""The text with "or" and "and" as commas and \pm as its two cases; what is no value but holds or not keeps them.

    "x < 0 or x > 1" is a union, "p \land q" and "x > 0 and x < 1" stay what they are.
    """
    if "\\begin" in text:
        return text
    worded = wordless(text) if "\\text" in text or "\\mathrm" in text else text
    if _INEQUALITY.search(worded):
        pieces = _OR.split(worded)
        names = {bounds[0] if (bounds := interval(piece.strip())) else "" for piece in pieces}
        return " \\cup ".join(pieces) if len(pieces) > 1 and len(names) == 1 and "" not in names else text
    if re.search(r"\\(?:lor|vee|land|wedge)(?![A-Za-z])", worded) and "=" not in worded:
        return text
    joined = _AND.sub(", ", _OR.sub(", ", worded))
    joined = text if joined == worded else joined
    return ", ".join(_spread(_split(joined, ",;"))) if "\\pm" in joined else joined


def _spread(parts: list[str]) -> list[str]:
    out: list[str] = []
    for part in parts:
        inside = _depth_of(part, "\\pm") > 0 and ("," in part or "\\{" in part)
        both = part.count("\\pm") == 1 and "\\mp" not in part and not inside
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
_TUPLE_NAME = re.compile(r"\([A-Za-z\\_, ]+\)\s*=\s*(?=\()")
_ARITHMETIC = re.compile(r"(?:[\d\s.,+*/^(){}-]|\\(?:frac|cdot|times|sqrt)(?![A-Za-z]))+=\s*(?=[^=])")
_BARE_NAME = re.compile(r"\\?[A-Za-z]+(?:_\{?\w+\}?)?")


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
    """(name, value) of "x = 5", "5 = x", "(x, y) = (1, 2)"; of "2 + 3 = 5", with no name, the end."""
    found = _NAME.match(text) or _TUPLE_NAME.match(text)
    if found and not _RELATION.search(text, found.end()):
        return re.sub(r"[\s{}]|\\in$|=", "", found[0]), text[found.end() :]
    if (found := _ARITHMETIC.match(text)) and not _RELATION.search(text, found.end()):
        value = text[found.end() :].strip()
        return (value, found[0].rstrip("= ")) if _BARE_NAME.fullmatch(value) else ("", value)
    return None


def named(text: str) -> list[tuple[str, str]] | None:
    """The names and values of "x = 1, y = 2", sorted by name, or None: it is something else, or a name comes twice."""
    parts = [_side(part) for part in _split(text, ",;")]
    pairs = sorted(part for part in parts if part and part[0])
    return pairs if 1 < len(pairs) == len(parts) == len({name for name, _ in pairs}) else None


_ORDER = re.compile(r"<|>|\\le(?![A-Za-z])|\\ge(?![A-Za-z])")
_TURNED = {">": "<", "\\ge": "\\le"}


def ordered(text: str) -> tuple[list[str], list[str]] | None:
    """The terms of a chain of inequalities from the smallest, and the signs (< or \\le) between them."""
    signs = _ORDER.findall(text)
    terms = [term.strip() for term in _ORDER.split(text)]
    if not signs or not all(terms) or "=" in text or "\\ne" in text or len(_split(text, ",;")) > 1:
        return None
    if all(sign in _TURNED for sign in signs):
        return terms[::-1], [_TURNED[sign] for sign in reversed(signs)]
    return (terms, signs) if not any(sign in _TURNED for sign in signs) else None


_CONSTANT = re.compile(r"(?:[^A-Za-z\\]|\\(?:frac|sqrt|pi|infty|cdot|times)(?![A-Za-z]))+")


def interval(text: str) -> tuple[str, str] | None:
    """The name and the interval of "0 \\le x < 1": ("x", "[0, 1)"); None where it bounds no single name."""
    chain = ordered(text)
    if not chain:
        return None
    terms, signs = chain
    places = [at for at, term in enumerate(terms) if _BARE_NAME.fullmatch(term) and not _CONSTANT.fullmatch(term)]
    if len(terms) > 3 or len(places) != 1 or (len(terms) == 3 and places != [1]):
        return None
    at = places[0]
    if not all(_CONSTANT.fullmatch(term) for place, term in enumerate(terms) if place != at):
        return None
    below = f"{'[' if signs[0] != '<' else '('}{terms[0]}" if at else "(-\\infty"
    above = f"{terms[-1]}{']' if signs[-1] != '<' else ')'}" if at < len(terms) - 1 else "\\infty)"
    return terms[at], f"{below}, {above}"
