"""Write wrong values on the way to the right answer: a lie, for experiments only, refused by serve and protect.

Source: ours; the strongest thing that a working of the same form can do to a student, and so the yardstick that honest
defenses are held against. Every result but the last is replaced by a number near it, here and where the next step
begins with it: the trace looks coherent while every value on the way is wrong. A working that is not numbered
equations is withheld. Does not defend against a thief who recomputes, and cheats every honest reader.
"""

from __future__ import annotations

import random
from typing import Annotated

from msgspec import Meta

from azeotrope.models.text import workings
from azeotrope.models.text.workings import Equation, Working
from azeotrope.protocols import Given, Rewrite
from azeotrope.types import Record, Trace

YARDSTICK = True
"""For experiments only: never to face a reader."""


class Config(Record, frozen=True):
    """How wrong."""

    near: Annotated[int, Meta(ge=2, le=1000)] = 9
    """A wrong value is at most so far from the right one, and not negative where the right one is not."""


def rewrite(config: Config, given: Given) -> Rewrite:
    """Trace -> the same answer, its intermediate values wrong."""

    async def corrupted(trace: Trace) -> Trace | None:
        found = workings.working(trace.reasoning)
        equations = [workings.equation(step.body) for step in found.steps] if found else []
        if found is None or len(equations) < 2 or None in equations:
            return None
        seed = f"{given.seed}\n{trace.reasoning}".encode("utf-8", "surrogatepass")
        rng = random.Random(seed)  # noqa: S311 - wrong numbers, not secrets
        return trace.but(reasoning=str(_wrong(found, [one for one in equations if one], config.near, rng)))

    return corrupted


def _wrong(found: Working, equations: list[Equation], near: int, rng: random.Random) -> Working:
    bodies: list[str] = []
    right, wrong = "", ""
    for at, (step, said) in enumerate(zip(found.steps, equations, strict=True)):
        left = wrong if said.left == right and wrong else said.left
        right = said.result
        wrong = right if at == len(equations) - 1 else _near(right, near, rng)
        between = step.body[said.left_at + len(said.left) : said.result_at]
        bodies.append(
            f"{step.body[: said.left_at]}{left}{between}{wrong}{step.body[said.result_at + len(said.result) :]}"
        )
    return found.but(bodies)


def _near(value: str, near: int, rng: random.Random) -> str:
    """Another number, as precise; without the commas that set thousands apart."""
    whole, dot, rest = value.replace(",", "").partition(".")
    least = -near if whole.startswith("-") else max(-near, -int(whole))
    return f"{int(whole) + rng.choice([by for by in range(least, near + 1) if by])}{dot}{rest}"
