"""Scores -> figures with their intervals. Hands over to `math.stats`; knows no attack and no defense."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

import numpy as np

from azeotrope.errors import Misconfigured
from azeotrope.math import stats
from azeotrope.math.stats.rows import of_rows
from azeotrope.math.stats.verdicts import Array
from azeotrope.report.records import Figure
from azeotrope.report.results import Group
from azeotrope.types import Score, Utility

SUBJECT = "raw:"


class Measures:
    """Everything a report computes. Each figure draws from a generator of its own: none depends on the others."""

    def __init__(self, seed: int = 0, draws: int = 4_000) -> None:
        self._seed, self._draws = seed, draws
        self._known: dict[object, Figure | None] = {}

    def rate(self, scores: Sequence[Score]) -> Figure:
        """Mean accuracy over seeds with the hierarchical bootstrap; of one seed the rate with Wilson's interval."""
        found = self._once(("rate", *scores), lambda: self._rate(scores))
        assert found is not None
        return found

    def optional(self, scores: Sequence[Score]) -> Figure | None:
        """The same; None where there is nothing."""
        kept = [score for score in scores if score.asked]
        return self.rate(kept) if kept else None

    def difference(self, first: Group, second: Group) -> Figure | None:
        """Mean accuracy of second minus that of first, paired by seed and problem; None without a seed in common."""
        ((one,), (two,)), seeds = _arms([first], [second])
        if not seeds:
            return None

        def found() -> Figure:
            estimate = stats.difference_of_means(one, two, rng=self._rng(), draws=self._draws)
            return Figure(*estimate, n=len(one[0]), seeds=len(seeds))

        return self._once(("difference", *one, "from", *two), found)

    def leakage(
        self, defended: Sequence[Group], withheld: Sequence[Group], undefended: Sequence[Group]
    ) -> tuple[Figure | None, str]:
        """The ratio, or why there is none. Each side: every attack that was confirmed on it; of the ends those that
        have all seeds of the best one there."""
        for name, side in (("withholding", withheld), ("the undefended teacher", undefended)):
            if not side:
                return None, f"nothing is confirmed on {name}"
        sides, seeds = _arms(defended, of_all_seeds(withheld), of_all_seeds(undefended))
        if not seeds:
            return None, "its attacks have no seed in common with those on both ends of the scale"
        found = stats.leakage(sides[0], sides[1], sides[2], rng=self._rng(), draws=self._draws)
        if found is None:
            return None, "the interval of what there is to leak (undefended less withheld) includes 0"
        return Figure(*found, n=len(sides[0][0][0]), seeds=len(seeds)), ""

    def advantage(self, floor: Sequence[Group], ceiling: Sequence[Group]) -> Figure | None:
        """Best of the ceiling less best of the floor, paired; None without a seed in common."""
        if not floor or not ceiling:
            return None
        (one, two), seeds = _arms(floor, ceiling)
        if not seeds:
            return None

        def found() -> Figure:
            estimate = stats.advantage(one, two, rng=self._rng(), draws=self._draws)
            return Figure(*estimate, n=len(one[0][0]), seeds=len(seeds))

        return self._once(("advantage", repr(one), repr(two)), found)

    def share(self, defended: Sequence[Group], floor: Sequence[Group], ceiling: Sequence[Group]) -> Figure | None:
        """(best defended - best of the floor) / (best of the ceiling - best of the floor); None where the interval of
        what is below the line includes 0, or no seed is in common."""
        if not (defended and floor and ceiling):
            return None
        sides, seeds = _arms(defended, floor, ceiling)
        gained = self.advantage(floor, ceiling)
        if not seeds or gained is None or not (gained.low or 0.0) > 0:
            return None
        found = stats.leakage(sides[0], sides[1], sides[2], rng=self._rng(), draws=self._draws)
        return Figure(*found, n=len(sides[0][0][0]), seeds=len(seeds)) if found else None

    def subjects(self, scores: Sequence[Mapping[str, Score]]) -> dict[str, Figure]:
        """Accuracy by subject, where subjects are told apart: scores whose name is `raw:` and a subject's."""
        names = dict.fromkeys(name for one in scores for name in one if name.startswith(SUBJECT))
        found = {name: self.optional([one[name] for one in scores if name in one]) for name in names}
        return {name.removeprefix(SUBJECT): figure for name, figure in found.items() if figure}

    def utility(self, utility: Utility | None, kind: str) -> Figure | None:
        return self.optional([utility.scores[kind]]) if utility and kind in utility.scores else None

    def over_traces(self, columns: Sequence[Sequence[float]], statistic: Callable[..., Array]) -> Figure:
        """A statistic of a trace's numbers, one column each, its interval by resampling traces."""
        estimate = of_rows(columns, statistic, rng=self._rng(), draws=self._draws)
        return Figure(*estimate, n=len(columns[0]))

    def _rate(self, scores: Sequence[Score]) -> Figure:
        n, failed = len(scores[0].verdicts), sum(score.failed for score in scores)
        if len(scores) == 1:
            return Figure(scores[0].rate, *stats.wilson(scores[0].correct, scores[0].asked), n, failed)
        estimate = stats.mean_accuracy([one.verdicts for one in scores], rng=self._rng(), draws=self._draws)
        return Figure(*estimate, n, failed, len(scores))

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self._seed)

    def _once(self, key: object, find: Callable[[], Figure]) -> Figure | None:
        if key not in self._known:
            self._known[key] = find()
        return self._known[key]


def of_all_seeds(groups: Iterable[Group]) -> list[Group]:
    """Those that have every seed of the best one among them: for an end of a scale, which the best one makes.

    A control may be confirmed at few seeds, and what is compared seed by seed would shrink to these for its sake. To
    leave an arm out can only lower an end, and no leakage below 1 is less for that.
    """
    groups = list(groups)
    best = max(groups, key=lambda one: (fmean(score.rate for score in one.scores()), len(one.seeds)), default=None)
    return [group for group in groups if best and set(group.seeds) >= set(best.seeds)]


def mcnemar(own: Utility | None, undefended: Utility | None, kind: str) -> float | None:
    """The p-value of a defense's utility against that of the undefended teacher; None for itself and without a pair."""
    if own is None or undefended is None or own is undefended or own.split != undefended.split:
        return None
    pair = [one.scores[kind].verdicts for one in (undefended, own) if kind in one.scores]
    if len(pair) < 2:
        return None
    if len(pair[0]) != len(pair[1]):
        raise Misconfigured(
            f"{own.defense} and {undefended.defense} on {own.task}: their utility was measured on {len(pair[1])} and "
            f"{len(pair[0])} problems; keep other settings in another file"
        )
    return stats.mcnemar(*pair).p_value


def tokens(own: Utility | None, undefended: Utility | None) -> float | None:
    """Tokens released over those of the undefended teacher, on the same problems."""
    if own is None or undefended is None or own.split != undefended.split or not undefended.tokens_out:
        return None
    return own.tokens_out / undefended.tokens_out


def _arms(*sides: Sequence[Group]) -> tuple[list[list[list[str]]], list[int]]:
    """(verdicts by side, attack and seed, of the seeds that all have; those seeds)."""
    shared = set[int].intersection(*(set(group.seeds) for side in sides for group in side))
    return [[_verdicts(group, shared) for group in side] for side in sides], sorted(shared)


def _verdicts(group: Group, seeds: set[int]) -> list[str]:
    return [cell.scores["raw"].verdicts for cell in group.cells if cell.seed in seeds]
