"""Learning curves, drawn: students of one defense against the steps they were trained for."""

# matplotlib is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from azeotrope.report.records import Curve
from azeotrope.report.svg import END, INK, POINT, drawn, labelled, plain
from azeotrope.report.words import percent, visible


def learning(curves: Sequence[Curve], name: str) -> str:
    """One panel, a line an attack with its interval; the strongest in the end stands out. `name`: see `svg.drawn`."""
    if not curves:
        return ""
    told = "; ".join(
        f"{visible(curve.attack)}: " + ", ".join(f"{p.steps:.0f} steps {percent(p.student)}" for p in curve.points)
        for curve in curves
    )
    return drawn(lambda axes: _draw(axes, curves), f"Students against steps. {told}", name)


def _draw(axes: Any, curves: Sequence[Curve]) -> None:
    best = max(curves, key=lambda curve: curve.points[-1].student.value)
    for curve in curves:
        steps = [point.steps for point in curve.points]
        figures = [point.student for point in curve.points]
        colour = POINT if curve is best else END
        low = [100 * (figure.value if figure.low is None else figure.low) for figure in figures]
        high = [100 * (figure.value if figure.high is None else figure.high) for figure in figures]
        axes.fill_between(steps, low, high, color=colour, alpha=0.1, linewidth=0)
        axes.plot(steps, [100 * figure.value for figure in figures], "o-", color=colour, markersize=4, linewidth=1.5)
    axes.set_ylim(-2, None)
    plain(axes)
    axes.set_xlabel("training steps", color=INK)
    axes.set_ylabel("student right, %", color=INK)
    labelled(axes, [(c.attack, c.points[-1].steps, 100 * c.points[-1].student.value) for c in curves])
