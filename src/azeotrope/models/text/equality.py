r"""Whether two final answers are the same answer. Cheap and exact where it can be, by math-verify where it must.

Knows nothing of where answers come from. By kind (of both, unless `kind` says):

* choice: the letters are the same; a letter equals nothing else.
* json: the same values; the order of members is free, 1 is not 1.0, not true and not "1".
* code: the same but for blanks at line ends and empty lines around it.
* text: the same but for Unicode's forms, runs of blanks, Markdown, \text{}, a final stop and, in plain words, case.
* math: numbers exactly (`numbers`: separators, currencies, units, fractions, percentages, powers of ten, bases) and
  times of day;
  "x = 5" as 5 where the other names no x; sets, and lists without brackets, in any order; tuples and intervals in
  theirs, with their brackets; matrices cell by cell; \pm as both; all else by math-verify, asked both ways round, in a
  process that is killed when it takes too long: then the answers are *not known to be equal*, which is False.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from azeotrope.models.text import comparer
from azeotrope.models.text.extraction import final_answer
from azeotrope.models.text.normal import plain, wordless
from azeotrope.models.text.numbers import number, same_number
from azeotrope.models.text.shapes import Shape, alternatives, assigned, shape
from azeotrope.models.text.values import Final, Kind, is_json, kind_of, letter

_LONGEST = 1_500
"""Characters beyond which mathematics is compared as it is written."""
_BUDGET = 10.0
"""Seconds one comparison may take, all its elements together."""
_threads = ThreadPoolExecutor(4, thread_name_prefix="azeotrope-equal")


def _after_fork() -> None:
    global _threads
    _threads = ThreadPoolExecutor(4, thread_name_prefix="azeotrope-equal")  # a child has none of its parent's threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


async def equal(a: str | Final, b: str | Final, *, kind: Kind | None = None) -> bool:
    """Whether two final answers are the same; symmetric. Raises `Unavailable` when math-verify does not start."""
    left, right, kind = _ready(a, b, kind)
    decided = _quickly(left, right, kind)
    if decided is not None:
        return decided
    return await asyncio.get_running_loop().run_in_executor(_threads, _thoroughly, left, right)


def same(a: str | Final, b: str | Final, *, kind: Kind | None = None) -> bool:
    """`equal` for callers without an event loop: blocks the thread."""
    left, right, kind = _ready(a, b, kind)
    decided = _quickly(left, right, kind)
    return _thoroughly(left, right) if decided is None else decided


def close() -> None:
    """Ends the comparing processes. They start again when they are needed."""
    comparer.shared.close()


def _ready(a: str | Final, b: str | Final, kind: Kind | None) -> tuple[str, str, Kind | None]:
    if kind is None and isinstance(a, Final) and isinstance(b, Final):
        kind = a.kind if a.kind == b.kind else None
    return _value(a), _value(b), kind


_STATED = re.compile(r"\\boxed|\\fbox|####|<answer>")


def _value(given: str | Final) -> str:
    if isinstance(given, Final):
        return given.value
    found = final_answer(given) if _STATED.search(given) else None
    return found.value if found else given


def _quickly(a: str, b: str, kind: Kind | None) -> bool | None:
    """Without mathematics; None: that does not decide it."""
    if kind == "json":
        return _same_json(a, b)
    if kind == "code":
        return _code(a) == _code(b)
    if a == b:
        return bool(a.strip())
    if kind == "choice":
        return _letter(a) is not None and _letter(a) == _letter(b)
    if kind is None and is_json(a) and is_json(b):
        return _same_json(a, b)
    if len(a) > _LONGEST or len(b) > _LONGEST:
        return a.split() == b.split()
    first, second = letter(a), letter(b)
    if kind is None and (first or second):
        return first == second
    left, right = plain(a), plain(b)
    if kind == "text" or (kind is None and kind_of(a) == kind_of(b) == "text"):
        return _same_words(left, right)
    return _same_plainly(left, right)


def _letter(value: str) -> str | None:
    return letter(value) or letter(value.strip().upper())


def _same_words(a: str, b: str) -> bool:
    left, right = wordless(a).strip("'\" ").rstrip("."), wordless(b).strip("'\" ").rstrip(".")
    if not left or not right:
        return False
    return left == right or (_is_words(left) and left.casefold() == right.casefold())


def _is_words(text: str) -> bool:
    return all(c.isalpha() or c in " -'," for c in text) and len(text) > 1


_CLOCK = re.compile(r"(\d{1,2}:\d{2}(?::\d{2})?)\s*([ap])?\.?\s*(?:m\.?)?", re.IGNORECASE)
_BLANK = re.compile(r"(?<!\d) | (?!\d)")


def _same_plainly(a: str, b: str) -> bool | None:
    """Two `plain` values: the same spelling or two numbers; None: it takes more."""
    if not a or not b:
        return False
    first, second = number(a), number(b)
    if first and second:
        return same_number(first, second)
    earlier, later = _CLOCK.fullmatch(wordless(a)), _CLOCK.fullmatch(wordless(b))
    if earlier and later:
        return earlier[1] == later[1] and (not earlier[2] or not later[2] or earlier[2].lower() == later[2].lower())
    if _BLANK.sub("", a) == _BLANK.sub("", b):
        return True
    if _is_prose(a) or _is_prose(b):
        return _same_words(a, b)
    return None


_COMMAND = re.compile(r"\\[A-Za-z]+")
_FUNCTIONS = (
    {"sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "arcsin", "arccos", "arctan", "sinh"}
    | {"cosh", "tanh", "sqrt", "pi", "max", "min", "mod", "gcd", "lcm", "det", "deg"}
    | {"and", "or", "pmatrix", "bmatrix", "matrix", "array"}
)


def _is_prose(text: str) -> bool:
    """Whether words stand in it that mathematics does not know: math-verify would read past them."""
    words = re.findall(r"[^\W\d_]{3,}", _COMMAND.sub(" ", text))
    return any(word.lower() not in _FUNCTIONS for word in words)


# --- JSON and code ---


def _same_json(a: str, b: str) -> bool:
    try:
        return _json(a) == _json(b)
    except (ValueError, RecursionError):
        return a.strip() == b.strip() != ""


def _json(text: str) -> Any:
    """The value with each scalar's type beside it, so that 1, 1.0, true and "1" differ."""
    value = json.loads(
        text,
        object_pairs_hook=lambda pairs: ("object", sorted(pairs, key=lambda pair: pair[0])),
        parse_float=lambda digits: ("float", Decimal(digits)),
        parse_int=lambda digits: ("int", digits if digits != "-0" else "0"),
        parse_constant=lambda name: ("constant", name),
    )
    return _typed(value)


