r"""Which values of a target space a text names: integers as people and models write them. Knows no key and no target.

73161, 73,161, 73.161, 73'161, 73_161, 73 161 (plain, thin or no-break), 73{,}161, 73\,161, 73161.00, digits of any
script, inside words and units (73161km). Never part of a longer number: not of 1731619, 0.73161, 73161.5, 7,316,100 or
73161e5. What is read too much costs power and never soundness: whatever is named is priced by its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SEPARATOR = r"\{,\}|\\[,;:! ]|[,.'’_ \u00a0\u2007\u2009\u202f\u066c]"
_GROUPS = 6
"""Further groups of three digits at most: what is longer belongs to no space, and reading stays linear."""
_NUMBER = re.compile(
    rf"(?<!\d)(?:(?P<first>\d{{1,3}})(?P<separator>{_SEPARATOR})(?P<rest>\d{{3}}(?:(?P=separator)\d{{3}}){{0,{_GROUPS}}})"
    rf"(?!\d)(?!(?P=separator)\d)|(?P<plain>\d+))"
)
_BEHIND = re.compile(r"\.(?P<fraction>\d+)|[eE][+-]?\d")
_BEFORE = re.compile(r"(?:\d\.|(?<!\d)0,)\Z")


def named(text: str, lowest: int, count: int) -> frozenset[int]:
    """Those of lowest, ..., lowest + count - 1 that the text names."""
    return frozenset(value for value in _integers(text, lowest + count - 1) if lowest <= value < lowest + count)


def _integers(text: str, highest: int) -> Iterator[int]:
    """Every integer of at most as many digits as `highest`."""
    most = len(str(highest))
    for found in _NUMBER.finditer(text):
        digits = found["plain"] or found["first"] + re.sub(_SEPARATOR, "", found["rest"])
        if len(digits) <= most and not _longer(text, found):
            value = int(digits)
            if len(str(value)) == len(digits):  # a leading zero makes it a code
                yield value


def _longer(text: str, found: re.Match[str]) -> bool:
    """Whether it is only a part of a number: a fraction's digits, what stands before one, a further group."""
    start, end = found.span()
    behind = _BEHIND.match(text, end)
    if behind and (behind["fraction"] is None or behind["fraction"].strip("0")):
        return True
    separator = found["separator"]
    if separator:
        before = text[max(0, start - len(separator) - 1) : start]
        if before.endswith(separator) and before[:1].isdigit():
            return True
    return _BEFORE.search(text, max(0, start - 3), start) is not None
