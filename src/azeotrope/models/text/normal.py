r"""One spelling for answers that mean the same: Unicode and LaTeX written one way. Pure functions on strings.

Knows nothing of numbers or equality. `plain("½ ×１０²") == r"\frac{1}{2} \times10^{2}"`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from azeotrope.models.text.values import clean

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("−–—﹣－‐‑", "-"),
        "×": "\\times ",
        "·": "\\cdot ",
        "⋅": "\\cdot ",
        "÷": "/",
        "⁄": "/",
        "∕": "/",
        "∗": "*",
        "π": "\\pi ",
        "𝜋": "\\pi ",
        "∞": "\\infty ",
        "≤": "\\le ",
        "≥": "\\ge ",
        "≠": "\\ne ",
        "±": "\\pm ",
        "∪": "\\cup ",
        "∩": "\\cap ",
        "∅": "\\emptyset ",
        "∈": "\\in ",
        "θ": "\\theta ",
        "≈": "\\approx ",
        "°": "^\\circ ",
        "º": "^\\circ ",
        "′": "'",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "，": ",",
        "：": ":",
        **dict.fromkeys("\u200b\u200c\u200d\ufeff\u2060\u00ad", None),
    }
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def _fraction(found: re.Match[str]) -> str:
    above, below = unicodedata.normalize("NFKC", found[0]).split("⁄")
    return f"\\frac{{{above}}}{{{below}}}"


_REWRITES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+"), lambda m: f"^{{{m[0].translate(_RAISED)}}}"),
    (re.compile(r"[₀₁₂₃₄₅₆₇₈₉]+"), lambda m: f"_{{{m[0].translate(_LOWERED)}}}"),
    (re.compile(r"[¼-¾⅐-⅞]"), _fraction),
    (re.compile(r"√\s*(?:\(([^()]*)\)|(\d+(?:\.\d+)?|\w))"), lambda m: f"\\sqrt{{{m[1] or m[2]}}}"),
]
_LATEX = [
    (re.compile(r"\\(?:left|right|big|Big|bigg|Bigg|bigl|bigr|Bigl|Bigr)(?![A-Za-z])\s*\.?(?=[^A-Za-z0-9])"), ""),
    (re.compile(r"\\(?:displaystyle|textstyle|limits|rm|bf|it)(?![A-Za-z])"), ""),
    (re.compile(r"(?<!\\)\\!"), ""),
    (re.compile(r"(?<!\\)\\(?:[,;: ]|q?quad(?![A-Za-z])|enspace(?![A-Za-z])|thinspace(?![A-Za-z]))|~"), " "),
    (re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\frac\s*(\d)\s*(\d)(?!\d)"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\frac\s*(\d)\s*\{"), r"\\frac{\1}{"),
    (re.compile(r"(\\frac\{[^{}]*\})\s*(\d)"), r"\1{\2}"),
    (re.compile(r"\\sqrt\s*(\d|[a-z])(?![A-Za-z])"), r"\\sqrt{\1}"),
    (re.compile(r"(?<![\\A-Za-z])sqrt\s*\(([^()]*)\)"), r"\\sqrt{\1}"),
    (re.compile(r"(?<![\\A-Za-z])pi(?![A-Za-z])"), r"\\pi "),
    (re.compile(r"(?<![\\A-Za-z])(?:oo|inf|infinity|infty)(?![A-Za-z])", re.IGNORECASE), r"\\infty "),
    (re.compile(r"\\leq(?:slant)?(?![A-Za-z])|<="), r"\\le "),
    (re.compile(r"\\geq(?:slant)?(?![A-Za-z])|>="), r"\\ge "),
    (re.compile(r"\\neq(?![A-Za-z])|!="), r"\\ne "),
    (re.compile(r"\\varnothing"), r"\\emptyset "),
    (re.compile(r"\\(?:degree|deg)(?![A-Za-z])"), r"^\\circ "),
    (re.compile(r"\^\s*\{\s*\\circ\s*\}"), r"^\\circ "),
    (re.compile(r"\\([$%#&_])"), r"\1"),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"(?<=\d)\s+(?=\d{3}(?:\s|[^\w.,/]|$)(?!\s*/))(?<!\d{4}\s)"), ""),
]
_WORDS = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mbox|operatorname)\s*\{([^{}]*)\}")


def plain(value: str) -> str:
    """The value in one spelling; \\text{...} and what units need are kept. Linear time."""
    value = clean(value)
    if not value.isascii():
        for pattern, write in _REWRITES:
            value = pattern.sub(write, value)
        value = unicodedata.normalize("NFKC", value.translate(_SIGNS))
        value = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in value).translate(_SIGNS)
    if "\\" in value or not value.isdigit():
        for pattern, written in _LATEX:
            value = pattern.sub(written, value)
    return clean(" ".join(value.split()))


def wordless(value: str) -> str:
    r"""A `plain` value with \text{ab} as ab."""
    return " ".join(_WORDS.sub(r" \1 ", value).split())
