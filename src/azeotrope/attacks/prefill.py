"""Put the opening of a working into the teacher's mouth, so that it goes on reasoning in the open.

Source: assistant prefill, as many interfaces offer it (the last message is the assistant's and is continued). What
comes is learned as reasoning and answer, the opening included. Does not work where the interface refuses such a
message, as our gateway does unless told otherwise: then nothing is left to learn from, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from azeotrope.distill import Thief, examples, in_the_open
from azeotrope.errors import Misconfigured
from azeotrope.protocols import Attack, Model
from azeotrope.types import Problem, Record, Request


class Config(Record, frozen=True):
    """The words put into its mouth."""

    opening: Annotated[str, Meta(min_length=1)] = "Step 1: "
    learned: bool = True
    """Whether the student learns to write the opening, too."""


def attack(config: Config, thief: Thief) -> Attack:
    """Teacher and problems -> a student of how the teacher went on."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        asked = await thief.ask(teacher, problems, alter=lambda request: begun(request, config.opening))
        if not asked:
            raise Misconfigured(
                f"there is nothing to learn: {teacher.name} answered none of {len(problems)} requests that end with "
                "the assistant's own words; this interface may not continue them"
            )
        opening = config.opening if config.learned else ""
        traces = await thief.washed([in_the_open(trace, opening) for trace in asked])
        thief.bill.note(with_working=sum(bool(trace.reasoning) for trace in traces))
        return thief.train(examples(traces))

    return steal


def begun(request: Request, opening: str) -> Request:
    """The request with the beginning of its answer."""
    messages = (*request.messages, {"role": "assistant", "content": opening})
    return Request(messages, request.sampling, request.options)
