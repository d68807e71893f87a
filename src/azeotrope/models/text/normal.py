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
        "∓": "\\mp ",
        "∠": "\\angle ",
        "△": "\\triangle ",
        "∧": "\\land ",
        "∨": "\\lor ",
        "⌊": "\\lfloor ",
        "⌋": "\\rfloor ",
        "⌈": "\\lceil ",
        "⌉": "\\rceil ",
        **{sign: f"\\mathbb{{{letter}}}" for sign, letter in zip("ℝℤℕℚℂ", "RZNQC", strict=True)},
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


def _raised(found: re.Match[str]) -> str:
    power = found[0].translate(_RAISED)
    return f"^{{{power}}}" if len(power) > 1 else f"^{power} "  # without braces: it may stand in \\text{...}


def _fraction(found: re.Match[str]) -> str:
    above, below = unicodedata.normalize("NFKC", found[0]).split("⁄")
    return f"\\frac{{{above}}}{{{below}}}"


_REWRITES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+"), _raised),
    (re.compile(r"[₀₁₂₃₄₅₆₇₈₉]+"), lambda m: f"_{{{m[0].translate(_LOWERED)}}}"),
    (re.compile(r"[¼-¾⅐-⅞]"), _fraction),
    (re.compile(r"∛\s*(?:\(([^()]*)\)|(\d+|\w))"), lambda m: f"\\sqrt[3]{{{m[1] or m[2]}}}"),
    (re.compile(r"√\s*(?:\(([^()]*)\)|(\d+(?:\.\d+)?|\w))"), lambda m: f"\\sqrt{{{m[1] or m[2]}}}"),
]
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_FUNCTIONS = "arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|csc|ln|log|exp"
_BASES = {name: str(value) for value, name in enumerate(_SMALL.split())}


def _base(found: re.Match[str]) -> str:
    name = next(part for part in found.groups() if part)
    return f"_{{{_BASES.get(name, name)}}}"


