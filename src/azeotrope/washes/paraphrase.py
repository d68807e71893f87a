"""Have a model of the thief's own write each working anew: plain textbook steps, the same content.

Source: paraphrase as a thief's first wash (DistillGuard, arXiv 2603.07835; scrubbing, arXiv 2502.11598); the
instruction is ours. The writer sees the working alone. Its tokens are on the bill's notes: it is no teacher. Does not
bring back what a defense took out: a writer that adds what is missing would be another teacher.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from azeotrope.distill import Thief, Wash, each
from azeotrope.errors import Misconfigured, Refused, Unavailable
from azeotrope.streams import ask
from azeotrope.types import Record, Request, Trace


class Config(Record, frozen=True):
    """What the writer is told, and what becomes of a working it fails at."""

    instruction: Annotated[str, Meta(min_length=1)] = (
        "Write the working below as a textbook would: short numbered steps in plain words, every calculation with "
        "its result, in the order in which each follows from the one before. Keep all that it says and add nothing. "
        "Reply with the steps alone."
    )
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.6
    max_tokens: Annotated[int, Meta(ge=1)] = 2048
    failed: Literal["keep", "drop"] = "keep"
    """A working that the writer did not finish is kept as it was, or dropped."""


def wash(config: Config, thief: Thief) -> Wash:
    """Traces -> the same requests and answers, every working in the writer's words."""
    writer = thief.writer
    if writer is None:
        raise Misconfigured("paraphrase needs a model that writes: give the thief a writer")

    async def written(trace: Trace) -> Trace | None:
        if not trace.reasoning:
            return trace
        kept = trace if config.failed == "keep" else None
        sampling = {"temperature": config.temperature, "max_tokens": config.max_tokens, "seed": thief.seed}
        try:
            said = await ask(writer, Request.of(_sendable(trace.reasoning), config.instruction, **sampling))
        except (Unavailable, Refused):
            _count(thief, writer_failed=1)
            return kept
        usage = said.usage or {}
        done = bool(said.answer.strip()) and said.finish != "length"
        _count(
            thief,
            writer_tokens_in=int(usage.get("prompt_tokens") or 0),
            writer_tokens_out=int(usage.get("completion_tokens") or 0),
            writer_failed=not done,
        )
        return trace.but(reasoning=said.answer.strip()) if done else kept

    async def paraphrased(traces: Sequence[Trace]) -> list[Trace]:
        _count(thief, writer_queries=sum(bool(trace.reasoning) for trace in traces))
        return await each(written, thief.at_once)(traces)

    return paraphrased


def _sendable(text: str) -> str:
    """Without lone surrogates, which no request can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _count(thief: Thief, **more: int) -> None:
    """Adds to the bill's notes."""
    thief.bill.note(**{name: int(thief.bill.notes.get(name, 0)) + value for name, value in more.items()})
