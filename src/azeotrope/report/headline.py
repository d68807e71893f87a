"""What a report found, in one sentence a task."""

from __future__ import annotations

from azeotrope.evaluate.plan import IDENTITY
from azeotrope.report.records import Board, Floor, Greenlisted, Logits, Marked, Row
from azeotrope.report.words import chance, count, interval, leaked, listed, points, ratio, turned


def headline(board: Board) -> str:
    """What the logits teach, where any attack took them; what is left of marks; then the leaderboard."""
    said = [_logits(board.task, board.logits)] if board.logits else []
    said += [_marks(board)] if board.marks else []
    said += [_greenlists(board)] if board.greenlists else []
    said += [_board(board)] if not said or (board.defended and not _only_marked(board)) else []
    return " ".join(said)


def _only_marked(board: Board) -> bool:
    """Whether nothing was tested but marks, which are not there to hold a student back: nobody ranks them by that."""
    marked = {mark.defense for mark in (*board.marks, *board.greenlists)}
    return all(row.defense in marked for row in board.rows if row.rank)


def _marks(board: Board) -> str:
    """The best remembered mark and the least."""
    first, *others = sorted(board.marks, key=lambda mark: -mark.recall.value)
    least = f"; least of {others[-1].defense} under {others[-1].attack}: {_remembered(others[-1])}" if others else ""
    return (
        f"On {board.task} students say most of {first.defense} under {first.attack}: {_remembered(first)}{least} "
        f"(family-wise {first.alpha:g} over {count(first.keys)} keys)."
    )


def _greenlists(board: Board) -> str:
    """The greenest students' text and the least green."""
    first, *others = sorted(board.greenlists, key=lambda one: -one.own.value)
    least = f"; least green of {others[-1].defense} under {others[-1].attack}: {_green(others[-1])}" if others else ""
    return (
        f"On {board.task} students' text is greenest of {first.defense} under {first.attack}: {_green(first)}{least} "
        f"(by chance {100 * first.chance:.1f} %; family-wise {first.alpha:g} over {count(first.keys)} keys)."
    )


def _green(one: Greenlisted) -> str:
    return f"{interval(one.own)} of its pairs, and {interval(one.proved)} of {one.students} students proved"


def _remembered(mark: Marked) -> str:
    probes, proved = mark.proved[-1]
    read = "" if mark.exposures is None else f", each read {count(mark.exposures)} times,"
    return (
        f"{interval(mark.recall)} of the associations{read} and "
        f"{interval(proved)} of {mark.students} students proved within {probes} probes"
    )


def _logits(task: str, found: Logits) -> str:
    """Whether there is an advantage to take away; if so, who leaves least of it at the weakest cell."""
    told = (
        f"On {task} the best student from the undefended teacher's logits ({found.attack}) reaches "
        f"{interval(found.student)}{'' if found.stage == 'confirm' else ', screened only'}"
    )
    said = [_beside(floor) for floor in found.floors if floor.student and floor.advantage]
    told = f"{told}; {'; '.join(said)}." if said else f"{told}; it has nothing to be held against."
    if not any(floor.shown for floor in found.floors):
        return (
            f"{told} The logits are not shown to teach anything that cannot be had without them: there is no "
            "advantage of which a defense could leave a share."
        )
    return told + _least(found)


def _beside(floor: Floor) -> str:
    assert floor.student and floor.advantage
    told = f"{floor.name} ({floor.attack}) {interval(floor.student)}"
    if floor.advantage.value < 0:
        return f"{told}, {points(turned(floor.advantage))} more"
    shown = "" if floor.shown else ", which is not shown to be more than nothing"
    return f"{told}, {points(floor.advantage)} less{shown}"


def _least(found: Logits) -> str:
    if not found.rows:
        return ""
    at = [at for at, floor in enumerate(found.floors) if floor.shown][-1]
    kept = [(share, row) for row in found.rows if (one := row.weakest) and (share := (one.first, one.second)[at])]
    if not kept:
        return " No defense was attacked with logits at the stage that counts."
    share, row = min(kept, key=lambda pair: pair[0].value)
    assert row.weakest
    beaten = f" It is not shown to do more than {listed(row.unbeaten)}." if row.unbeaten else ""
    return (
        f" Least of what they add to {found.floors[at].name} is left by {row.defense}: {ratio(share)} at its weakest "
        f"cell ({row.weakest.attack}).{beaten}"
    )


def _board(board: Board) -> str:
    """The strongest defense by its weakest cell, between its two ends, and with whom it shares the place."""
    ranked = [row for row in board.rows if row.rank]
    if board.teachers:
        return _alone(board)
    if not ranked:
        return f"On {board.task} no defense has a confirmed cell yet, so there is no leaderboard: {_screened(board)}."
    best = ranked[0]
    attacks = "the one confirmed attack" if best.attacks == 1 else f"the best of {best.attacks} confirmed attacks"
    lead = "the only defense tested is" if len(ranked) == 1 else f"the strongest of {len(ranked)} defenses is"
    found = (
        f"On {board.task} {lead} {best.defense}: {attacks} ({best.attack}) gets a student to {interval(best.student)}"
    )
    return "".join((found, _ends(board), ".", _shared(ranked), _withheld(board, best), _leakage(best), _utility(best)))


def _alone(board: Board) -> str:
    """The most and the least that a defense leaves of the teacher, as it draws."""
    kept = [(one.right["raw"], one.defense) for one in board.teachers if one.defense != IDENTITY and "raw" in one.right]
    told = f"On {board.task} no student learned behind a defense, and only the teacher is told of"
    if not kept:
        return f"{told}."
    (most, best), (least, worst) = (end(kept, key=lambda pair: pair[0].value) for end in (max, min))
    own = next((one.right["raw"] for one in board.teachers if one.defense == IDENTITY and "raw" in one.right), None)
    bare = f"; undefended {interval(own)}" if own else ""
    return f"{told}: it is right in {interval(most)} behind {best}, and in {interval(least)} behind {worst}{bare}."


def _ends(board: Board) -> str:
    said = [
        f"{control.name} it would be {interval(control.student)}"
        if not at
        else f"{control.name} {interval(control.student)}"
        for at, control in enumerate(board.controls[:3])
        if control.student
    ]
    return f"; {listed(said)}" if said else ""


def _shared(ranked: list[Row]) -> str:
    tied = [row.defense for row in ranked[1:] if row.from_best and not (row.from_best.low or 0) > 0]
    return f" It is not set apart from {listed(tied)}." if tied else ""


def _withheld(board: Board, best: Row) -> str:
    """Said where the same attack gets the very same student from withholding; why it does, figures do not say."""
    floor = next((row for row in board.rows if row.role == "floor"), None)
    if not floor or (floor.attack, floor.student) != (best.attack, best.student):
        return ""
    return " Withholding leaves the same student: to this attack, what is released here is worth no more than nothing."


def _leakage(best: Row) -> str:
    if best.leakage:
        return f" Leakage {leaked(best.leakage, best.student)}."
    return f" There is no leakage to tell: {best.no_ratio}."


def _utility(best: Row) -> str:
    if not best.utility:
        return ""
    against = f" ({chance(best.p_value)} against the undefended teacher)" if best.p_value is not None else ""
    return f" The teacher behind it is right in {interval(best.utility)}{against}."


def _screened(board: Board) -> str:
    screened = sum(any(one.stage == "screen" and one.raw for one in square.stages) for square in board.squares)
    return f"{screened} of {len(board.squares)} cells are screened, at one seed and on validation"
