"""The README's table: a grid of several tasks in one look, each defense by its weakest cell in each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from azeotrope.report import tables, words
from azeotrope.report.records import Board, Report, Row


def grid(report: Report) -> Iterator[str]:
    """A line a defense, the strongest over all tasks first; of those that every task has a confirmed cell of."""
    boards = report.boards
    found = [{row.defense: row for row in board.rows} for board in boards]
    names = [name for name in found[0] if all(name in rows for rows in found)]
    names.sort(key=lambda name: sum(rows[name].student.value for rows in found))
    head = ["defense", *(f"best student, {board.task}" for board in boards), "leakage", "teacher right", "tokens"]
    priced = any(board.prices for board in boards)
    lines = [_line([rows[name] for rows in found], boards, priced) for name in names]
    yield from tables.table([*head, *(["time", "reads"] if priced else [])], lines)
    yield from ("", f"Students are of {words.basis(found[0][names[0]].student)}. Controls: {_controls(boards)}.")


def _controls(boards: Sequence[Board]) -> str:
    return "; ".join(
        f"{same[0].name} {_each(words.interval(one.student) if one.student else 'not run' for one in same)}"
        for same in zip(*(board.controls for board in boards), strict=True)
        if same[0].name != "undefended"  # which has a line of its own
    )


def _line(rows: Sequence[Row], boards: Sequence[Board], priced: bool) -> Iterator[str]:
    ranked = rows[0].role == "defense"
    yield tables.code(rows[0].defense) if ranked else f"*{tables.plain(rows[0].defense)}*"
    yield from (words.interval(row.student) for row in rows)
    yield _each(words.leaked(row.leakage, row.student) if row.leakage else "no ratio" for row in rows)
    yield _each(words.percent(row.utility) if row.utility else "–" for row in rows)
    yield _each(words.times(row.tokens) if row.tokens is not None else "–" for row in rows)
    if priced:
        prices = [next((one for one in board.prices if one.defense == rows[0].defense), None) for board in boards]
        yield _each(words.times(price.trace_ratio.value) if price else "–" for price in prices)
        yield _each(words.ratio_alone(price.readability) if price and price.readability else "–" for price in prices)


def _each(shown: Iterable[str]) -> str:
    """One after the other; what is the same in every task, once."""
    return "; ".join(dict.fromkeys(shown))
