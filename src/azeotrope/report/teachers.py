"""The teacher behind every defense, where nobody stole from it there: what a defense costs who pays."""

from __future__ import annotations

from collections.abc import Sequence

from azeotrope.evaluate.grid import GREEDY
from azeotrope.evaluate.plan import IDENTITY
from azeotrope.report.measured import Measures, mcnemar
from azeotrope.report.records import Answering
from azeotrope.report.results import Results
from azeotrope.types import Utility

KINDS = ("raw", "forced", GREEDY)


def teachers(results: Results, task: str, measures: Measures) -> tuple[Answering, ...]:
    """In the order of the file; empty where a student learned behind a defense, for then a leaderboard says it."""
    if any(cell.task == task and cell.defense != IDENTITY for cell in results.cells):
        return ()
    known = {one.defense: one for one in results.utilities if one.task == task}
    if not known.keys() - {IDENTITY}:
        return ()
    bare = known.get(IDENTITY)
    return tuple(one for name, own in known.items() if (one := _answering(name, own, bare, measures)).right)


def _answering(name: str, own: Utility, bare: Utility | None, measures: Measures) -> Answering:
    return Answering(
        name,
        {kind: figure for kind in KINDS if (figure := measures.utility(own, kind))},
        {kind: p for kind in KINDS if (p := mcnemar(own, bare, kind)) is not None},
    )


def kinds(found: Sequence[Answering]) -> list[str]:
    """Those that any of them has."""
    return [kind for kind in KINDS if any(kind in one.right for one in found)]
