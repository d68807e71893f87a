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
_WHOLE = r"(?<!\d)(?<!\d\.)(?<!(?<!\d)0,)(?:"  # neither a fraction's digits nor the rest of a longer number
_ENDS = r")(?!\d)(?![eE][+-]?\d)(?!\.0*+\d)"  # nor what stands before a fraction or an exponent
_NUMBER = re.compile(
    rf"{_WHOLE}(?P<first>\d{{1,3}}+)(?P<separator>{_SEPARATOR})(?P<rest>\d{{3}}(?:(?P=separator)\d{{3}}){{0,{_GROUPS}}}+)"
    rf"(?!(?P=separator)\d)|(?P<plain>\d++){_ENDS}"
)


def named(text: str, lowest: int, count: int) -> frozenset[int]:
    """Those of lowest, ..., lowest + count - 1 that the text names."""
    highest = lowest + count - 1
    most = len(str(highest))
    short = {digits for digits in _digits(text) if len(digits) <= most}
    # a leading zero makes it a code
    return frozenset(v for d in short for v in (int(d),) if lowest <= v <= highest and len(str(v)) == len(d))


def _digits(text: str) -> Iterator[str]:
    """Every whole number's digits."""
    for found in _NUMBER.finditer(text):
        plain = found["plain"]
        if plain is not None:
            yield plain
        elif not _goes_on(text, found.start(), found["separator"]):
            yield found["first"] + re.sub(_SEPARATOR, "", found["rest"])


def _goes_on(text: str, start: int, separator: str) -> bool:
    """Whether a number's groups began before: 345,678 of 12,345,678."""
    before = text[max(0, start - len(separator) - 1) : start]
    return before.endswith(separator) and before[:1].isdigit()
