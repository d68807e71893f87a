"""Results -> what was found: a page, its JSON twin, Markdown tables. Nothing is computed again but statistics.

report = build(Path("results/lab.jsonl"))
page(report), encode(report), markdown(report)
"""

from __future__ import annotations

from pathlib import Path

from azeotrope.report.board import board
from azeotrope.report.cautions import cautions
from azeotrope.report.headline import headline
from azeotrope.report.measured import Measures
from azeotrope.report.records import Report
from azeotrope.report.results import read


def build(source: Path, measures: Measures | None = None) -> Report:
    """A results file's report. Raises `Misconfigured` where it has nothing to report."""
    results, measures = read(source), measures or Measures()
    boards = tuple(board(results, task, measures) for task in results.tasks)
    return Report(tuple(map(headline, boards)), boards, cautions(results, boards), tuple(results.runs))
