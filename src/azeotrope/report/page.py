"""A report as one HTML page that needs nothing else: no script, no address, no font. Hostile text stays text."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from msgspec.structs import replace

from azeotrope.report import frame, words
from azeotrope.report.learning import learning
from azeotrope.report.plot import plot
from azeotrope.report.recalling import recalling
from azeotrope.report.records import Board, Figure, Report, Row, Square
from azeotrope.report.teachers import kinds
from azeotrope.report.words import visible
from azeotrope.types import Run
from azeotrope.verify.telling import power_of_ten

WAYS: dict[str, Callable[[Figure], str]] = {"percent": words.percent, "ratio": words.ratio_alone}
SCALES = {"percent": (100, 1), "ratio": (1, 2)}
PANELS = {
    "raw": "Utility as the teacher answers behind the defense.",
    "forced": "Utility of the released trace: an answer forced from it by the teacher itself.",
}


def page(report: Report) -> str:
    """The page. Every figure's `data-at` is where it stands in the JSON twin."""
    return frame.framed(
        "page.html", report=report, runs=_runs(report), anchor=_anchors(report), interval=words.interval,
        basis=words.basis, shown=_shown, brief=_brief, tally=_tally, span=_span, chances=_chances, multiple=_multiple,
        pointer=_pointer, place=_place, top=_top, heat=_heat, apart=_apart, defenses=_defenses, squares=_squares,
        square=_square, plots=_plots, learning=_learning, recalling=_recalling, percents=_percents, tiny=_tiny,
        priced=words.PRICED, placed=_placed, kinds=kinds, fewer_seeds=words.fewer_seeds,
    )  # fmt: skip


def _placed(board: Board, defense: str) -> tuple[int, Row] | None:
    """Its place on the leaderboard."""
    return next(((at, row) for at, row in enumerate(board.rows) if row.defense == defense), None)


def _shown(figure: Figure, at: str, how: str) -> Markup:
    scale, digits = SCALES[how]
    ends = words.ends(figure, scale, digits)
    inside = Markup("<b>{}</b><span>{}</span>").format(WAYS[how](figure), ends)
    return frame.at(inside, at)


def _brief(figure: Figure, at: str) -> Markup:
    return frame.at(f"{100 * figure.value:.0f}", at)


def _tally(number: float, at: str) -> Markup:
    return frame.at(words.count(number), at)


def _span(pair: tuple[float, float], at: str) -> Markup:
    low, high = map(words.count, pair)
    return frame.at(low if low == high else f"{low} – {high}", at)


def _chances(p: float, at: str) -> Markup:
    return frame.at(words.chance(p), at)


def _tiny(log_p: float, at: str) -> Markup:
    return frame.at(power_of_ten(log_p), at)


def _percents(rate: float) -> str:
    return f"{100 * rate:.1f} %"


def _multiple(number: float, at: str) -> Markup:
    return frame.at(words.times(number), at)


def _top(board: Board) -> float:
    """Where the scale of students ends: above everything shown, by tenths."""
    figures = [row.student for row in board.rows] + [one.student for one in board.controls if one.student]
    figures += [square.shown.raw for square in board.squares if square.shown and square.shown.raw]
    return min(1.0, math.ceil(10 * max((one.high or one.value for one in figures), default=1.0) - 1e-9) / 10) or 0.1


def _place(value: float, board: Board) -> float:
    """On the scale of students, in % of its width."""
    return round(100 * value / _top(board), 2)


def _heat(figure: Figure, board: Board) -> float:
    return round(min(1.0, figure.value / _top(board)), 3)


def _anchors(report: Report) -> Callable[[int, str, str], str]:
    """Names of our own for the places on the page: those of methods may hold anything."""
    known = {
        (at, square.defense, square.attack): f"cell-{at}-{number}"
        for at, board in enumerate(report.boards)
        for number, square in enumerate(board.squares)
    }
    return lambda at, defense, attack: known[at, defense, attack]


def _defenses(board: Board) -> list[str]:
    """As on the leaderboard, then those without a place on it."""
    return [*(row.defense for row in board.rows), *board.unranked]


def _apart(board: Board) -> str:
    """Where the columns begin that are no attacks."""
    return board.untaught[0] if board.untaught else ""


def _pointer(name: str) -> str:
    """A name as a part of a JSON pointer in a URI's fragment (RFC 6901, section 6)."""
    return quote(name.replace("~", "~0").replace("/", "~1"), safe="")


def _runs(report: Report) -> list[tuple[Run, list[str]]]:
    """Runs that differ, and when each began."""
    found: dict[Run, list[str]] = {}
    for run in report.runs:
        found.setdefault(replace(run, started=""), []).append(run.started)
    return [(run, sorted(times)) for run, times in found.items()]


def _squares(board: Board, defense: str) -> list[tuple[int, Square]]:
    found = [(at, square) for at, square in enumerate(board.squares) if square.defense == defense]
    return sorted(found, key=lambda one: board.attacks.index(one[1].attack))


def _square(board: Board, defense: str, attack: str) -> tuple[int, Square, int] | None:
    """(its number, the square, which of its stages counts)."""
    for at, square in enumerate(board.squares):
        if (square.defense, square.attack) == (defense, attack):
            return at, square, square.stages.index(square.shown) if square.shown else 0
    return None


def _plots(board: Board, number: int) -> list[dict[str, Any]]:
    drawn = {kind: plot(board, kind, f"plot-{number}-{kind}") for kind in PANELS}
    return [{"svg": Markup(svg), "what": PANELS[kind]} for kind, svg in drawn.items() if svg]  # noqa: S704 - escaped


def _recalling(board: Board, number: int) -> Markup:
    return Markup(recalling(board.marks, f"recalling-{number}"))  # noqa: S704 - escaped


def _learning(board: Board, number: int) -> list[dict[str, Any]]:
    """A panel for each defense that has learning curves."""
    return [
        {"svg": Markup(learning(own, f"learning-{number}-{at}")), "what": f"Behind {visible(defense)}."}  # noqa: S704 - escaped
        for at, defense in enumerate(dict.fromkeys(curve.defense for curve in board.curves))
        if (own := [curve for curve in board.curves if curve.defense == defense])
    ]
