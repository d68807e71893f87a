"""Drawings as SVG that take their colours from the page and name nothing outside of it. Knows no measure."""

# matplotlib is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from azeotrope.report.words import visible

INK, FAINT, POINT, END = "#010203", "#020304", "#030405", "#040506"
COLOURS = {INK: "currentColor", FAINT: "var(--line)", POINT: "var(--accent)", END: "var(--quiet)"}
"""What is drawn with -> what the page's style makes of it, in the light and in the dark."""
SIZE = (5.0, 3.4)
APART = 0.072
"""Between two labels, of the plot's height."""


def drawn(draw: Callable[[Any], None], told: str, name: str) -> str:
    """What `draw` puts on a pair of axes, with room for labels at the right. `told`: the same in words, for who cannot
    see it; `name` sets its ids apart from those of other drawings on the page."""
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 11, "text.usetex": False}
    with mpl.rc_context(settings):
        canvas = Canvas(figsize=SIZE)
        axes: Any = canvas.add_axes((0.13, 0.17, 0.57, 0.78))
        draw(axes)
        file = io.StringIO()
        canvas.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(file.getvalue(), told, name)


def plain(axes: Any) -> None:
    """No frame but the two axes, in the page's own lines."""
    axes.tick_params(colors=INK, length=3)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)


def labelled(axes: Any, points: Sequence[tuple[str, float, float]]) -> None:
    """Names on a rail to the right, in the order of their points, with a line to each: nothing overlaps."""
    low, high = axes.get_ylim()
    ordered = sorted(points, key=lambda point: point[2])
    at = [(y - low) / (high - low) for _, _, y in ordered]
    for (label, x, y), place in zip(ordered, spread(at), strict=True):
        axes.annotate(
            visible(label, 24), (x, y), (1.06, place), xycoords="data", textcoords="axes fraction", va="center",
            color=INK, parse_math=False,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.8, "shrinkB": 4, "shrinkA": 1},
        )  # fmt: skip


def spread(wanted: Sequence[float]) -> list[float]:
    """Ascending places at least `APART` from one another, inside the plot where they fit, as near as that allows."""
    out: list[float] = []
    for place in wanted:
        out.append(max(place, out[-1] + APART) if out else place)
    over = 1.0
    for at in range(len(out) - 1, -1, -1):
        out[at] = min(out[at], over)
        over = out[at] - APART
    return out


def _inline(svg: str, told: str, name: str) -> str:
    """The drawing alone: no prologue, metadata or style; colours by name, ids its own."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
    body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body).replace("xlink:href", "href")
    body = re.sub(r'(?<=\bid=")|(?<=\bhref="#)|(?<=\burl\(#)', f"{name}-", body)
    for drawn, shown in COLOURS.items():
        body = body.replace(drawn, shown)
    return f'<svg role="img" aria-label="{escape(told)}" {body[body.index("viewBox") :]}'
