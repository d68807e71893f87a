"""A report as Markdown tables, and their place in a page that has one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from azeotrope.errors import Misconfigured
from azeotrope.report import words
from azeotrope.report.records import Board, Figure, Logits, Paid, Report, Row
from azeotrope.report.words import visible

BEGIN, END = "<!-- begin: lab -->\n", "<!-- end: lab -->"
HEAD = ("rank", "defense", "best attack", "best student", "leakage", "utility, raw", "utility, forced", "tokens")


def markdown(report: Report) -> str:
    """Each task's headline, leaderboard and controls."""
    return (
        "\n\n".join("\n".join(_board(board, said)) for board, said in zip(report.boards, report.headline, strict=True))
        + "\n"
    )


def written(path: Path, table: str) -> str:
    """The file's text with the table in its place; the table alone where there is no file yet."""
    if not path.exists():
        return table
    text = path.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise Misconfigured(f"{path} has no place for the table: it needs the lines {BEGIN.strip()} and {END}")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}{table}{END}{rest.partition(END)[2]}"


def _board(board: Board, said: str) -> Iterable[str]:
    yield _plain(said)
    if board.logits and any(row.weakest for row in board.logits.rows):
        yield from _logits(board.logits)
    if not any(row.rank for row in board.rows):
        yield from _leads(board)
        return
    yield ""
    yield _line(HEAD)
    yield _line("---" for _ in HEAD)
    yield from (_line(_row(row)) for row in board.rows)
    yield ""
    controls = [
        f"{control.name} {words.interval(control.student)} ({words.basis(control.student)})" if control.student
        else f"{control.name} not run"
        for control in board.controls
    ]  # fmt: skip
    yield f"Controls: {'; '.join(controls)}."


def _logits(found: Logits) -> Iterable[str]:
    """What each defense leaves of the logits' advantage at its weakest cell, beside what it costs the teacher."""
    over = [f"left over {floor.name}" for floor in found.floors]
    yield ""
    yield _line(("defense", "weakest cell", "student", *over, "teacher", "not shown to do more than"))
    yield _line(["---"] * (5 + len(over)))
    for row in found.rows:
        if row.weakest:
            left = [words.ratio(one) if one else "no ratio" for one in (row.weakest.first, row.weakest.second)]
            student = f"{words.interval(row.weakest.student)} ({words.basis(row.weakest.student)})"
            beaten = ", ".join(f"`{_code(name)}`" for name in row.unbeaten) or "–"
            paid = "; ".join(map(_paid, row.paid)) or "–"
            yield _line((f"`{_code(row.defense)}`", f"`{_code(row.weakest.attack)}`", student, *left, paid, beaten))


def _paid(paid: Paid) -> str:
    change = f"{100 * paid.before:.1f} → {100 * paid.after:.1f} %"
    return f"{paid.kind} {change} (n = {paid.n}, {words.chance(paid.p_value)})"


def _leads(board: Board) -> Iterable[str]:
    """Where no defense is confirmed: what was screened, as what it is."""
    best: dict[str, tuple[str, Figure]] = {}
    for square in board.squares:
        raw = next((stage.raw for stage in square.stages if stage.stage == "screen" and stage.raw), None)
        if raw and square.attack not in board.untaught:
            known = best.get(square.defense)
            best[square.defense] = (square.attack, raw) if not known or raw.value > known[1].value else known
    if best:
        yield ""
        yield _line(("defense", "best screened attack", "its student: a lead, flattered by the choice"))
        yield _line(("---",) * 3)
    for defense, (attack, raw) in best.items():
        yield _line((f"`{_code(defense)}`", f"`{_code(attack)}`", f"{words.interval(raw)} ({words.basis(raw)})"))


def _row(row: Row) -> Iterable[str]:
    yield (str(row.rank) if row.rank else "–") + (" ≈" if row.tied else "")
    yield f"`{_code(row.defense)}`"
    yield f"`{_code(row.attack)}`, of {row.attacks}"
    yield f"{words.interval(row.student)} ({words.basis(row.student)})"
    yield words.ratio(row.leakage) if row.leakage else "no ratio"
    yield _utility(row.utility, row.p_value)
    yield _utility(row.utility_forced, row.p_value_forced)
    yield words.times(row.tokens) if row.tokens is not None else "–"


def _utility(utility: Figure | None, p: float | None) -> str:
    if not utility:
        return "–"
    return f"{words.interval(utility)} ({words.basis(utility)}{f'; {words.chance(p)}' if p is not None else ''})"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(name: str) -> str:
    """A name inside a code span inside a table."""
    return re.sub(r"[`|\n\t]", "?", visible(name, 60))


def _plain(text: str) -> str:
    """Prose whose names may hold anything."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", visible(text).replace("\n", " "))
