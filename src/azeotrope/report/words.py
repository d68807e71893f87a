"""Figures and names as text: one way to write a number, and what makes hostile text harmless to read."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from msgspec.structs import replace

from azeotrope.math.stats.verdicts import wilson
from azeotrope.report.records import Figure
from azeotrope.types import Score

LINES = "\n\t"
PRICED = (
    "ms: one response at a time, of one thread, in CPU time where one process does it all on a CPU; per token: all "
    "over all tokens that the teacher draws; per trace: the median; ×: over the undefended teacher, asked the same in "
    "turn with it. Readability: Flesch's reading ease, 0 to 1, times the share of the undefended working's numbers "
    "that still stand there; of the n traces whose reasoning left. A shape of logits lets out another draw of the "
    "teacher, which has other numbers for that alone."
)
"""What the columns of a defense's price are."""
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories that show nothing or change what else shows: controls, direction marks, lone surrogates."""


def percent(figure: Figure) -> str:
    """31.4 %"""
    return f"{100 * figure.value:.1f} %"


def interval(figure: Figure) -> str:
    """31.4 % [28.1, 34.9]"""
    return percent(figure) + ends(figure, 100, 1)


def scored(score: Score) -> str:
    """97.2 % [95.5, 98.2] of 600"""
    low, high = wilson(score.correct, score.asked)
    return f"{100 * score.rate:.1f} % [{100 * low:.1f}, {100 * high:.1f}] of {score.asked}"


def points(figure: Figure) -> str:
    """4.5 points [1.2, 7.7]"""
    return f"{100 * figure.value:.1f} points{ends(figure, 100, 1)}"


def turned(figure: Figure) -> Figure:
    """The same difference from the other side: its sign changed, its ends exchanged."""
    low, high = (None if end is None else -end for end in (figure.high, figure.low))
    return replace(figure, value=-figure.value, low=low, high=high)


def ratio_alone(figure: Figure) -> str:
    """0.31"""
    return f"{figure.value:.2f}"


def ratio(figure: Figure) -> str:
    """0.31 [0.28, 0.35]"""
    return ratio_alone(figure) + ends(figure, 1, 2)


def leaked(leakage: Figure, student: Figure) -> str:
    """0.31 [0.28, 0.35]; (n = 600 × 3 seeds) behind it where it rests on fewer seeds than the student beside it"""
    return ratio(leakage) + (f" ({fewer})" if (fewer := fewer_seeds(leakage, student)) else "")


def fewer_seeds(leakage: Figure, student: Figure) -> str:
    """n = 600 × 3 seeds; "" where it rests on all of the student's"""
    if leakage.seeds >= student.seeds:
        return ""
    return f"n = {leakage.n:,} × {leakage.seeds} seed{'s' if leakage.seeds > 1 else ''}"


def ends(figure: Figure, scale: float, digits: int) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f" [{scale * figure.low:.{digits}f}, {scale * figure.high:.{digits}f}]"


def basis(figure: Figure) -> str:
    """n = 600 × 5 seeds, 2 failed"""
    seeds = f" × {figure.seeds} seeds" if figure.seeds > 1 else ""
    failed = f", {figure.failed} failed" if figure.failed else ""
    return f"n = {figure.n:,}{seeds}{failed}"


def chance(p: float) -> str:
    """p = 0.031"""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.995 else "p = 1"


def count(number: float) -> str:
    """12,345"""
    return f"{number:,.0f}"


def times(number: float) -> str:
    """0.42 x, with the sign of multiplication"""
    return f"{number:.2f} ×"


def plainly(figure: Figure) -> str:
    """3.28 [3.1, 3.5]; above ten without what nobody can tell apart"""
    digits = 2 if figure.value < 10 else 1 if figure.value < 100 else 0
    return f"{figure.value:,.{digits}f}{ends(figure, 1, digits)}"


def timed(figure: Figure, ratio_: Figure) -> str:
    """21.3, 1.04 × [0.98, 1.09]"""
    return f"{plainly(replace(figure, low=None))}, {times(ratio_.value)}{ends(ratio_, 1, 2)}"


def listed(names: Sequence[str]) -> str:
    """a, b and c"""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def visible(text: str, most: int = 1_500) -> str:
    """The text with everything that hides or turns around spelled out, cut where it is long."""
    shown = "".join(_spelled(character) for character in text[:most])
    return shown if len(text) <= most else f"{shown} … [{len(text) - most:,} more characters]"


def _spelled(character: str) -> str:
    if character in LINES or unicodedata.category(character) not in HIDDEN:
        return character
    return f"\\u{{{ord(character):x}}}"
