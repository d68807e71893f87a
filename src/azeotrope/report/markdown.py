"""A report as Markdown, and its place in a page that has one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from azeotrope.errors import Misconfigured
from azeotrope.report import tables
from azeotrope.report.records import Board, Report

BEGIN, END = "<!-- begin: lab -->\n", "<!-- end: lab -->"


def markdown(report: Report) -> str:
    """Each task's headline and tables."""
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


def _board(board: Board, said: str) -> Iterator[str]:
    yield tables.plain(said)
    if board.curves:
        yield from tables.curves(board.curves)
    if board.logits and any(row.weakest for row in board.logits.rows):
        yield from tables.logits(board.logits)
    if board.marks:
        yield from tables.marks(board.marks)
    if board.greenlists:
        yield from tables.greenlists(board.greenlists)
    if any(row.rank for row in board.rows):
        yield from tables.leaderboard(board)
    elif board.defended:
        yield from tables.leads(board)
    if board.teachers:
        yield from tables.teachers(board.teachers)
    if board.prices:
        yield from tables.prices(board)
