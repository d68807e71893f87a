"""Release the steps in another order: a yardstick, undone by whoever sorts them.

Source: ours, from the measurement that a small student learns nothing from steps out of order. Numbered steps change
places, in an order drawn from the seed and the trace; with `renumber` the labels stay where they were, so that only
the values say what follows what. A working that is not numbered steps, or has no other order, is withheld. Does not
defend against `normalize`, which sorts, and is of no use to an honest reader.
"""

from __future__ import annotations

import random

from azeotrope.models.text import workings
from azeotrope.protocols import Given, Rewrite
from azeotrope.types import Record, Trace


class Config(Record, frozen=True):
    """What becomes of the numbers of the steps."""

    renumber: bool = True
    """The first line shown is step 1, whichever it was; else each step keeps its number."""


def rewrite(config: Config, given: Given) -> Rewrite:
    """Trace -> the same answer, the steps in another order."""

    async def shuffled(trace: Trace) -> Trace | None:
        found = workings.working(trace.reasoning)
        if found is None or len({step.body for step in found.steps}) < 2:
            return None
        seed = f"{given.seed}\n{trace.reasoning}".encode("utf-8", "surrogatepass")
        rng = random.Random(seed)  # noqa: S311 - an order, not a secret
        steps = list(found.steps)
        while [step.body for step in steps] == [step.body for step in found.steps]:
            rng.shuffle(steps)
        if config.renumber:
            return trace.but(reasoning=str(found.but([step.body for step in steps])))
        moved = (old._replace(gap=new.gap) for old, new in zip(steps, found.steps, strict=True))
        return trace.but(reasoning=str(workings.Working(found.before, tuple(moved))))

    return shuffled
