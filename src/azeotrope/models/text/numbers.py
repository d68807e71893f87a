r"""Numbers with their units, exactly: "$1,000.00", "1\frac{1}{2} km", "50\%", "6.02 \times 10^{23}", "1011_2".

Knows nothing of expressions. Pure; reads what `normal.plain` wrote.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from azeotrope.models.text.normal import wordless
from azeotrope.models.text.units import CURRENCIES, CURRENCY, same_unit, scaled, unit


class Number(NamedTuple):
    """`decimals`: places after the point, None for what was not written with one; `unit`: "" where none was written."""

    value: Fraction
    decimals: int | None
    unit: str


_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?|\.\d+"
_INTEGER = r"\d{1,3}(?:,\d{3})+|\d+"
_FORMS = re.compile(
    rf"(?P<whole>\d+) ?(?:\\frac\{{(?P<mt>\d+)\}}\{{(?P<mb>\d+)\}}|(?<= )(?P<pt>\d+) ?/ ?(?P<pb>\d+))"
    rf"|\\frac\{{ ?(?P<ft>-?(?:{_DECIMAL})) ?\}}\{{ ?(?P<fb>-?(?:{_DECIMAL})) ?\}}"
    rf"|(?P<st>{_INTEGER}|\d*\.\d+) ?/ ?(?P<sb>{_INTEGER}|\d*\.\d+)"
    r"|(?P<rw>\d*)\.(?P<rd>\d*)\\overline\{(?P<rr>\d+)\}"
    r"|(?P<digits>\d+)_\{?(?P<base>\d{1,2})\}?(?!\w)"
    rf"|(?P<plain>{_DECIMAL})(?:[eE](?P<e>[+-]?\d{{1,4}})(?!\w)"
    r"| ?(?:\\times|\\cdot|x|\*) ?10 ?\^ ?\{? ?(?P<t>[+-]?\d{1,4})(?: ?\})?)?"
    r"|10 ?\^ ?\{? ?(?P<power>[+-]?\d{1,4})(?: ?\})?"
)
_POWER = re.compile(r"10 ?\^ ?\{? ?(?P<power>[+-]?\d{1,4})(?: ?\})?")
_LEAD = re.compile(r"(?:\\approx|approximately|about|exactly|only|roughly)\s*", re.IGNORECASE)
_CODE = re.compile(r"0\d{3,}")
"""No number: a code, or binary digits. Three digits are one: some contests write 7 as 007."""
_LONGEST = 400
"""Digits beyond this are not worked with."""
_GREATEST_POWER = 400


def number(text: str) -> Number | None:
    """The number a `plain` text is, or None: it is something else, or more than a number with a unit."""
    if len(text) > _LONGEST:
        return None
    text = wordless(text) if text.startswith("\\text") else text
    text = _LEAD.sub("", text, count=1).strip() if text[:1] in "\\aAeEoOrR" else text
    sign, text, currency = _signed(text)
    found = _POWER.match(text) or _FORMS.match(text)
    if not found:
        return None
    if found.re is _FORMS and _CODE.fullmatch(found["plain"] or ""):
        return None
    value, name = _value(found), unit(text[found.end() :])
    if value is None or name is None:
        return None
    times, name = scaled(name)
    if currency and not same_unit(name, currency):
        return None
    places = found["plain"].partition(".")[2] if found.re is _FORMS and found["plain"] else None
    decimals = len(places) if places is not None and "." in found["plain"] and times == 1 else None
    return Number(sign * value * times, decimals, currency or name)


def _signed(text: str) -> tuple[int, str, str]:
    sign, currency = 1, ""
    for _ in range(3):
        if text[:1] in ("+", "-"):
            sign, text = (-sign if text[0] == "-" else sign), text[1:].lstrip()
        elif not currency and (money := CURRENCY.match(text)):
            currency, text = money[0].strip(), text[money.end() :].lstrip()
            currency = CURRENCIES.get(currency, currency)
    return sign, text, currency


def _value(found: re.Match[str]) -> Fraction | None:
    part = {name: value.replace(",", "") for name, value in found.groupdict().items() if value is not None}
    try:
        if "power" in part:
            return _scaled(Fraction(1), int(part["power"]))
        if "whole" in part:
            return int(part["whole"]) + Fraction(int(part.get("mt") or part["pt"]), int(part.get("mb") or part["pb"]))
        if "ft" in part:
            return Fraction(part["ft"]) / Fraction(part["fb"])
        if "st" in part:
            return Fraction(part["st"]) / Fraction(part["sb"])
        if "rr" in part:
            return _repeating(part)
        if "base" in part:
            return Fraction(int(part["digits"], int(part["base"]))) if 2 <= int(part["base"]) <= 36 else None
        return _scaled(Fraction(part["plain"]), int(part.get("e") or part.get("t") or 0))
    except (ValueError, ZeroDivisionError):
        return None


def _scaled(value: Fraction, power: int) -> Fraction | None:
    return value * Fraction(10) ** power if abs(power) <= _GREATEST_POWER else None


def _repeating(part: dict[str, str]) -> Fraction:
    fixed, again = part["rd"], part["rr"]
    tail = Fraction(int(again), (10 ** len(again) - 1) * 10 ** len(fixed))
    return Fraction(f"{part['rw'] or '0'}.{fixed or '0'}") + tail


def same_number(a: Number, b: Number) -> bool:
    """Whether two numbers are one. A unit that only one of them has is no difference; "50%" is 50 and is 0.5.

    A decimal of six places or more equals the fraction that it rounds.
    """
    if not same_unit(a.unit, b.unit):
        return False
    if _close(a, b):
        return True
    if (a.unit == "%") != (b.unit == "%"):
        percent, other = (a, b) if a.unit == "%" else (b, a)
        return not other.unit and _close(percent._replace(value=percent.value / 100), other)
    return False


def _close(a: Number, b: Number) -> bool:
    if a.value == b.value:
        return True
    places = {number.decimals for number in (a, b)}
    rounded = next((n for n in places if n is not None and n >= 6), None)
    return None in places and rounded is not None and abs(a.value - b.value) * 2 <= Fraction(1, 10**rounded)
