"""The numbers a text names, however it writes them: digits of any script, English words, LaTeX, fractions, Roman.

Knows no problem and no defense. What counts, and what was decided:
* digits, with thousands separators and decimals, one value each: "48/2" and "\\frac{48}{2}" name 48 and 2; likewise
  superscripts, ½ and circled digits. Signs are not part of a value.
* English words up to the billions ("twenty-four", "three hundred and five"), "dozen", "half", "third" and further
  ordinals as fractions, "twice", "doubles", "thrice", ... as 2, 3, ...
* Roman numerals of two capital letters or more; Chinese and Japanese numerals as they stand ("二十四" is not 24).
* Not numbers: "first" and "second" (order, or time), "Third," opening a sentence, "one" as a pronoun ("no one",
  "one of", "one must"), "both", "pair", units of time. Words of other languages are not read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from azeotrope.release.plain import plain

Value = int | Fraction | str
"""Whole numbers are int, which compares and hashes as the equal Fraction does, ten times as fast."""


class Found(NamedTuple):
    """A number and where it stands in the plain text."""

    value: int | Fraction
    start: int
    end: int


_SMALL = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_GLUED = {ten + unit: _TENS[ten] + _SMALL[unit] for ten in _TENS for unit in list(_SMALL)[1:10]}
_CARDINAL = _SMALL | _TENS | _GLUED | {"fourty": 40}
_ONE_SCALE = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "dozen": 12}
_SCALE = _ONE_SCALE | {f"{word}s": value for word, value in _ONE_SCALE.items()}
_ORDINAL = {
    "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11,
    "twelfth": 12, "twentieth": 20, "thirtieth": 30, "fortieth": 40, "fiftieth": 50, "hundredth": 100,
    "thousandth": 1000, "quarter": 4,
} | {f"{word}th": value for word, value in _SMALL.items() if value > 12}  # fmt: skip
_TIMES = {
    2: "twice double doubles doubled doubling twofold", 3: "thrice triple triples tripled tripling threefold trebled",
    4: "quadruple quadruples quadrupled quadrupling fourfold", 5: "quintuple quintupled fivefold", 10: "tenfold",
}  # fmt: skip
_ALONE: dict[str, int | Fraction] = (
    {word: Fraction(1, value) for name, value in _ORDINAL.items() for word in (name, f"{name}s")}
    | dict.fromkeys(("half", "halves", "halve", "halved", "halving"), Fraction(1, 2))
    | {word: value for value, names in _TIMES.items() for word in names.split()}
)
_NAMES = frozenset((*_CARDINAL, *_SCALE, *_ALONE))

_DIGITS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|(?<!\w)\.\d+")
_LATIN = re.compile(r"[a-z]+")
_JOINT = re.compile(r"[\s-]*(?:(?<=\s)and\s+)?")
_PRONOUN = re.compile(
    r"(?:\b(?:no|each|every|this|that|the|which|any|another|either|such|last|next|other) one\b)"
    r"|\bone(?= (?:of|by|another|must|can|could|may|might|should|would|then|obtains|gets|finds|needs|has|takes|adds|"
    r"subtracts|multiplies|divides)\b)|(?<=\bone by )one\b"
)
_OPENING = re.compile(r"(?:^|[.!?;:]\s+|\n\s*)(?:third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)(?=,)")
_ROMAN = re.compile(r"\b(?=[MDCLXVI]{2,15}\b)(M{0,3})(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})\b")
_ROMAN_VALUE = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_CJK = re.compile(r"[〇零一二两三四五六七八九十百千万亿]+")
_SEPARATORS = re.compile(r"(?<=\d)(?:\{,\}|\\,|\\!|[\u00a0\u2009\u202f'_])(?=\d{3}(?!\d))")
LONGEST = 100
"""Digits of a number that are told apart; of a longer one its beginning and its length count."""
MARKER = re.compile(r"(?mi)^[ \t]*(?:[-*#>]+[ \t]*)?(?:\*\*)?(?:step[ \t]+)?(\d{1,3})[ \t]*[.):](?!\d)")


def numbers(text: str) -> set[Value]:
    """Every number a text names: values, and as strings the Chinese numerals. Linear."""
    values: set[Value] = {number.value for number in found(tidy(text))}
    values |= {_roman(m[0]) for m in _ROMAN.finditer(text) if m[0]}
    if not text.isascii():
        values |= {run for run in _CJK.findall(text) if run != "一"}
        values |= {Fraction(unicodedata.numeric(c)) for c in text if unicodedata.category(c) == "Nl" and c != "〇"}
    return values


def tidy(text: str) -> str:
    """The plain text with thousands written without their separators."""
    return plain(_SEPARATORS.sub("", text))


def found(visible: str) -> list[Found]:
    """Numbers in digits and words of a plain text, in order, with their places."""
    digits = [Found(_read_digits(m[0].replace(",", "")), m.start(), m.end()) for m in _DIGITS.finditer(visible)]
    return sorted([*digits, *_spelled(visible)], key=lambda number: number.start)


def _read_digits(digits: str) -> int | Fraction:
    if len(digits) > LONGEST:  # no use to anybody as a number, and slow to read
        return Fraction(int(digits[:LONGEST].replace(".", "")), len(digits))
    return Fraction(digits) if "." in digits else int(digits)


def unnumbered(text: str) -> str:
    """A text without its list markers, provided they only count: 1, 2, 3, ... in order, which says nothing."""
    marks = list(MARKER.finditer(text))
    if [int(m[1]) for m in marks] != list(range(1, len(marks) + 1)):
        return text
    for m in reversed(marks):
        text = text[: m.start(1)] + text[m.end(1) :]
    return text


def _spelled(visible: str) -> Iterator[Found]:
    if _NAMES.isdisjoint(_LATIN.findall(visible)):
        return
    named = [m for m in _LATIN.finditer(visible) if m[0] in _NAMES]
    skipped = {m.end() for rule in (_PRONOUN, _OPENING) for m in rule.finditer(visible)}
    run: list[re.Match[str]] = []
    for m in named:
        if run and not _JOINT.fullmatch(visible, run[-1].end(), m.start()):
            yield from _read(run, skipped)
            run = []
        run.append(m)
    yield from _read(run, skipped)


def _read(run: list[re.Match[str]], skipped: set[int]) -> Iterator[Found]:
    """Neighbouring number words -> the numbers they name: "two hundred and five" one, "two three" two."""
    if len(run) == 1 and run[0].end() in skipped:
        return
    total, group, start, end = 0, None, run[0].start(), run[0].start()
    for m in run:
        word = m[0]
        joins = word in _SCALE or (word in _CARDINAL and _joins(group, _CARDINAL[word]))
        if group is not None and not joins:
            yield Found(total + group, start, end)
            total, group = 0, None
        if group is None and not total:
            start = m.start()
        end = m.end()
        if word in _ALONE:
            yield Found(_ALONE[word], m.start(), end)
        elif word in _CARDINAL:
            group = (group or 0) + _CARDINAL[word]
        elif _SCALE[word] <= 100:
            group = (1 if group is None else group) * _SCALE[word]
        else:
            total, group = total + (1 if group is None else group) * _SCALE[word], 0
    if group is not None:
        yield Found(total + group, start, end)


def _joins(group: int | None, value: int) -> bool:
    """Whether a cardinal continues the group before it: "twenty" + "four", "two hundred" + "five"."""
    if group is None:
        return True
    if group % 100 == 0:
        return value < 100
    return group % 10 == 0 and group % 100 >= 20 and value < 10


def _roman(numeral: str) -> int:
    values = [_ROMAN_VALUE[c] for c in numeral]
    return sum(-v if v < w else v for v, w in zip(values, [*values[1:], 0], strict=True))
