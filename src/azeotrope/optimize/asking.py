"""What a teacher says to many problems, so many at a time; problems that it refuses are left out. Knows no score."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from azeotrope.errors import Misconfigured, Refused
from azeotrope.protocols import Model
from azeotrope.streams import ask
from azeotrope.types import Problem, Trace

AT_ONCE = 64
TURNED_DOWN = "teacher_refused_request"
"""Counted beside the checks: problems that the teacher refuses. Nobody is taught them, in either arm."""
A = TypeVar("A")
B = TypeVar("B")


async def answered(teacher: Model, problems: Sequence[Problem]) -> tuple[Trace, ...]:
    """Its traces, in order. Raises `Misconfigured` where it refuses most of the problems."""

    async def one(problem: Problem) -> Trace | Refused:
        try:
            return await ask(teacher, problem.request)
        except Refused as error:
            return error

    heard = await _in_order(one, problems)
    refused = [(problem, said) for problem, said in zip(problems, heard, strict=True) if isinstance(said, Refused)]
    if 2 * len(refused) > len(problems):
        first, why = refused[0]
        raise Misconfigured(
            f"the teacher {teacher.name} refuses {len(refused)} of {len(problems)} problems, the first is {first.id} "
            f"({why}): mend [teacher], or take another teacher or another [task]"
        )
    return tuple(said for said in heard if isinstance(said, Trace))


def check_reasoned(teacher: Model, traces: Sequence[Trace]) -> None:
    """Raises `Misconfigured` where no trace shows any reasoning: there is nothing to rewrite, and every score is 0."""
    if not any(trace.reasoning for trace in traces):
        raise Misconfigured(
            f"the teacher {teacher.name} shows no reasoning in any of {len(traces)} responses, so that nothing is "
            "there to rewrite: if it writes its reasoning into the answer, say so (endpoints: [teacher] "
            'reasoning_in_content = "span"); else take another teacher'
        )


async def again(model: Model, traces: Sequence[Trace]) -> tuple[Trace, ...]:
    """What the model says to the same requests."""

    async def one(trace: Trace) -> Trace:
        return await ask(model, trace.request)

    return tuple(await _in_order(one, traces))


async def _in_order(what: Callable[[A], Awaitable[B]], given: Sequence[A]) -> list[B]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(each: A) -> B:
        async with room:
            return await what(each)

    return await asyncio.gather(*map(one, given))
