"""What each defense leaves of the advantage that a teacher's logits give a student, over both floors.

(defended - floor) / (undefended - floor), paired by seed and problem. Floors: the student of the text alone, as arXiv
2602.03396 has it, and the best attack without logits. An attack that has no twin on the undefended teacher (one that
undoes a map) is held against the best one there. Knows attacks by the interface that their cells' notes name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from azeotrope.evaluate.choose import from_logits
from azeotrope.evaluate.grid import GREEDY, Stage
from azeotrope.evaluate.plan import CURVE, IDENTITY
from azeotrope.math import stats
from azeotrope.report.measured import Measures, of_all_seeds
from azeotrope.report.records import Floor, Left, Logits, Paid, Share
from azeotrope.report.results import STAGES, Group, Results
from azeotrope.types import Utility

SFT = ("text", "sft")
"""What the first floor is called: a student of the text alone."""
Groups = Mapping[tuple[str, str], Group]


def logits(results: Results, task: str, by_stage: Mapping[Stage, Groups], measures: Measures) -> Logits | None:
    """None where no attack took logits from the teacher itself, or nothing was stolen without them."""
    benches: dict[Stage, Bench] = {stage: bench for stage in STAGES if (bench := _bench(by_stage[stage]))}
    if not benches:
        return None
    stage = min(benches, key=lambda one: not _reached(by_stage[one]))
    ceiling, floors = benches[stage]
    label = _best(ceiling, measures)
    found = tuple(_floor(name, groups, ceiling, measures) for name, groups in floors.items())
    defenses = dict.fromkeys(defense for one in benches for defense, _ in by_stage[one] if defense != IDENTITY)
    best = {name: arms for name in defenses if (arms := list(_taken(by_stage[stage], name).values()))}
    rows = [
        Left(
            name, _shares(name, by_stage, benches, measures), _paid(results, task, name, stage),
            _unbeaten(name, best, measures), _weakest(best.get(name, []), ceiling, floors, measures),
        )
        for name in defenses if any(_taken(by_stage[one], name) for one in benches)
    ]  # fmt: skip
    return Logits(stage, label, measures.rate(ceiling[label].scores()), found, tuple(rows))


Bench = tuple[dict[str, Group], dict[str, dict[str, Group]]]
"""(attacks from the undefended teacher's logits, what each floor rests on)."""


def _bench(groups: Groups) -> Bench | None:
    ceiling = _taken(groups, IDENTITY)
    without = {
        attack: group for (name, attack), group in groups.items()
        if name == IDENTITY and group.cells and attack not in ceiling
    }  # fmt: skip
    text = {attack: group for attack, group in without.items() if attack.partition(CURVE)[0] in SFT}
    return (ceiling, {"text alone": text, "best without logits": without}) if ceiling and without else None


def _taken(groups: Groups, defense: str) -> dict[str, Group]:
    """attack -> its students, of those that took the defense's logits."""
    return {
        attack: group for (name, attack), group in groups.items() if name == defense and group.cells and _takes(group)
    }


def _takes(group: Group) -> bool:
    return any(from_logits(cell) for cell in group.cells)


def _reached(groups: Groups) -> bool:
    """Whether a defense came to a stage: floors and ceilings are confirmed before, and say nothing of it."""
    return any(defense != IDENTITY and group.cells and _takes(group) for (defense, _), group in groups.items())


def _best(groups: Mapping[str, Group], measures: Measures) -> str:
    """The attack whose students do best, by the mean over seeds."""
    return max(groups, key=lambda attack: measures.rate(groups[attack].scores()).value)


def _floor(name: str, groups: Mapping[str, Group], ceiling: Mapping[str, Group], measures: Measures) -> Floor:
    if not groups:
        return Floor(name, "", None, None)
    attack = _best(groups, measures)
    gained = measures.advantage(of_all_seeds(groups.values()), of_all_seeds(ceiling.values()))
    return Floor(name, attack, measures.rate(groups[attack].scores()), gained)


def _shares(
    defense: str, by_stage: Mapping[Stage, Groups], benches: Mapping[Stage, Bench], measures: Measures
) -> tuple[Share, ...]:
    """One for each attack, at the last stage that has both it and what it is held against; the strongest first."""
    found: dict[str, Share] = {}
    for stage, (ceiling, floors) in benches.items():
        for attack, group in _taken(by_stage[stage], defense).items():
            if attack in found:
                continue
            twin = [ceiling[attack]] if attack in ceiling else of_all_seeds(ceiling.values())
            left = [measures.share([group], of_all_seeds(floor.values()), twin) for floor in floors.values()]
            student = measures.rate(group.scores())
            found[attack] = Share(attack, stage, attack if attack in ceiling else "", student, *left)
    return tuple(sorted(found.values(), key=lambda one: -one.student.value))


def _weakest(
    arms: Sequence[Group], ceiling: Mapping[str, Group], floors: Mapping[str, Mapping[str, Group]], measures: Measures
) -> Share | None:
    """The best attack on the defense against the best on the teacher, each chosen anew in each draw."""
    if not arms:
        return None
    best_of = of_all_seeds(ceiling.values())
    left = [measures.share(arms, of_all_seeds(floor.values()), best_of) for floor in floors.values()]
    best = max(arms, key=lambda group: measures.rate(group.scores()).value)
    return Share(best.cells[0].attack, best.cells[0].stage, "", measures.rate(best.scores()), *left)


def _unbeaten(name: str, best: Mapping[str, Sequence[Group]], measures: Measures) -> tuple[str, ...]:
    """Other defenses whose best student is not shown to be above this one's."""
    if name not in best:
        return ()
    others = (other for other in best if other != name)
    return tuple(other for other in others if not _above(measures.advantage(best[name], best[other])))


def _above(gained: object) -> bool:
    return (getattr(gained, "low", None) or 0.0) > 0


def _paid(results: Results, task: str, defense: str, stage: Stage) -> tuple[Paid, ...]:
    """The teacher's loss by how it answers, paired."""
    splits = [cell.split for cell in results.cells if (cell.task, cell.stage) == (task, stage)]
    own, bare = (results.utility(task, name, splits[0]) for name in (defense, IDENTITY))
    return tuple(_lost(own, bare, ("raw", GREEDY))) if own and bare and own.split == bare.split else ()


def _lost(own: Utility, bare: Utility, kinds: Iterable[str]) -> Iterable[Paid]:
    for kind in kinds:
        if kind in own.scores and kind in bare.scores:
            before, after = bare.scores[kind], own.scores[kind]
            test = stats.mcnemar(before.verdicts, after.verdicts)
            change = stats.paired_difference(before.verdicts, after.verdicts)
            yield Paid(
                kind,
                before.rate,
                after.rate,
                (change.value, change.low, change.high),
                after.asked,
                test.lost,
                test.gained,
                test.p_value,
            )
