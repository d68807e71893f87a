"""The README's table: grids of several tasks in one look, each defense by its weakest cell in each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from azeotrope.report import tables, words
from azeotrope.report.records import Board, Control, Price, Report, Row


class _Task(NamedTuple):
    """What all reports say of one task, by defense; of what several measured, the first."""

    name: str
    rows: dict[str, Row]
    prices: dict[str, Price]
    controls: tuple[Control, ...]


def grid(*reports: Report) -> Iterator[str]:
    """A line a defense that every task has a confirmed cell of: the undefended teacher, then the strongest first.

    What several reports measured is taken from the first of them. Yardsticks are no choice, and left out.
    """
    boards = [board for report in reports for board in report.boards]
    tasks = [_task([board for board in boards if board.task == name]) for name in dict.fromkeys(b.task for b in boards)]
    names = sorted(
        (name for name, row in tasks[0].rows.items() if row.role != "yardstick" and all(name in t.rows for t in tasks)),
        key=lambda name: _place([task.rows[name] for task in tasks]),
    )
    head = ["defense", *(f"best student, {task.name}" for task in tasks), "leakage", "teacher right", "tokens"]
    priced = any(task.prices for task in tasks)
    lines = [_line(name, tasks, priced) for name in names]
    yield from tables.table([*head, *(["time", "reads"] if priced else [])], lines)
    yield from ("", f"Students are of {words.basis(tasks[0].rows[names[0]].student)}. Controls: {_controls(tasks)}.")


def _task(boards: Sequence[Board]) -> _Task:
    latest = list(reversed(boards))
    return _Task(
        boards[0].task,
        {row.defense: row for board in latest for row in board.rows},
        {price.defense: price for board in latest for price in board.prices},
        boards[0].controls,
    )


def _place(rows: Sequence[Row]) -> tuple[bool, float, bool]:
    return rows[0].role != "undefended", sum(row.student.value for row in rows), rows[0].role != "defense"


def _controls(tasks: Sequence[_Task]) -> str:
    return "; ".join(
        f"{same[0].name} {_each(words.interval(one.student) if one.student else 'not run' for one in same)}"
        for same in zip(*(task.controls for task in tasks), strict=True)
        if same[0].name != "undefended"  # which has a line of its own
    )


def _line(name: str, tasks: Sequence[_Task], priced: bool) -> Iterator[str]:
    rows = [task.rows[name] for task in tasks]
    yield tables.code(name) if rows[0].role == "defense" else f"*{tables.plain(name)}*"
    yield from (words.interval(row.student) for row in rows)
    yield _each(words.leaked(row.leakage, row.student) if row.leakage else "no ratio" for row in rows)
    yield _each(words.percent(row.utility) if row.utility else "–" for row in rows)
    yield _each(words.times(row.tokens) if row.tokens is not None else "–" for row in rows)
    if priced:
        prices = [task.prices.get(name) for task in tasks]
        yield _each(words.times(price.trace_ratio.value) if price else "–" for price in prices)
        yield _each(words.ratio_alone(price.readability) if price and price.readability else "–" for price in prices)


def _each(shown: Iterable[str]) -> str:
    """One after the other; what is the same in every task, once."""
    return "; ".join(dict.fromkeys(shown))
