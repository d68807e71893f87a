"""What a search found, as one HTML page that needs nothing else. Recomputes nothing: its JSON twin has every number."""

# matplotlib is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from azeotrope.optimize.outcome import Outcome, Row
from azeotrope.optimize.records import Mean
from azeotrope.report import replayed
from azeotrope.report.frame import framed
from azeotrope.report.svg import END, FAINT, INK, POINT, drawn, labelled, plain
from azeotrope.report.words import scored, visible


def page(outcome: Outcome) -> str:
    """The page."""
    known = {row.name: row.number for row in outcome.rows}
    front = [row for row in outcome.rows if row.on_front]
    return framed(
        "searched.html", found=outcome, headline=headline(outcome), shown=scored, points=points, ranged=ranged,
        known=known, lineage=lineage, taught=taught(outcome), held=held(outcome),
        front=sorted(front, key=lambda row: -(row.damage or 0.0)),
        winner=next((row for row in outcome.rows if row.name == outcome.winner), None),
        plot=Markup(trade(outcome)) if front else "", course=Markup(course(outcome)) if outcome.rows else "",  # noqa: S704 - escaped
    )  # fmt: skip


def ranged(mean: Mean | None) -> str:
    """31.4 [28.1, 34.9]; a dash where there is none"""
    return "–" if mean is None else replayed.points(mean)


def points(value: float | None) -> str:
    """31.4; a dash where it was not measured"""
    return "–" if value is None else f"{100 * value:.1f}"


def headline(outcome: Outcome) -> str:
    """The first thing to know."""
    winner = next((row for row in outcome.rows if row.name == outcome.winner), None)
    tried = f"{outcome.evaluations} instructions"
    if winner is None:
        return f"Of {tried} none beats no rewrite within the floors: nothing was saved."
    proxies, students = len(winner.scores), len(outcome.confirmed)
    said = f"The best of {tried} costs proxy students {ranged(outcome.damage)} points of accuracy (mean of {proxies})"
    if students:
        return f"{said}, and students that chose nothing {ranged(outcome.confirmed_damage)} (mean of {students})."
    return f"{said}; no other student has confirmed it."


def lines(outcome: Outcome) -> Iterator[str]:
    """As the command line tells it."""
    yield headline(outcome)
    yield from filter(None, (taught(outcome), held(outcome)))


def taught(outcome: Outcome) -> str:
    """What the students that chose nothing were taught."""
    last = outcome.confirmed[-1] if outcome.confirmed else None
    if last is None or last.kept is None or last.readable is None:
        return ""
    return f"Of the traces that those were taught {100 * last.kept:.0f} % were kept, readability {last.readable:.2f}."


def held(outcome: Outcome) -> str:
    """The settings without which the winner's scores are not the winner's."""
    if not outcome.winner or not outcome.settings:
        return ""
    return f"It was scored with {' '.join(f'--set {one}' for one in outcome.settings)}: serve it with the same."


def trade(outcome: Outcome) -> str:
    """Damage against readability; the front in colour, the winner named."""
    scored = [row for row in outcome.rows if row.damage is not None]

    def draw(axes: Any) -> None:
        for row in scored:
            colour, size = (POINT, 7) if row.on_front else (END, 5)
            axes.plot([row.readable], [100 * (row.damage or 0.0)], "o", color=colour, markersize=size)
        axes.axhline(0, color=FAINT, linewidth=1, zorder=0)
        axes.set_xlabel("readability", color=INK)
        axes.set_ylabel("damage, points", color=INK)
        plain(axes)
        named = [(f"no. {row.number}", row.readable, 100 * (row.damage or 0.0)) for row in scored if row.on_front]
        labelled(axes, named[:12])

    told = "; ".join(f"no. {row.number}: damage {points(row.damage)}, readability {row.readable:.2f}" for row in scored)
    return drawn(draw, f"Damage against readability. {told}", "trade")


def course(outcome: Outcome) -> str:
    """The best so far over the instructions in their order."""
    best, curve = 0.0, list[float]()
    for row in outcome.rows:
        best = max(best, row.worth or 0.0) if row.kept else best
        curve.append(100 * best)

    def draw(axes: Any) -> None:
        axes.step(range(1, len(curve) + 1), curve, where="post", color=POINT, linewidth=1.5)
        for row in outcome.rows:
            if row.worth is not None and row.worth >= 0:
                axes.plot([row.number], [100 * row.worth], "s", color=END, markersize=4)
        axes.set_xlabel("instruction", color=INK)
        axes.set_ylabel("worth, points", color=INK)
        plain(axes)

    return drawn(draw, f"Best so far: {', '.join(f'{value:.1f}' for value in curve)} points", "course")


def lineage(row: Row, known: dict[str, int]) -> str:
    """no. 3, no. 7"""
    return visible(", ".join(f"no. {known[name]}" for name in row.parents if name in known))
