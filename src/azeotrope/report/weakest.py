"""The weakest cell of every defense, drawn: what the best attack gets a student to, between the controls."""

# matplotlib is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from azeotrope.report.records import Board, Control, Row
from azeotrope.report.svg import END, FAINT, INK, POINT, drawn, labelled, plain
from azeotrope.report.words import percent, visible

_ROOM = 1.25
"""Above the lines, for the names of the controls."""


def weakest(board: Board, name: str) -> str:
    """One panel, a line a defense, the strongest on top, and a dashed line a control; empty where nothing is ranked.
    `name`: see `svg.drawn`."""
    rows = [row for row in board.rows if row.student]
    if not any(row.rank for row in rows):
        return ""
    controls = [one for one in board.controls if one.student]
    told = "; ".join(
        [f"{visible(row.defense)} by {visible(row.attack)}: {percent(row.student)}" for row in rows]
        + [f"{one.name}: {percent(one.student)}" for one in controls if one.student]
    )
    return drawn(lambda axes: _draw(axes, rows, controls), f"The best student behind each defense. {told}", name)


def _draw(axes: Any, rows: Sequence[Row], controls: Sequence[Control]) -> None:
    height = len(rows)
    for one in controls:
        assert one.student
        at = 100 * one.student.value
        axes.plot((at, at), (0, height), color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        axes.text(at, height + 0.1, visible(one.name), rotation=35, fontsize=9, color=END, va="bottom", ha="left")
    for at, row in enumerate(rows):
        figure, colour, y = row.student, POINT if row.rank else END, height - 0.5 - at
        low, high = figure.low, figure.high
        if low is not None and high is not None:
            axes.plot((100 * low, 100 * high), (y, y), color=colour, alpha=0.35, linewidth=2, solid_capstyle="butt")
        axes.plot([100 * figure.value], [y], "o" if row.rank else "s", color=colour, markersize=6)
    axes.set_xlim(-2, 102)
    axes.set_ylim(0, height * _ROOM)
    plain(axes)
    axes.set_yticks([])
    axes.set_xlabel("best student right, %", color=INK)
    points = [(row.defense, 100 * row.student.value, height - 0.5 - at) for at, row in enumerate(rows)]
    labelled(axes, points)
