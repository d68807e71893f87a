"""What a reader must know before believing a number: everything here is looked for in every report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from azeotrope.evaluate.plan import CURVE, IDENTITY, UNTAUGHT
from azeotrope.report.board import ANSWERS, FLOOR, PARAPHRASE
from azeotrope.report.records import Board, Caution, Judged, Row, Square
from azeotrope.report.results import Results
from azeotrope.report.words import count, interval, listed, percent

ENOUGH = 5
"""Seeds without which no mean over seeds is believed."""
COLLAPSED = 0.5
"""Share of a student's misses above which it is called degenerate rather than wrong."""
SIGNIFICANT = 0.05
ENDS = (IDENTITY, FLOOR)
FAMILIES = ("proxy_family", "student_family")
"""Where a cell's notes say which models a defense was fitted against, and which the thief trains."""


def cautions(results: Results, boards: Iterable[Board]) -> tuple[Caution, ...]:
    """All of them, by task."""
    return (*_of_file(results), *(one for board in boards for one in _of_board(results, board)))


def _of_file(results: Results) -> Iterator[Caution]:
    for remark in results.remarks:
        yield Caution("file", "", remark)
    for name in ("commit", "version", "machine", "config"):
        values = list(dict.fromkeys(getattr(run, name) for run in results.runs))
        if len(values) > 1:
            told = listed([value[:40] or "unknown" for value in values])
            yield Caution("mixed runs", "", f"The file was written under {len(values)} values of {name}: {told}.")
    if not results.runs:
        yield Caution("file", "", "No line says what produced these results: version, commit and machine are unknown.")


def _of_board(results: Results, board: Board) -> Iterator[Caution]:
    for find in (
        _few_seeds,
        _seeds_in_common,
        _tied,
        _unconfirmed,
        _stronger,
        _powerless,
        _paraphrased,
        _missing,
        _failed,
        _no_ratio,
        _degenerate,
        _forced,
        _utility,
    ):
        for text in find(board):
            yield Caution(find.__name__.strip("_").replace("_", " "), board.task, text)
    for text in _family(results, board.task):
        yield Caution("family", board.task, text)


def _few_seeds(board: Board) -> Iterator[str]:
    few = {f"{row.defense} x {row.attack}": row.student.seeds for row in board.rows if row.student.seeds < ENOUGH}
    few |= {one.name: one.student.seeds for one in board.controls if one.student and one.student.seeds < ENOUGH}
    if few:
        told = listed([f"{name} ({seeds})" for name, seeds in few.items()])
        yield f"Fewer than {ENOUGH} seeds: {told}."


def _seeds_in_common(board: Board) -> Iterator[str]:
    """A leakage is told of the seeds that its arms share, and the ends of its scale of arms that have them all."""
    rows = {row.defense: row for row in board.rows}
    fewer = [
        f"{name} ({row.leakage.seeds} of {row.student.seeds})"
        for name, row in rows.items()
        if row.leakage and row.leakage.seeds < row.student.seeds
    ]
    if fewer:
        yield f"Leakage rests on the seeds that all of its attacks have, fewer than its student's: {listed(fewer)}."
    short = [
        f"{square.attack} on {name} ({len(own)} of {len(best)})"
        for square in board.squares
        if (name := square.defense) in ENDS and name in rows and square.attack not in UNTAUGHT
        if (own := _confirmed(square)) and not own >= (best := _seeds(board, name, rows[name].attack))
    ]
    if short:
        yield f"Without all seeds of the best attack there, so in no end of the scale of leakage: {listed(short)}."


def _confirmed(square: Square) -> set[int]:
    return {seed.seed for judged in square.stages if judged.stage == "confirm" for seed in judged.seeds}


def _seeds(board: Board, defense: str, attack: str) -> set[int]:
    return next(_confirmed(one) for one in board.squares if (one.defense, one.attack) == (defense, attack))


def _tied(board: Board) -> Iterator[str]:
    ranked = [row for row in board.rows if row.rank]
    pairs = [f"{row.defense} and {after.defense}" for row, after in pairwise(ranked) if row.tied]
    if pairs:
        yield f"Neighbours that cannot be ranked, their difference's interval includes 0: {'; '.join(pairs)}."


def _unconfirmed(board: Board) -> Iterator[str]:
    if board.unranked:
        yield f"Only screened, so not on the leaderboard: {listed(board.unranked)}."


def _stronger(board: Board) -> Iterator[str]:
    """A screened attack that outdid what was confirmed would have to be confirmed."""
    rows = {row.defense: row for row in board.rows}
    for square in board.squares:
        row, shown = rows.get(square.defense), square.shown
        if row and shown and shown.raw and shown.stage == "screen" and (shown.raw.low or 0) > row.student.value:
            yield (
                f"{square.attack} on {square.defense} screened at {interval(shown.raw)}, above the "
                f"{percent(row.student)} of {row.attack}, and was not confirmed: the weakest cell may be weaker."
            )


