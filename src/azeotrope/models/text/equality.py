r"""Whether two final answers are the same answer. Cheap and exact where it can be, by math-verify where it must.

Knows nothing of where answers come from. By kind (of both, unless `kind` says):

* choice: the letters are the same, of several in any order; a letter equals nothing else.
* json: the same values; the order of members is free, 1 is not 1.0, not true and not "1".
* code: the same but for blanks at line ends and empty lines around it.
* text: the same but for Unicode's forms, runs of blanks, Markdown, \text{}, a final stop and, where a longer word
  begins, case. In a grid the lines count too.
* math: numbers exactly (`numbers`: separators, currencies, units, fractions, percentages, powers of ten, bases),
  quantities of several units and times of day. A comma is a decimal one only as {,}; units are never converted;
  "x = 5" as 5 where the other names no x; sets, and lists without brackets, in any order; tuples and intervals in
  theirs, with their brackets; matrices cell by cell; \pm as both; inequalities as intervals; all else by math-verify
  where it reads every sign (`expressions`), asked both ways round, in a process that is killed when it takes too long:
  then the answers are *not known to be equal*, which is False.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from azeotrope.models.text import comparer
from azeotrope.models.text.extraction import final_answer
from azeotrope.models.text.mathematics import Comparison, same_plainly
from azeotrope.models.text.normal import plain
from azeotrope.models.text.values import Final, Kind, is_json, kind_of, letter, letters
from azeotrope.models.text.words import is_grid, rows, same_words

_LONGEST = 1_500
"""Characters beyond which mathematics is compared as it is written."""
_BUDGET = 10.0
"""Seconds of math-verify's computing that one comparison may take, all its elements together."""
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
        several, others = letters(a) or [_letter(a)], letters(b) or [_letter(b)]
        return None not in several and set(several) == set(others)
    if kind is None and is_json(a) and is_json(b):
        return _same_json(a, b)
    if len(a) > _LONGEST or len(b) > _LONGEST:
        return a.split() == b.split()
    first, second = letter(a), letter(b)
    if kind is None and (first or second):
        return first == second
    if (several := letters(a)) and (others := letters(b)) and kind != "math":
        return several == others
    if rows(a) != rows(b) and (is_grid(a) or is_grid(b)):
        return False
    left, right = plain(a), plain(b)
    if kind == "text" or (kind is None and kind_of(a) == kind_of(b) == "text"):
        return same_words(left, right)
    return same_plainly(left, right)


def _letter(value: str) -> str | None:
    return letter(value) or letter(value.strip().upper())


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


def _thoroughly(a: str, b: str) -> bool:
    return Comparison(_BUDGET).same(plain(a), plain(b))
