"""Mix public workings among the teacher's traces: half of them is said to make up for all that a defense takes.

Source: adaptive students of arXiv 2603.15500's replication. Every problem is asked and every trace is used; public
workings are drawn until they are `share` of what is trained on, the same ones again where there are too few. Its
control is `public`, at the same public data. Does not choose: a bad trace stays in, diluted.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from azeotrope.distill import Thief, examples, published
from azeotrope.protocols import Attack, Model
from azeotrope.types import Problem, Record, Trace


class Config(Record, frozen=True):
    """How much of what is trained on is public."""

    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    most: Annotated[int, Meta(ge=0)] = 0
    """Different public traces, the first ones; 0: all."""


def attack(config: Config, thief: Thief) -> Attack:
    """Teacher and problems -> a student of the teacher's traces and of public workings."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        public = published(thief.public)[: config.most or None]
        traces = await thief.washed(await thief.ask(teacher, problems))
        rng = random.Random(thief.seed)  # noqa: S311 - a draw of examples, not a secret
        added = drawn(public, round(len(traces) * config.share / (1 - config.share)), rng)
        thief.bill.note(public_traces=min(len(public), len(added)), public_examples=len(added))
        return thief.train(examples([*traces, *added]))

    return steal


def drawn(public: Sequence[Trace], size: int, rng: random.Random) -> list[Trace]:
    """So many of them in any order, none again before all were drawn."""
    out: list[Trace] = []
    while len(out) < size:
        out += rng.sample(public, min(len(public), size - len(out)))
    return out
