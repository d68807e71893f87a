"""Utility against leakage, as SVG that takes its colours from the page and names nothing outside of it."""

# matplotlib is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from azeotrope.report.records import Board, Figure, Row
from azeotrope.report.words import percent, ratio, visible

INK, FAINT, POINT, END = "#010203", "#020304", "#030405", "#040506"
COLOURS = {INK: "currentColor", FAINT: "var(--line)", POINT: "var(--accent)", END: "var(--quiet)"}
"""What is drawn with -> what the page's style makes of it, in the light and in the dark."""
SIZE = (5.0, 3.4)
APART = 0.072
"""Between two labels, of the plot's height."""

Point = tuple[Row, Figure, Figure]
"""(row, utility, leakage)."""


def plot(board: Board, kind: str, name: str) -> str:
    """One panel: each defense's utility (`raw` or `forced`) and its leakage; empty where there is nothing to draw.

    `name` sets its ids apart from those of other plots on the page.
    """
    by_ratio = any(row.leakage for row in board.rows)
    points = [point for row in board.rows if (point := _point(row, kind, by_ratio))]
    if not points:
        return ""
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 11, "text.usetex": False}
    with mpl.rc_context(settings):
        canvas = Canvas(figsize=SIZE)
        _draw(canvas, points, kind, by_ratio)
        file = io.StringIO()
        canvas.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(file.getvalue(), _told(points, by_ratio), name)


def _point(row: Row, kind: str, by_ratio: bool) -> Point | None:
    utility = row.utility_forced if kind == "forced" else row.utility
    leakage = row.leakage if by_ratio else row.student
    return (row, utility, leakage) if utility and leakage else None


def _draw(canvas: Canvas, points: Sequence[Point], kind: str, by_ratio: bool) -> None:
    scale = 1 if by_ratio else 100
    axes: Any = canvas.add_axes((0.13, 0.17, 0.57, 0.78))
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
    _labels(axes, points, scale)


def _frame(axes: Any, points: Sequence[Point], by_ratio: bool) -> None:
    lows = [utility.value if utility.low is None else utility.low for _, utility, _ in points]
    axes.set_xlim(max(-2, min(80, 100 * min(lows) - 3)), 102)
    low, high = axes.get_ylim()
    axes.set_ylim(*((min(low, -0.06), max(high, 1.08)) if by_ratio else (-2, max(high, 20))))
    axes.tick_params(colors=INK, length=3)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)


def _labels(axes: Any, points: Sequence[Point], scale: int) -> None:
    """Names on a rail to the right, in the order of their points, with a line to each: nothing overlaps."""
    low, high = axes.get_ylim()
    ordered = sorted(points, key=lambda point: point[2].value)
    at = [(scale * leakage.value - low) / (high - low) for _, _, leakage in ordered]
    for (row, utility, leakage), y in zip(ordered, _spread(at), strict=True):
        axes.annotate(
            visible(row.defense, 24), (100 * utility.value, scale * leakage.value), (1.06, y),
            xycoords="data", textcoords="axes fraction", va="center", color=INK, parse_math=False,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.8, "shrinkB": 4, "shrinkA": 1},
        )  # fmt: skip


def _spread(wanted: Sequence[float]) -> list[float]:
    """Ascending places at least `APART` from one another, inside the plot where they fit, as near as that allows."""
    out: list[float] = []
    for place in wanted:
        out.append(max(place, out[-1] + APART) if out else place)
    over = 1.0
    for at in range(len(out) - 1, -1, -1):
        out[at] = min(out[at], over)
        over = out[at] - APART
    return out


def _told(points: Sequence[Point], by_ratio: bool) -> str:
    said = [
        f"{visible(row.defense)}: utility {percent(utility)}, "
        + (f"leakage {ratio(leakage)}" if by_ratio else f"student {percent(leakage)}")
        for row, utility, leakage in points
    ]
    return "Utility against leakage. " + "; ".join(said)


def _inline(svg: str, told: str, name: str) -> str:
    """The drawing alone: no prologue, metadata or style; colours by name, ids its own."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
    body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body).replace("xlink:href", "href")
    body = re.sub(r'(?<=\bid=")|(?<=\bhref="#)|(?<=\burl\(#)', f"{name}-", body)
    for drawn, shown in COLOURS.items():
        body = body.replace(drawn, shown)
    return f'<svg role="img" aria-label="{escape(told)}" {body[body.index("viewBox") :]}'
