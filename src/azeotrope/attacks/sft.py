"""Ask, wash, train on what came: the plain student that every other attack must beat.

Source: sequence-level distillation (Kim and Rush, arXiv 1606.07947), as every work on distilling reasoning does it.
Does not look at what it trains on: what a wash would drop, it learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from azeotrope.distill import Thief, examples
from azeotrope.protocols import Attack, Model
from azeotrope.types import Problem, Record, Request


class Config(Record, frozen=True):
    """How the teacher is asked."""

    temperature: Annotated[float, Meta(ge=0)] | None = None
    """As the teacher draws where nothing is given; 0: its likeliest text."""


def attack(config: Config, thief: Thief) -> Attack:
    """Teacher and problems -> a student of the teacher's traces."""

    def warmed(request: Request) -> Request:
        if config.temperature is None:
            return request
        return replace(request, sampling={**request.sampling, "temperature": config.temperature})

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        traces = await thief.washed(await thief.ask(teacher, problems, alter=warmed))
        return thief.train(examples(traces))

    return steal
