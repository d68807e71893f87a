r"""Units written behind numbers and expressions, in one spelling. Pure; reads what `normal.plain` wrote.

Knows nothing of values; nothing is converted: "1 m" is not "100 cm".
"""

from __future__ import annotations

import re
from fractions import Fraction

from azeotrope.models.text.normal import wordless

CURRENCY = re.compile(r"(?:US|CA|A)?\$|[€£¥₹]|(?:USD|EUR|GBP|Rs\.?) ?")
CURRENCIES = {
    **dict.fromkeys(("USD", "usd", "US$", "dollar"), "$"),
    **dict.fromkeys(("EUR", "eur", "euro"), "€"),
    **dict.fromkeys(("GBP", "gbp"), "£"),
    **dict.fromkeys(("yuan", "元"), "¥"),
}
_SPELLINGS = {
    "km": "kilometer kilometre",
    "cm": "centimeter centimetre",
    "mm": "millimeter millimetre",
    "m": "meter metre",
    "in": "inch inches",
    "ft": "foot feet",
    "mile": "mile mi",
    "yd": "yard yd",
    "g": "gram gramme",
    "kg": "kilogram kilo",
    "mg": "milligram",
    "oz": "ounce oz",
    "lb": "lb lbs",
    "l": "liter litre L",
    "ml": "milliliter millilitre mL",
    "h": "hour hr hrs",
    "min": "minute mins",
    "s": "second sec secs",
    "ms": "millisecond",
    "%": "percent percentage",
    "°": "degree deg ^\\circ",
    "¢": "cent",
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "mile/h": "mph",
    "km/h": "kmh",
}
_SAME = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
_SHORT_ONES = (
    "km cm mm m kg g mg lb lbs oz ft in mi yd h hr hrs min s sec ms l L ml mL mph kmh K C F am pm Hz kHz J W N V A"
)
_SHORT = frozenset(_SHORT_ONES.split())
_OTHER_WORDS = "sin cos tan cot log ln exp abc and or plus minus times over mod divided"
_NOT_UNITS = frozenset(_OTHER_WORDS.split())
_DIMENSIONS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "quadrillion": 15}
_MARKS = {"%": "%", "^\\circ": "°", '"': "in", "''": "in", "'": "'"}
_POWERED = re.compile(r"\s*\^\s*\{?\s*([23])\s*\}?$")
_WORD = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*\.?")


def unit(rest: str) -> str | None:
    """The unit written behind a number, in one spelling; None: it is no unit."""
    if not (text := rest.strip()):
        return ""
    if text in _MARKS:
        return _MARKS[text]
    worded = "\\text" in text or "\\m" in text
    text = wordless(text).replace("^\\circ", "° ").replace("%", " percent ").strip()
    powered = _POWERED.search(text)
    if powered:
        text = text[: powered.start()]
    words = re.split(r"[\s/]+", text.removesuffix(" per").strip())
    if not all(_is_unit(word, worded or rest[:1] == " ") for word in words) or len(words) > 6:
        return None
    names = [_name(word) for word in words if word != "per"]
    if names[0] in _DIMENSIONS and len(names) == 2:
        return f"{names[1]}^{_DIMENSIONS[names[0]]}"
    return ("/" if "/" in text or "per" in words else " ").join(names) + (f"^{powered[1]}" if powered else "")


def _is_unit(word: str, apart: bool) -> bool:
    if word in ("°", "°C", "°F", "€", "£", "¢", "$") or word.rstrip(".") in ("sq", "cu"):
        return True
    if word in _SHORT and (apart or len(word) > 1):
        return True
    if not _WORD.fullmatch(word) or word.lower() in _NOT_UNITS:
        return False
    return apart and (not word.isascii() or (len(word) >= 3 and any(vowel in word.lower() for vowel in "aeiouy")))


def _name(word: str) -> str:
    word = word.rstrip(".")
    lower = word if word in _SAME or word in _SHORT else word.lower()
    single = lower[:-1] if len(lower) > 3 and lower.endswith("s") and not lower.endswith("ss") else lower
    return CURRENCIES.get(single) or _SAME.get(lower) or _SAME.get(single) or single


def scaled(name: str) -> tuple[Fraction, str]:
    """ "million dollar" as (10**6, "dollar"): what the words for large numbers multiply by, and the unit left."""
    times, words = Fraction(1), name.split(" ")
    while words and (words[0] in _SCALES or words[0] == "dozen"):
        times *= 12 if words[0] == "dozen" else 10 ** _SCALES[words[0]]
        words = words[2:] if words[1:2] == ["of"] else words[1:]
    return times, " ".join(words)


def same_unit(a: str, b: str) -> bool:
    """Whether two units may be one: the same, or one is not written, or has one word more ("red apples")."""
    if a == b or not a or not b:
        return True
    if "pound" in (a, b):  # of money or of weight
        return {a, b} <= {"pound", "£", "lb"}
    mine, theirs = set(a.split()), set(b.split())
    return "/" not in a + b and (mine <= theirs or theirs <= mine)


_TRAILING = re.compile(
    r"(?P<worded>(?:\\(?:text|textrm|mathrm|mbox)\s*\{[^{}]*\}\s*)+(?:\^\s*\{?\s*[23]\s*\}?)?)$"
    r"|(?P<bare>(?<=[\w}) ]) [A-Za-z/°]+(?:\^\{?[23]\}?)?)$"
)


def measured(text: str) -> tuple[str, str]:
    r"""An expression and its unit: "4\pi \text{ cm}^2" as ("4\pi", "cm^2"); ("...", "") where it has none."""
    found = _TRAILING.search(text, max(0, len(text) - 80))
    if not found or not found.start():
        return text, ""
    name = unit(" " + found[0].strip())
    known = name and (found["worded"] or _is_known(found["bare"].strip(" ^{}23")))
    return (text[: found.start()].rstrip(), name) if name and known else (text, "")


def _is_known(name: str) -> bool:
    words = name.split("/")
    return all(word in _KNOWN or (len(words) > 1 and word in _SHORT) for word in words)


_KNOWN = {word + s for word in _SAME for s in ("", "s") if len(word) > 1} | {w for w in _SHORT if len(w) > 1}

_PART = re.compile(
    r"(\d+(?:\.\d+)?) ?(\\text\{ ?([A-Za-z]+)\.? ?\}|[A-Za-z]+\.?|['\"]|''|\^\\circ)"
    r"(?:,? ?(?:and |\\text\{ ?and ?\} ?)?|$)"
)


def compound(text: str) -> list[tuple[Fraction, str]] | None:
    """The parts of "5 ft 6 in", "2h30m" or "30^\\circ 15'", in order, or None: it is no such quantity."""
    parts: list[tuple[Fraction, str]] = []
    at = 0
    while found := _PART.match(text, at):
        parts.append((Fraction(found[1]), _name(found[3] or found[2])))
        at = found.end()
    if {name for _, name in parts} == {"'", '"'}:
        parts = [(value, "ft" if name == "'" else "in") for value, name in parts]
    return parts if len(parts) > 1 and at == len(text) else None
