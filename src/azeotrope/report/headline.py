"""What a report found, in one sentence a task."""

from __future__ import annotations

from azeotrope.report.records import Board, Row
from azeotrope.report.words import chance, interval, listed, ratio


def headline(board: Board) -> str:
    """The strongest defense by its weakest cell, between its two ends, and with whom it shares the place."""
    ranked = [row for row in board.rows if row.rank]
    if not ranked:
        return f"On {board.task} no defense has a confirmed cell yet, so there is no leaderboard: {_screened(board)}."
    best = ranked[0]
    attacks = "the one confirmed attack" if best.attacks == 1 else f"the best of {best.attacks} confirmed attacks"
    lead = "the only defense tested is" if len(ranked) == 1 else f"the strongest of {len(ranked)} defenses is"
    found = (
        f"On {board.task} {lead} {best.defense}: {attacks} ({best.attack}) gets a student to {interval(best.student)}"
    )
    return "".join((found, _ends(board), ".", _shared(ranked), _leakage(best), _utility(best)))


def _ends(board: Board) -> str:
    said = [
        f"{control.name} it would be {interval(control.student)}"
        if not at
        else f"{control.name} {interval(control.student)}"
        for at, control in enumerate(board.controls[:2])
        if control.student
    ]
    return f"; {listed(said)}" if said else ""


def _shared(ranked: list[Row]) -> str:
    tied = [row.defense for row in ranked[1:] if row.from_best and not (row.from_best.low or 0) > 0]
    return f" It is not set apart from {listed(tied)}." if tied else ""


def _leakage(best: Row) -> str:
    if best.leakage:
        return f" Leakage {ratio(best.leakage)}."
    return f" There is no leakage to tell: {best.no_ratio}."


def _utility(best: Row) -> str:
    if not best.utility:
        return ""
    against = f" ({chance(best.p_value)} against the undefended teacher)" if best.p_value is not None else ""
    return f" The teacher behind it is right in {interval(best.utility)}{against}."


def _screened(board: Board) -> str:
    screened = sum(any(one.stage == "screen" and one.raw for one in square.stages) for square in board.squares)
    return f"{screened} of {len(board.squares)} cells are screened, at one seed and on validation"
