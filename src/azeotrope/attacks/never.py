"""The student that never distilled: fresh or pretrained weights as they are, the control below every attack.

Asks nothing and trains nothing. Not an attack: what it scores, no teacher has lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from azeotrope.distill import Thief
from azeotrope.protocols import Attack, Model
from azeotrope.types import Problem, Record


class Config(Record, frozen=True):
    """Nothing to choose."""


def attack(config: Config, thief: Thief) -> Attack:
    """Any teacher -> the student as it was."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        return thief.learner.fresh(thief.seed)

    return steal
