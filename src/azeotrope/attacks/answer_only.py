"""Train on the answers alone: what a teacher teaches whose reasoning nobody sees.

Source: the control of DistillGuard (arXiv 2603.07835). Under any defense of the reasoning it fares alike, which makes
it a floor that no such defense can push a thief below. Does not use the reasoning even where there is some.
"""

from __future__ import annotations

from collections.abc import Sequence

from azeotrope.distill import Thief, examples
from azeotrope.protocols import Attack, Model
from azeotrope.types import Problem, Record


class Config(Record, frozen=True):
    """Nothing to choose: the recipe is the learner's."""


def attack(config: Config, thief: Thief) -> Attack:
    """Teacher and problems -> a student of the teacher's answers."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        traces = await thief.washed(await thief.ask(teacher, problems))
        return thief.train(examples([trace.but(reasoning="") for trace in traces]))

    return steal