def _typed(value: Any) -> Any:
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list):
        return ["array", *(_typed(item) for item in value)]  # type: ignore[reportUnknownVariableType]
    if isinstance(value, tuple) and value[0] == "object":
        return ("object", [(name, _typed(item)) for name, item in value[1]])  # type: ignore[reportUnknownVariableType]
    return value  # type: ignore[reportUnknownVariableType]


def _code(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\r\n").rstrip().splitlines()]


# --- mathematics ---


def _thoroughly(a: str, b: str) -> bool:
    return _Comparison(time.monotonic() + _BUDGET).same(plain(a), plain(b))


class _Comparison:
    """One comparison of two `plain` values, with the time by which it must be over."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def same(self, a: str, b: str, depth: int = 0) -> bool:
        decided = _same_plainly(a, b)
        if decided is not None:
            return decided
        left, right = assigned(a, b)
        if (left, right) != (a, b):
            return bool(left) and bool(right) and self.same(left, right, depth + 1)
        first, second = shape(alternatives(a)), shape(alternatives(b))
        if depth < 5 and (first or second):
            known = self._same_shapes(first or Shape("list", [[a]]), second or Shape("list", [[b]]), depth)
            if known is not None:
                return known
        return time.monotonic() < self._deadline and comparer.shared.equal(a, b)

    def _same_shapes(self, a: Shape, b: Shape, depth: int) -> bool | None:
        """None: these are for math-verify."""
        if a.brackets in ("list", "set") and b.brackets in ("list", "set"):
            return self._same_sets(a.rows[0], b.rows[0], depth)
        if a.brackets == "union" or b.brackets == "union":
            return (a.brackets == b.brackets and self._same_sets(a.rows[0], b.rows[0], depth)) or None
        if "list" in (a.brackets, b.brackets):
            single = a if a.brackets == "list" else b
            return None if len(single.rows[0]) == 1 else False
        if a.brackets != b.brackets or [len(row) for row in a.rows] != [len(row) for row in b.rows]:
            return False
        rows = zip(a.rows, b.rows, strict=True)
        return all(self.same(x, y, depth + 1) for row, other in rows for x, y in zip(row, other, strict=True))

    def _same_sets(self, a: list[str], b: list[str], depth: int) -> bool:
        """Each element of one has its own in the other."""
        left = list(b)
        for x in a:
            match = next((i for i, y in enumerate(left) if self.same(x, y, depth + 1)), None)
            if match is None:
                return False
            left.pop(match)
        return not left
