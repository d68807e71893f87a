"""Ask, wash, train on what came: the plain student that every other attack must beat.

Source: sequence-level distillation (Kim and Rush, arXiv 1606.07947), as every work on distilling reasoning does it.
Does not look at what it trains on: what a wash would drop, it learns.
"""

from __future__ import annotations

from collections.abc import Sequence

from azeotrope.distill import Thief, examples
from azeotrope.protocols import Attack, Model
from azeotrope.types import Problem, Record


class Config(Record, frozen=True):
    """Nothing to choose: the recipe is the learner's."""


def attack(config: Config, thief: Thief) -> Attack:
    """Teacher and problems -> a student of the teacher's traces."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        traces = await thief.washed(await thief.ask(teacher, problems))
        return thief.train(examples(traces))

    return steal
