"""What a reasoning concludes, read from its words, and whether that contradicts an answer. Knows no model.

Reads only what states a conclusion: "the answer is ...", "so the total is ...", a last "= ..."; the rest is silent.
"""

from __future__ import annotations

import re
from fractions import Fraction

from azeotrope.release.numbers import Found, found, tidy

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+|[。！？]")
_CHECKING = re.compile(r"\b(?:check|verif\w*|indeed|confirm\w*|note)\b")
_MARKER = re.compile(
    r"\b(?:so|therefore|thus|hence|answer|total|altogether|in all|final\w*|result\w*|conclu\w*|gives?|giving|leaves?|"
    r"leaving|yields?|consequently|ultimately)\b|\\boxed"
)
_ANSWER = re.compile(r"\b(?:answer|solution|result|option|choice)\b[^.\n=:]{0,30}?(?:\b(?:is|are|equals|be)\b|[=:])\s*")
_TOTAL = re.compile(
    r"\b(?:answer|solution|result|total|sum|difference|product|quotient|value|count|number|amount|cost|price)\b"
    r"[^.\n=:]{0,40}?(?:\b(?:is|are|equals|be|of|comes to)\b|[=:])\s*"
)
_CHOICE = re.compile(
    r"(?i:answer|option|choice|solution)\b[^.\n=:]{0,30}?(?:\b(?:is|be)\b|:)[\s*$\\a-z{]{0,20}?"
    r"(?:\(([A-Ja-j])\)|\b([A-J])(?![\w']))"
    r"|\b(?i:choose|pick|select|thus|hence|therefore|so)[,:]? (?i:option |choice |answer )?\(([A-J])\)"
    r"|\b(?i:choose|pick|select) (?i:option |choice |answer )?([A-J])(?![\w'])"
    r"|(?i:option|choice) \(?([A-J])\)? (?:fits|holds|remains|works|matches|stands|survives|is left|is the one)\b"
)
_DENIED = re.compile(
    r"\b(?:answer|solution|result|total)\b[^.\n=:]{0,30}?"
    r"(?:\b(?:is|was|equals|be) (?:not|never|no longer)|\b(?:is|was)n't)\b[\s*$\\({]{0,4}"
)
LOOKED_AT = 3
"""Statements from the end that may state the conclusion."""


def contradicts(reasoning: str, answer: str, *, final: str | None = None, choice: bool = False) -> bool:
    """Whether what the reasoning concludes is another than the answer.

    `final`: the final answer if one was found in `answer`; `choice`: it is a letter. Where nothing is stated, or the
    answer is too long to compare with, there is no contradiction.
    """
    value = (final if final is not None else answer if len(answer) <= 80 else "").strip()
    if not value:
        return False
    if choice:
        letters = [next(filter(None, m.groups())).upper() for m in _CHOICE.finditer(reasoning)]
        return bool(letters) and letters[-1] != value.strip(" ().*").upper()
    visible, theirs = tidy(reasoning), tidy(value)
    if any(_begins(visible[m.end() :], theirs.strip(" .$*")) for m in _DENIED.finditer(visible)):
        return True
    numbers = [_signed(theirs, number) for number in found(theirs)]
    if not numbers:
        return _named_otherwise(visible, theirs)
    claim = _claim(visible)
    return claim is not None and not any(_near(claim, number) for number in numbers)


def _begins(text: str, value: str) -> bool:
    """Whether a text begins with a whole value: "72 apples" with "72", "720" not."""
    return bool(value) and text.startswith(value) and not re.match(r"\w|[.,/]\d", text[len(value) :])


def _named_otherwise(visible: str, value: str) -> bool:
    """Whether the words after the last "the answer is" are another short text than `value`."""
    said = [m.end() for m in _ANSWER.finditer(visible)]
    if not said or len(value.split()) > 4:
        return False
    first = _SENTENCE.split(visible[said[-1] : said[-1] + 80])[0].split("because")[0].strip(" *$\\{}().,'\"`")
    return bool(first) and len(first.split()) <= 4 and value.strip(" .$*") not in first and first not in value


def _claim(visible: str) -> Fraction | None:
    """The number that the last statements conclude with; an equation alone concludes only where nothing follows."""
    statements = [s for s in _SENTENCE.split(visible[-2000:]) if s.strip()][: -LOOKED_AT - 1 : -1]
    for position, statement in enumerate(statements):
        concludes = _MARKER.search(statement) or (position == 0 and "=" in statement)
        if not concludes or _CHECKING.search(statement):
            continue
        if number := _concluded(statement):
            return _signed(statement, number)
    return None


def _concluded(sentence: str) -> Found | None:
    """After the last "=", else after "the total is", else the only number there is."""
    if not (numbers := found(sentence)):
        return None
    totals = [m.end() for m in _TOTAL.finditer(sentence)]
    at = sentence.rfind("=") if "=" in sentence else totals[-1] if totals else None
    if at is None:
        return numbers[0] if len(numbers) == 1 else None
    after = [number for number in numbers if number.start >= at]
    return after[0] if after else None


def _signed(text: str, number: Found) -> Fraction:
    """The number with its sign and, where it is written as one, as a fraction."""
    before, after = text[: number.start].rstrip(" $({"), text[number.end :]
    value = Fraction(number.value)
    if over := re.match(r"\s*(?:/|\}\s*\{)\s*(\d+)(?!\d)", after):
        value = value / int(over[1]) if int(over[1]) else value
    return -value if re.search(r"(?:^|[\s=({$:])-$|\\frac-$", before) else value


def _near(claim: Fraction, number: Fraction) -> bool:
    """Equal, equal as percentages, or equal up to the rounding of two decimals."""
    return any(
        abs(claim - other) <= Fraction(1, 100) * min(1, abs(other)) for other in (number, number / 100, number * 100)
    )
