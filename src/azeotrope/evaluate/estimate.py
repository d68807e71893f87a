"""How long a cell will take: as long as its like took before; for the tiny students a guess where there is none yet."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import NamedTuple

from azeotrope.evaluate.grid import Todo, variants
from azeotrope.evaluate.plan import UNTAUGHT, Experiment
from azeotrope.types import Cell, Utility

_TOKENS_AN_EXAMPLE, _TOKENS_A_SECOND, _AROUND = 60, 12_000, 20.0
"""Of the tiny students on one core (benchmarks); and seconds a cell takes beside its training."""


class Estimates:
    """Seconds by what is alike, the closest first. `add` what was done since."""

    def __init__(self, plan: Experiment, cells: Iterable[Cell], utilities: Iterable[Utility]) -> None:
        self._plan = plan
        self._shares = {variant.label: variant.share for attack in plan.attacks for variant in variants(attack)}
        self._seconds: dict[tuple[str, ...], list[float]] = {}
        for one in (*cells, *utilities):
            self.add(one)

    def add(self, one: Cell | Utility) -> None:
        if isinstance(one, Utility):
            self._note(("utility", one.task), one.seconds)
            self._note(("utility",), one.seconds)
        elif not one.reason:
            share = self._plan.screen.share if one.stage == "screen" else 1.0
            share *= self._shares.get(one.attack, 1.0)
            for like in _alike(one.task, one.attack, one.stage):
                self._note(like.key, one.seconds / (1.0 if like.same_stage else share))

    def seconds(self, todo: Todo) -> float | None:
        """None where nothing is known."""
        if todo.attack is None:
            found = self._seconds.get(("utility", todo.task.label)) or self._seconds.get(("utility",))
            return fmean(found) if found else None
        for like in _alike(todo.task.label, todo.attack.label, todo.stage):
            if found := self._seconds.get(like.key):
                return fmean(found) * (1.0 if like.same_stage else todo.share)
        return self._guess(todo)

    def total(self, todos: Iterable[Todo], workers: int) -> float | None:
        """Seconds for all of them side by side; None where nothing is known of any."""
        each = [self.seconds(todo) for todo in todos]
        known = [seconds for seconds in each if seconds is not None]
        if not known:
            return None if each else 0.0
        return (sum(known) + fmean(known) * (len(each) - len(known))) / workers

    def _note(self, key: tuple[str, ...], seconds: float) -> None:
        self._seconds.setdefault(key, []).append(seconds)

    def _guess(self, todo: Todo) -> float | None:
        recipe = self._plan.learner.recipe
        if self._plan.learner.kind != "tiny" or todo.attack is None:
            return None
        if todo.attack.name in UNTAUGHT[:1]:
            return _AROUND
        return recipe["steps"] * todo.share * recipe["batch"] * _TOKENS_AN_EXAMPLE / _TOKENS_A_SECOND + _AROUND


class _Like(NamedTuple):
    """What is alike, and whether its seconds are of the same stage: else they are of a whole budget."""

    key: tuple[str, ...]
    same_stage: bool


def _alike(task: str, attack: str, stage: str) -> tuple[_Like, ...]:
    """The closest first."""
    return (
        _Like(("all three", task, attack, stage), True),
        _Like(("attack and stage", attack, stage), True),
        _Like(("task and attack", task, attack), False),
        _Like(("attack", attack), False),
        _Like(("any",), False),
    )
