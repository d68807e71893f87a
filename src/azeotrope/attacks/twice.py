"""Distil the student again: a second one, from fresh weights, learns what the first says to the same problems.

Source: born-again networks (Furlanello et al., arXiv 1805.04770), used to launder: what the first student does not say
of its own accord, the second never reads. One budget for both; the teacher is asked once. At temperature 0 a student
says what is likeliest, and a mark that stands in a tenth of the traces seldom is. Does not wash nor choose what the
first student says, and no error of it is mended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from azeotrope.distill import Thief, examples
from azeotrope.protocols import Attack, Model
from azeotrope.streams import answered_as, ask
from azeotrope.types import Problem, Record, Trace


class Config(Record, frozen=True):
    """How the budget is parted, and how the first student is asked."""

    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    """Of the training budget, for the second student."""
    temperature: Annotated[float, Meta(ge=0)] = 0.6
    """Of what the first one says; 0: its likeliest text."""


def attack(config: Config, thief: Thief) -> Attack:
    """Teacher and problems -> a student of a student."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        traces = await thief.washed(await thief.ask(teacher, problems))
        first = thief.train(examples(traces), share=1 - config.share)
        own = examples(await asyncio.gather(*(_said(first, problem, config) for problem in problems)))
        thief.bill.note(own_examples=len(own))
        return thief.train(own, share=config.share)

    return steal


async def _said(student: Model, problem: Problem, config: Config) -> Trace:
    """What the student says of its own: no query, and on no teacher's bill."""
    asked = problem.request
    warmed = replace(asked, sampling={**asked.sampling, "temperature": config.temperature})
    return answered_as(await ask(student, warmed), asked)
