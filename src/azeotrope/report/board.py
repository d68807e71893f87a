"""From cells to a leaderboard: each defense by its weakest confirmed cell, its controls beside it.

Never an average over attacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from azeotrope import catalog, lift
from azeotrope.evaluate.grid import Stage
from azeotrope.evaluate.plan import IDENTITY, UNTAUGHT
from azeotrope.report.costs import costs
from azeotrope.report.curves import curves
from azeotrope.report.greenlists import greenlists
from azeotrope.report.logits import logits
from azeotrope.report.marks import marks
from azeotrope.report.measured import Measures, mcnemar, of_all_seeds, tokens
from azeotrope.report.prices import prices
from azeotrope.report.records import Board, Control, Role, Row, Square
from azeotrope.report.results import STAGES, Group, Results
from azeotrope.report.squares import squares
from azeotrope.report.teachers import teachers

FLOOR, PARAPHRASE = "withhold", "paraphrase"
"""What every grid is read by: the defense that does nothing, the one that gives answers alone, and one that rewrites
without an aim."""
ANSWERS, PUBLIC, NEVER = "answer_only", "public", "never"
ROLES: dict[str, Role] = {IDENTITY: "undefended", FLOOR: "floor", PARAPHRASE: "control"}

Groups = Mapping[tuple[str, str], Group]


def board(results: Results, task: str, measures: Measures) -> Board:
    """One task's leaderboard and grid."""
    by_stage: dict[Stage, Groups] = {stage: results.groups(task, stage) for stage in STAGES}
    confirmed = by_stage["confirm"]
    names = list(dict.fromkeys(defense for groups in by_stage.values() for defense, _ in groups))
    weakest = {name: attack for name in names if (attack := _weakest(confirmed, name, measures))}
    found = squares(by_stage, weakest, measures)
    attacks = _attacks(found)
    rows = [_row(results, task, by_stage, (name, attack), measures) for name, attack in weakest.items()]
    ranked = _ranked(rows, confirmed, measures)
    return Board(
        task=task,
        split=next((cell.split for group in confirmed.values() for cell in group.cells), ""),
        attacks=attacks,
        untaught=tuple(name for name in attacks if name in UNTAUGHT),
        rows=ranked,
        controls=tuple(_controls(by_stage, weakest.get(IDENTITY, ""), measures)),
        squares=found,
        costs=costs(found, attacks),
        curves=curves(found),
        marks=marks(by_stage),
        greenlists=greenlists(by_stage),
        logits=logits(results, task, by_stage, measures),
        prices=prices(results, task, [row.defense for row in ranked], measures),
        unranked=tuple(name for name in names if name not in weakest),
        teachers=teachers(results, task, measures),
    )


def _taken(groups: Groups, defense: str) -> dict[str, Group]:
    """attack -> its students, of those that came to a score and took something from the teacher."""
    return {
        attack: group
        for (name, attack), group in sorted(groups.items(), key=lambda item: item[0])
        if name == defense and attack not in UNTAUGHT and group.cells
    }


def _weakest(confirmed: Groups, defense: str, measures: Measures) -> str | None:
    """The attack whose students do best, by the mean over seeds; of equals the first by name."""
    found = {attack: measures.rate(group.scores()).value for attack, group in _taken(confirmed, defense).items()}
    return max(found, key=found.__getitem__, default=None)


def _attacks(found: Iterable[Square]) -> tuple[str, ...]:
    """Strongest first: by the best student an attack got from any defense but the identity."""
    best: dict[str, float] = {}
    for square in found:
        shown = square.shown
        value = shown.raw.value if shown and shown.raw and square.defense != IDENTITY else 0.0
        best[square.attack] = max(best.get(square.attack, 0.0), value)
    return tuple(sorted(best, key=lambda name: (name in UNTAUGHT, -best[name], name)))


def _row(
    results: Results, task: str, by_stage: Mapping[Stage, Groups], where: tuple[str, str], measures: Measures
) -> Row:
    defense, attack = where
    confirmed = by_stage["confirm"]
    best = confirmed[where]
    own, floor, ceiling = (list(_taken(confirmed, name).values()) for name in (defense, FLOOR, IDENTITY))
    leakage, no_ratio = measures.leakage(of_all_seeds(own) if defense in (FLOOR, IDENTITY) else own, floor, ceiling)
    mine, undefended = (results.utility(task, name, best.cells[0].split) for name in (defense, IDENTITY))
    return Row(
        rank=0,
        role=_role(defense),
        defense=defense,
        about=catalog.names("defenses").get(defense, ""),
        attack=attack,
        attacks=len(own),
        screened=len(_taken(by_stage["screen"], defense)),
        student=measures.rate(best.scores()),
        forced=measures.optional(best.scores("forced")),
        shifted=measures.optional(best.scores("shifted")),
        subjects=measures.subjects([cell.scores for cell in best.cells]),
        leakage=leakage,
        no_ratio=no_ratio,
        utility=measures.utility(mine, "raw"),
        utility_forced=measures.utility(mine, "forced"),
        utility_subjects=measures.subjects([mine.scores] if mine else []),
        p_value=mcnemar(mine, undefended, "raw"),
        p_value_forced=mcnemar(mine, undefended, "forced"),
        tokens=tokens(mine, undefended),
        outcomes=mine.outcomes if mine else {},
    )


def _role(defense: str) -> Role:
    if defense in ROLES:
        return ROLES[defense]
    return "yardstick" if defense in catalog.names("defenses") and lift.yardstick(defense) else "defense"


def _ranked(rows: Iterable[Row], confirmed: Groups, measures: Measures) -> tuple[Row, ...]:
    """Best first. What is no defense to be ranked stands among the others without a rank."""
    ordered = sorted(rows, key=lambda row: (row.student.value, row.defense))
    ranked = [row for row in ordered if row.role == "defense"]
    control = next((confirmed[row.defense, row.attack] for row in ordered if row.role == "control"), None)
    for at, row in enumerate(ranked):
        own = confirmed[row.defense, row.attack]
        first, *after = (confirmed[one.defense, one.attack] for one in (ranked[0], *ranked[at + 1 : at + 2]))
        ordered[ordered.index(row)] = replace(
            row,
            rank=at + 1,
            from_best=measures.difference(first, own) if at else None,
            from_next=measures.difference(own, after[0]) if after else None,
            from_control=measures.difference(own, control) if control else None,
        )
    return tuple(ordered)


def _controls(by_stage: Mapping[Stage, Groups], best: str, measures: Measures) -> Iterable[Control]:
    """What stands beside every student: each at its last stage, None where it was not run."""
    asked = (
        ("undefended", "the best attack on the teacher itself", best),
        ("answers only", "trained on the teacher's answers alone", ANSWERS),
        ("public only", "trained on the attacker's public data alone", PUBLIC),
        ("never distilled", "the student before it met the teacher", NEVER),
    )
    for name, what, attack in asked:
        stage: Stage | None = next((one for one in STAGES if _cells(by_stage[one], attack)), None)
        student = measures.rate(by_stage[stage][IDENTITY, attack].scores()) if stage else None
        yield Control(name, what, IDENTITY, attack, student, stage or "")


def _cells(groups: Groups, attack: str) -> bool:
    """Whether a student of the undefended teacher came to a score."""
    group = groups.get((IDENTITY, attack))
    return group is not None and bool(group.cells)
