"""What students say of the marks in their traces: recall by association and family, and how soon it is proof.

A student is the unit: its associations were learned together, so intervals are over students.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from azeotrope.evaluate.grid import Stage
from azeotrope.math.stats import Answered, Rule, clopper_pearson, clustered
from azeotrope.math.stats.families import found
from azeotrope.report.records import Figure, Marked
from azeotrope.report.results import STAGES, Group
from azeotrope.types import Cell, Recall

PROBES = (1, 2, 5, 10, 20, 50)
"""Where the share of proved students is shown, as far as the budget goes."""
MIXED = "mix"
"""The attack whose public examples stand among the traces of the same training."""
AS_TOLD = {
    "accounts", "proxy_family", "public_examples", "public_traces", "sentences", "sentences_reworded", "student_family",
    "truncated", "weights_effective",
}  # fmt: skip
"""Notes of attacks that learn every trace, and of the wash that leaves trigger and target in place (`reword`)."""


def marks(by_stage: Mapping[Stage, Mapping[tuple[str, str], Group]]) -> tuple[Marked, ...]:
    """One for each defense and attack whose traces carried a mark, at the first stage that has any.

    Stages are not mixed: a screened student has read its traces a part as often.
    """
    for stage in STAGES:
        asked = {where: said for where, group in by_stage[stage].items() if (said := _said(group))}
        if asked:
            return tuple(_marked(*where, said, readings(by_stage[stage][where])) for where, said in asked.items())
    return ()


def _said(group: Group) -> list[Recall]:
    return [cell.recall for cell in group.cells if cell.recall]


def readings(group: Group) -> float | None:
    """How often a student read an association, mean over associations and students; None where that is not known of
    every student."""
    known = [_readings(cell, cell.recall) for cell in group.cells if cell.recall]
    return fmean(read) if len(read := [one for one in known if one is not None]) == len(known) else None


def _readings(cell: Cell, said: Recall) -> float | None:
    if said.read:
        return fmean(said.read)
    return said.passes * fmean(said.told) if said.passes and _learned_all(cell) else None


def _learned_all(cell: Cell) -> bool:
    """Whether the student was trained once, on every trace that its thief was told, as the teacher told it: of older
    results only these say how often it read an association. Every wash and every attack that does otherwise leaves
    notes of its own, or trains on another number of examples than it asked for."""
    notes, spent = cell.spent.notes, cell.spent
    added = int(notes.get("public_examples", 0))
    alone = not added or cell.attack.startswith(MIXED)  # `relearn` has the same notes, and a second training
    return alone and notes.keys() <= AS_TOLD and spent.examples == spent.queries + added


def _marked(defense: str, attack: str, asked: Sequence[Recall], read: float | None) -> Marked:
    families = dict.fromkeys(name for one in asked for name in one.families)
    budget = max(len(one.lines) for one in asked)
    shown = [probes for probes in PROBES if probes < budget] + [budget]
    return Marked(
        defense, attack, len(asked), fmean(count for one in asked for count in one.told),
        _recall(asked),
        {name: _recall(asked, name) for name in families},
        tuple((probes, _proved(asked, probes)) for probes in shown),
        asked[0].keys, asked[0].alpha,
        read,
        {f"{form}, {heat:g}": figure for form, heat in _forms(asked)
         if (figure := _share([[right for *where, right in one.contexts if tuple(where) == (form, heat)]
                               for one in asked]))},
        _share([[own for _, _, own, _ in one.never] for one in asked]),
        _share([[other for _, _, _, other in one.never] for one in asked]),
    )  # fmt: skip


def _recall(asked: Sequence[Recall], family: str = "") -> Figure:
    """Of the associations of all families or of one: n of them, in so many students (`seeds`)."""
    hits = [_hits(one, family) for one in asked]
    rates = [fmean(own) for own in hits if own]
    return Figure(fmean(rates), *clustered(rates), n=sum(map(len, hits)), seeds=len(rates))


def _forms(asked: Sequence[Recall]) -> list[tuple[str, float]]:
    """Forms and temperatures that were asked in."""
    return sorted({(form, heat) for one in asked for form, heat, _ in one.contexts})


def _share(by_student: Sequence[Sequence[bool]]) -> Figure | None:
    """Of all answers, students weighing the same; None where there is none."""
    rates = [fmean(own) for own in by_student if own]
    return Figure(fmean(rates), *clustered(rates), n=sum(map(len, by_student)), seeds=len(rates)) if rates else None


def _hits(said: Recall, family: str) -> list[bool]:
    hit = {association for association, _, right in said.lines if right}
    return [at in hit for at, name in enumerate(said.families) if family in ("", name)]


def _proved(asked: Sequence[Recall], probes: int) -> Figure:
    """Share of students, with the interval of Clopper and Pearson."""
    proved = sum(_is_proved(one, probes) for one in asked)
    return Figure(proved / len(asked), *clopper_pearson(proved, len(asked)), n=len(asked))


def _is_proved(said: Recall, probes: int) -> bool:
    """As if `probes` had been the budget."""
    answers = [Answered(*line) for line in said.lines[:probes]]
    return found(answers, Rule(said.alpha, said.keys, said.values), complete=True).proved
