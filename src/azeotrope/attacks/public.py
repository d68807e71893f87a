"""Train on the public workings alone: the control of every attack that brings public data.

Asks the teacher nothing. Not an attack: what it scores, the thief had already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from azeotrope.distill import Thief, examples, published
from azeotrope.protocols import Attack, Model
from azeotrope.types import Problem, Record


class Config(Record, frozen=True):
    """How much of it."""

    most: Annotated[int, Meta(ge=0)] = 0
    """Public traces, the first ones; 0: all."""


def attack(config: Config, thief: Thief) -> Attack:
    """Any teacher -> a student of public workings."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        traces = published(thief.public)[: config.most or None]
        thief.bill.note(public_traces=len(traces))
        return thief.train(examples(traces))

    return steal