def _powerless(board: Board) -> Iterator[str]:
    """An attack that fails on the teacher itself says nothing of a defense that it fails on."""
    bare = {
        square.attack: square for square in board.squares if square.defense == IDENTITY and CURVE not in square.attack
    }
    floor = bare.get(ANSWERS)
    found = [name for name in bare if name not in (ANSWERS, *UNTAUGHT) and floor and _no_more(bare[name], floor)]
    if found:
        yield (
            f"Not shown to get more from the undefended teacher than its answers alone: {listed(found)}. That they "
            "fail on a defense says nothing of it."
        )


def _no_more(square: Square, floor: Square) -> bool:
    """Whether its students are not above those of `floor`, at the stage that counts."""
    shown = square.shown
    beside = next((one.raw for one in floor.stages if shown and one.stage == shown.stage), None)
    return bool(shown and shown.raw and beside and (shown.raw.low or 0) <= beside.value)


def _paraphrased(board: Board) -> Iterator[str]:
    """A plain paraphrase is what every rewrite must beat."""
    there = any(square.defense == PARAPHRASE for square in board.squares)
    if not there and any(row.rank for row in board.rows):
        yield "No plain paraphrase was run, so no defense is shown to do more than one."
    found = [row.defense for row in board.rows if row.from_control and not (row.from_control.low or 0) > 0]
    if found:
        yield f"Not shown to do more than a plain paraphrase: {listed(found)}."


def _missing(board: Board) -> Iterator[str]:
    absent = [control.name for control in board.controls if control.student is None]
    if absent:
        yield f"Controls that were not run: {listed(absent)}."


def _failed(board: Board) -> Iterator[str]:
    reasons = Counter[str]()
    for square in board.squares:
        for judged in square.stages:
            reasons.update(judged.failures)
    if reasons:
        told = listed([f"{times} x {reason}" for reason, times in reasons.most_common(5)])
        yield f"Cells that failed and have no score: {told}."
    unasked = sum(judged.raw.failed for square in board.squares for judged in square.stages if judged.raw)
    if unasked:
        yield f"Problems that could not be asked, and are in no denominator: {count(unasked)}."


def _no_ratio(board: Board) -> Iterator[str]:
    reasons = Counter(row.no_ratio for row in board.rows if row.no_ratio)
    for reason, times in reasons.items():
        yield f"No leakage for {times} of {len(board.rows)} defenses: {reason}."


def _degenerate(board: Board) -> Iterator[str]:
    found = [row.defense for row in board.rows if (one := _judged(board, row)) and _collapsed(one)]
    if found:
        yield (
            f"At the weakest cell of {listed(found)} most misses are degenerate (no answer, no stop, a loop) "
            "rather than wrong: the student may know more than it says."
        )


def _judged(board: Board, row: Row) -> Judged | None:
    at: Square | None = next(
        (one for one in board.squares if (one.defense, one.attack) == (row.defense, row.attack)), None
    )
    return at.shown if at else None


def _collapsed(judged: Judged) -> bool:
    misses = {verdict: count for verdict, count in judged.verdicts.items() if verdict not in ("right", "failed")}
    total = sum(misses.values())
    return bool(total) and (total - misses.get("wrong", 0)) / total > COLLAPSED


def _forced(board: Board) -> Iterator[str]:
    found = [
        f"{row.defense} ({percent(row.student)} raw, {percent(row.forced)} forced)"
        for row in board.rows
        if row.forced and row.forced.low is not None and row.forced.low > (row.student.high or row.student.value)
    ]
    if found:
        yield f"An answer forced out of the student's trace is right more often than what it says: {listed(found)}."


def _utility(board: Board) -> Iterator[str]:
    found = [row.defense for row in board.rows if row.p_value is not None and row.p_value < SIGNIFICANT]
    if found:
        yield f"The teacher's accuracy behind {listed(found)} differs from that of the undefended teacher."
    unknown = [row.defense for row in board.rows if row.utility is None]
    if unknown:
        yield f"Utility was not measured: {listed(unknown)}."


def _family(results: Results, task: str) -> Iterator[str]:
    """Which defenses were fitted against students of the very family that the thief trains."""
    found: dict[str, dict[str, None]] = {}
    for cell in results.cells:
        proxy, student = (cell.spent.notes.get(name) for name in FAMILIES)
        if cell.task == task and proxy is not None and proxy == student:
            found.setdefault(str(proxy), {})[cell.defense] = None
    for family, defenses in found.items():
        told = listed(list(defenses))
        yield f"Fitted against {family}, the family of the thief's student, so judged on home ground: {told}."
