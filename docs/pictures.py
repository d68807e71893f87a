"""The pictures of the results page: the report's own drawings, each as a file that stands by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from azeotrope.report.learning import learning
from azeotrope.report.recalling import recalling
from azeotrope.report.records import Board, Report
from azeotrope.report.weakest import weakest

STYLE = """<style>
svg { color: #1c2126; --quiet: #5a646d; --line: #d5dade; --accent: #0b6bcb; font-family: sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { color: #e8ebee; --quiet: #a3adb6; --line: #3a4148; --accent: #63b0ff; }
}
</style>"""
_SPACE = 'xmlns="http://www.w3.org/2000/svg"'


def pictures(name: str, report: Report) -> Iterator[tuple[str, str, str]]:
    """(file name, what it shows, SVG) of everything in a report that is better looked at than read."""
    for at, board in enumerate(report.boards):
        for kind, svg in _drawn(board, f"{name}-{at}"):
            yield f"{name}-{board.task}-{kind}.svg", words(svg), _alone(svg)


def words(svg: str) -> str:
    """What a drawing tells who cannot see it; nothing where there is none."""
    found = re.search(r'aria-label="([^"]*)"', svg)
    return found[1] if found else ""


def _drawn(board: Board, name: str) -> Iterator[tuple[str, str]]:
    bare = [curve for curve in board.curves if curve.defense == "none"]
    drawings = {
        "recall": recalling(board.marks, name) if board.marks else "",
        "learning": learning(bare, name) if bare else "",
    }
    if not (board.marks or bare) or any(row.leakage for row in board.rows):
        drawings["weakest"] = weakest(board, name)
    yield from ((kind, svg) for kind, svg in drawings.items() if svg)


def _alone(svg: str) -> str:
    """With its name space and its colours, in the light and in the dark."""
    return svg.replace("<svg", f"<svg {_SPACE}", 1).replace(">", f">{STYLE}", 1) + "\n"
