"""What students say of their marks, drawn against how often they read each association."""

# matplotlib is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from azeotrope.report.records import Marked
from azeotrope.report.svg import END, INK, POINT, drawn, labelled, plain
from azeotrope.report.words import percent, visible


def recalling(marks: Sequence[Marked], name: str) -> str:
    """One panel, a point for each defense and attack whose readings are known (and any: the scale is logarithmic), with
    its interval over students; empty where there are less than two. `name`: see `svg.drawn`."""
    known = [(one, one.exposures) for one in marks if one.exposures]
    marks = [one for one, _ in known]
    if len(marks) < 2:
        return ""
    told = "; ".join(f"{_called(one, marks)}, read {read:.0f} times: {percent(one.recall)}" for one, read in known)
    return drawn(lambda axes: _draw(axes, known), f"Recall of a mark against readings. {told}", name)


def _called(one: Marked, marks: Sequence[Marked]) -> str:
    """By what sets it apart from the others."""
    if len({each.attack for each in marks}) == 1:
        return visible(one.defense)
    if len({each.defense for each in marks}) == 1:
        return visible(one.attack)
    return f"{visible(one.defense)} x {visible(one.attack)}"


def _draw(axes: Any, known: Sequence[tuple[Marked, float]]) -> None:
    marks = [one for one, _ in known]
    for one, x in known:
        figure = one.recall
        colour = POINT if one.attack == marks[0].attack else END
        if figure.low is not None and figure.high is not None:
            ends = (100 * figure.low, 100 * figure.high)
            axes.plot((x, x), ends, color=colour, alpha=0.35, linewidth=2, solid_capstyle="butt")
        axes.plot([x], [100 * figure.value], "o", color=colour, markersize=6)
    axes.set_xscale("log")
    axes.set_ylim(-3, 103)
    plain(axes)
    ticks = sorted({round(read) for _, read in known})
    axes.set_xticks([tick for at, tick in enumerate(ticks) if not at or tick > 1.3 * ticks[at - 1]])
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.minorticks_off()
    axes.set_xlabel("readings of each association", color=INK)
    axes.set_ylabel("associations said, %", color=INK)
    labelled(axes, [(_called(one, marks), read, 100 * one.recall.value) for one, read in known])