_LATEX: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(r"\\(?:text)?color\s*\{[^{}]*\}|\\(?:underline|boldsymbol|bm|emph|ensuremath)(?=\s*\{)"), ""),
    (re.compile(r"\\(?:text|mathrm)\s*\{\s*(\\?[:;,.%$])\s*\}"), r"\1"),
    (re.compile(r"\\math(?:rm|bf|it|sf|tt)\s*\{\s*([\d.,/+-]+)\s*\}"), r"\1"),
    (re.compile(r"\\mathrm\s*\{\s*([eid])\s*\}"), r"\1"),
    (re.compile(r"\\colon(?![A-Za-z])"), ":"),
    (re.compile(r"\\lt(?![A-Za-z])"), "<"),
    (re.compile(r"\\gt(?![A-Za-z])"), ">"),
    (re.compile(r"\\lbrack(?![A-Za-z])"), "["),
    (re.compile(r"\\rbrack(?![A-Za-z])"), "]"),
    (re.compile(r"\\[lr]?vert(?![A-Za-z])"), "|"),
    (re.compile(r"\\div(?![A-Za-z])"), "/"),
    (re.compile(r"\\(?:pounds|textsterling)(?![A-Za-z])\s*"), "£"),
    (re.compile(r"\\(?:text)?euro(?![A-Za-z])\s*"), "€"),
    (re.compile(r"\\textdollar(?![A-Za-z])\s*"), "$"),
    (re.compile(r"\\mathbb\s*([A-Z])|\\([RZNQC])(?![A-Za-z])"), lambda m: f"\\mathbb{{{m[1] or m[2]}}}"),
    (re.compile(r"\\(?:left|right|big|Big|bigg|Bigg|bigl|bigr|Bigl|Bigr)(?![A-Za-z])\s*\.?(?=[^A-Za-z0-9])"), ""),
    (re.compile(r"\\(?:displaystyle|textstyle|limits|rm|bf|it)(?![A-Za-z])"), ""),
    (re.compile(r"(?<!\\)\\!"), ""),
    (re.compile(r"(?<!\\)\\(?:[,;: ]|q?quad(?![A-Za-z])|enspace(?![A-Za-z])|thinspace(?![A-Za-z]))|~"), " "),
    (re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\frac\s*(\d)\s*(\d)(?!\d)"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\frac\s*(\d)\s*\{"), r"\\frac{\1}{"),
    (re.compile(r"(\\frac\{[^{}]*\})\s*(\d)"), r"\1{\2}"),
    (re.compile(r"\\sqrt\s*\[\s*2\s*\]"), r"\\sqrt"),
    (re.compile(r"(\\sqrt\s*(?:\[\w+\])?)\s*(\d|[a-z])(?![A-Za-z])"), r"\1{\2}"),
    (re.compile(r"\{\s*([^\s{}]+)\s*\\choose\s*([^\s{}]+)\s*\}"), r"\\binom{\1}{\2}"),
    (re.compile(r"\\[dt]binom(?![A-Za-z])"), r"\\binom"),
    (re.compile(r"\\frac\{ *\\text\{([^{}]*)\} *\}\{ *\\text\{([^{}]*)\} *(\^\{?\d\}?)? *\}"), r"\\text{\1/\2}\3"),
    (re.compile(r"(?<=[\d.])\\(?:bar|overline)\s*(?:\{\s*(\d+)\s*\}|(\d))"), lambda m: f"\\overline{{{m[1] or m[2]}}}"),
    (
        re.compile(
            r"(?<=[\d)])\s*_\s*(?:\\(?:text|mathrm)\{\s*\(?(\w{1,8})\)?\s*\}"
            r"|\{\s*\\(?:text|mathrm)\{\s*\(?(\w{1,8})\)?\s*\}\s*\}|\{\s*\(?(\w{1,8})\)?\s*\})"
        ),
        _base,
    ),
    (re.compile(r"\((\d+)\)(?=_)"), r"\1"),
    (re.compile(r"(?<![\\A-Za-z])sqrt\s*\(([^()]*)\)"), r"\\sqrt{\1}"),
    (re.compile(r"(?<![\\A-Za-z])pi(?![A-Za-z])"), r"\\pi "),
    (re.compile(rf"(?<![\\A-Za-z])({_FUNCTIONS})(?![A-Za-z{{}}])"), r"\\\1 "),
    (re.compile(r"(?<![\\A-Za-z])(?:oo|inf|infinity|infty)(?![A-Za-z])", re.IGNORECASE), r"\\infty "),
    (re.compile(r"\\leq(?:slant)?(?![A-Za-z])|<="), r"\\le "),
    (re.compile(r"\\geq(?:slant)?(?![A-Za-z])|>="), r"\\ge "),
    (re.compile(r"\\neq(?![A-Za-z])|!="), r"\\ne "),
    (re.compile(r"\\varnothing"), r"\\emptyset "),
    (re.compile(r"\\(?:degree|deg)(?![A-Za-z])"), r"^\\circ "),
    (
        re.compile(r"(?<=\d)\s*\^\s*(?:\{\s*\\text\s*\{\s*o\s*\}\s*\}|\\text\s*\{\s*o\s*\}|\{\s*o\s*\}|o(?![A-Za-z]))"),
        r"^\\circ ",
    ),
    (re.compile(r"\^\s*\{\s*\\circ\s*\}"), r"^\\circ "),
    (re.compile(r"\\([$%#&_])"), r"\1"),
    (re.compile(r"(?<=\d)(?<!\b0)\{,\}(?=\d{3}(?!\d))"), ","),
    (re.compile(r"(?<=\d)\{,\}(?=\d)"), "."),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"(?<![\d.'])\d{1,3}(?:'\d{3})+(?![\d'])"), lambda m: m[0].replace("'", "")),
    (re.compile(r"^\\\{\s*\\\}$"), r"\\emptyset "),
    (re.compile(r"(?<=[)\]}])\s*U\s*(?=[(\[{\\])"), r" \\cup "),
    (re.compile(r"\bper cent\b"), "percent"),
    (re.compile(r"^\s*=\s*(?=[^=])"), ""),
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
