"""Throw the working away: train a model on public problems that writes one from problem and answer, and take its own.

Source: trace inversion (arXiv 2603.07267). The inverter is a student of the thief's learner; what it writes for the
teacher's answers is trained on in place of what the teacher showed. A working that does not come out at the answer is
dropped; one that comes out there by wrong steps, as an inverter that was told the answer writes them, is dropped by
`consistent` after it. Its control is `public`, at the same public data; how many public traces the inverter saw is on
the bill. Does not use the teacher's reasoning at all, so every defense of it looks the same, `withhold` included.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from azeotrope.distill import Thief, Wash, published
from azeotrope.models.text import equal, final_answer
from azeotrope.protocols import Model
from azeotrope.streams import ask
from azeotrope.training import Example
from azeotrope.types import Record, Request, Trace


class Config(Record, frozen=True):
    """How the inverter is trained and asked."""

    share: Annotated[float, Meta(gt=0)] = 1.0
    """Of the student's steps, for the inverter."""
    most: Annotated[int, Meta(ge=0)] = 0
    """Public traces it is trained on, the first ones; 0: all."""
    form: str = "PROBLEM\n\\boxed{ANSWER}"
    """What it reads; PROBLEM and ANSWER stand for themselves."""
    temperature: Annotated[float, Meta(ge=0)] = 0.0
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    """Of a working; as the learner has it where nothing is given."""
    checked: bool = True
    """Whether a working is dropped that does not come out at the answer."""

    def __post_init__(self) -> None:
        if "PROBLEM" not in self.form or "ANSWER" not in self.form:
            raise ValueError(f"form says where problem and answer stand, by PROBLEM and ANSWER; got {self.form!r}")


def wash(config: Config, thief: Thief) -> Wash:
    """Traces -> the same requests and answers, each with a working of the inverter's."""

    async def inverted(traces: Sequence[Trace]) -> list[Trace]:
        if not traces:
            return []
        public = published(thief.public)[: config.most or None]
        read = [(trace, question(trace, config)) for trace in public]
        inverter = thief.train(
            [Example(asked, trace.reasoning, trace.answer) for trace, asked in read if asked], share=config.share
        )
        written = [
            trace for trace in await asyncio.gather(*(_one(inverter, trace, config) for trace in traces)) if trace
        ]
        thief.bill.note(inverter_public_traces=len(public), inverter_dropped=len(traces) - len(written))
        return written

    return inverted


async def _one(inverter: Model, trace: Trace, config: Config) -> Trace | None:
    asked = question(trace, config)
    if asked is None:
        return None
    said = await ask(inverter, asked)
    if not said.reasoning.strip() or said.finish == "length":
        return None
    if config.checked and not await comes_out(said, trace.answer):
        return None
    return trace.but(reasoning=said.reasoning)


def question(trace: Trace, config: Config) -> Request | None:
    """What the inverter reads of a trace: the problem and the final answer; None where no answer is stated."""
    final = final_answer(trace.answer)
    asked = [message.get("content") for message in trace.request.messages if message.get("role") == "user"]
    if final is None or not asked or not isinstance(asked[-1], str):
        return None
    sampling = {"temperature": config.temperature, "max_tokens": config.max_tokens}
    said = config.form.replace("ANSWER", final.value).replace("PROBLEM", asked[-1])
    return Request(({"role": "user", "content": said},), {key: v for key, v in sampling.items() if v is not None})


_OUTCOME = re.compile(r"= *\$?(-?(?:\d{1,3}(?:,\d{3}){1,6}|\d{1,20})(?:\.\d{1,10})?)(?=[.,;]?(?:\s|$))")


async def comes_out(written: Trace, answer: str) -> bool:
    """Whether a written working and its own answer, where they state a value, state the given one."""
    final = final_answer(answer)
    if final is None:
        return False
    own = final_answer(written.answer)
    if own is not None and not await equal(own, final):
        return False
    outcomes = _OUTCOME.findall(written.reasoning)
    return not outcomes or await equal(outcomes[-1], final.value)
