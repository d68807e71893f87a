"""The grid of a report: every defense under every attack, seed by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import get_args

from azeotrope.evaluate.grid import Stage
from azeotrope.report.measured import Measures
from azeotrope.report.records import Judged, Sample, Seed, Square
from azeotrope.report.results import STAGES, Group, why
from azeotrope.types import LETTERS, Cell, Verdict

SAMPLES = 4
"""Shown of a square's stage at most."""


def squares(
    by_stage: Mapping[Stage, Mapping[tuple[str, str], Group]], weakest: Mapping[str, str], measures: Measures
) -> tuple[Square, ...]:
    """One square for each defense and attack that occur together. `weakest`: defense -> the best attack on it."""
    out: list[Square] = []
    for defense, attack in dict.fromkeys(where for stage in STAGES for where in by_stage[stage]):
        stages = [_judged(by_stage[stage].get((defense, attack)), stage, measures) for stage in STAGES]
        out.append(Square(defense, attack, tuple(filter(None, stages)), weakest.get(defense) == attack))
    return tuple(out)


def _judged(group: Group | None, stage: Stage, measures: Measures) -> Judged | None:
    if group is None:
        return None
    failures = tuple(map(why, group.failed))
    if not group.cells:
        return Judged(stage, group.failed[0].split, failures=failures)
    return Judged(
        stage=stage,
        split=group.cells[0].split,
        raw=measures.rate(group.scores()),
        forced=measures.optional(group.scores("forced")),
        shifted=measures.optional(group.scores("shifted")),
        subjects=measures.subjects([cell.scores for cell in group.cells]),
        verdicts=_verdicts(group),
        seeds=tuple(_seed(cell, measures) for cell in group.cells),
        failures=failures,
        samples=tuple(Sample(cell.seed, *said) for cell in group.cells for said in cell.samples)[:SAMPLES],
    )


def _verdicts(group: Group) -> dict[str, int]:
    letters = Counter("".join(score.verdicts for score in group.scores()))
    return {verdict: letters[LETTERS[verdict]] for verdict in get_args(Verdict)}


def _seed(cell: Cell, measures: Measures) -> Seed:
    spent, scores = cell.spent, cell.scores
    return Seed(
        seed=cell.seed,
        raw=measures.rate([scores["raw"]]),
        forced=measures.optional([scores["forced"]] if "forced" in scores else []),
        shifted=measures.optional([scores["shifted"]] if "shifted" in scores else []),
        queries=spent.queries,
        tokens_in=spent.tokens_in,
        tokens_out=spent.tokens_out,
        examples=spent.examples,
        steps=spent.steps,
        tokens_trained=spent.tokens_trained,
        cpu_seconds=spent.cpu_seconds,
        notes=spent.notes,
    )
