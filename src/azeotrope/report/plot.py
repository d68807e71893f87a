"""Utility against leakage, drawn."""

# matplotlib is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from azeotrope.report.records import Board, Figure, Row
from azeotrope.report.svg import END, FAINT, INK, POINT, drawn, labelled, plain
from azeotrope.report.words import percent, ratio, visible

Point = tuple[Row, Figure, Figure]
"""(row, utility, leakage)."""


def plot(board: Board, kind: str, name: str) -> str:
    """One panel: each defense's utility (`raw` or `forced`) and its leakage; empty where there is nothing to draw.

    `name`: see `svg.drawn`.
    """
    by_ratio = any(row.leakage for row in board.rows)
    points = [point for row in board.rows if (point := _point(row, kind, by_ratio))]
    if not points:
        return ""
    return drawn(lambda axes: _draw(axes, points, kind, by_ratio), _told(points, by_ratio), name)


def _point(row: Row, kind: str, by_ratio: bool) -> Point | None:
    utility = row.utility_forced if kind == "forced" else row.utility
    leakage = row.leakage if by_ratio else row.student
    return (row, utility, leakage) if utility and leakage else None


def _draw(axes: Any, points: Sequence[Point], kind: str, by_ratio: bool) -> None:
    scale = 1 if by_ratio else 100
    for row, utility, leakage in points:
        colour = POINT if row.rank else END
        x, y = 100 * utility.value, scale * leakage.value
        for figure, factor, ends in ((utility, 100, "x"), (leakage, scale, "y")):
            if figure.low is not None and figure.high is not None:
                pair = (factor * figure.low, factor * figure.high)
                across = (pair, (y, y)) if ends == "x" else ((x, x), pair)
                axes.plot(*across, color=colour, alpha=0.35, linewidth=1.5, solid_capstyle="butt")
        axes.plot([x], [y], "o" if row.rank else "s", color=colour, markersize=6)
    if by_ratio:
        for level in (0, 1):
            axes.axhline(level, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    _frame(axes, points, by_ratio)
    reader = "answers forced" if kind == "forced" else "as it answers"
    axes.set_xlabel(f"teacher right, % ({reader})", color=INK)
    axes.set_ylabel("leakage (1: undefended, 0: withheld)" if by_ratio else "best student right, %", color=INK)
    labelled(axes, [(row.defense, 100 * utility.value, scale * leakage.value) for row, utility, leakage in points])


def _frame(axes: Any, points: Sequence[Point], by_ratio: bool) -> None:
    lows = [utility.value if utility.low is None else utility.low for _, utility, _ in points]
    axes.set_xlim(max(-2, min(80, 100 * min(lows) - 3)), 102)
    low, high = axes.get_ylim()
    axes.set_ylim(*((min(low, -0.06), max(high, 1.08)) if by_ratio else (-2, max(high, 20))))
    plain(axes)


def _told(points: Sequence[Point], by_ratio: bool) -> str:
    said = [
        f"{visible(row.defense)}: utility {percent(utility)}, "
        + (f"leakage {ratio(leakage)}" if by_ratio else f"student {percent(leakage)}")
        for row, utility, leakage in points
    ]
    return "Utility against leakage. " + "; ".join(said)
