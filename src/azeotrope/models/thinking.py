"""Thinking: gives a model without a reasoning channel one, by asking it twice: think, then answer.

Knows no wire and no engine. What the first call says is the reasoning; what the second says, given the problem and
those thoughts, is the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from msgspec.structs import replace

from azeotrope.errors import Misconfigured
from azeotrope.protocols import Model
from azeotrope.types import Answer, Event, Fields, Message, Opened, Reasoning, Request, Usage

THINK = (
    "Before anything is answered, think. Work through the user's request in small steps, in plain text: what is asked, "
    "what is known, how one gets from the one to the other. Check each step. Do not address the user yet."
)
ANSWER = "Those were your private notes. Now give the answer itself, short and complete, without repeating the notes."

_ANSWER_ONLY = frozenset({
    "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format", "grammar",
    "json_schema", "stop", "logprobs", "top_logprobs", "logit_bias", "prediction", "modalities", "audio",
    "max_tokens", "max_completion_tokens", "min_tokens",
})  # fmt: skip
"""What shapes the answer's form has no place in the thinking."""


class Thinking:
    """A model that thinks, at most `thought_tokens` tokens, then answers.

    The client's bound on tokens holds for the answer. Logprobs are the answer's alone; usage is the sum of both calls,
    the thinking's share under `completion_tokens_details.reasoning_tokens`; the finish reason is the answer's. Thoughts
    cut at their bound are used as they are. With `n` > 1 each choice thinks for itself, all at the same time.
    """

    def __init__(self, model: Model, *, thought_tokens: int = 512) -> None:
        if thought_tokens < 1:
            raise Misconfigured(f"thought_tokens is at least 1; got {thought_tokens}")
        self._model, self._thought_tokens = model, thought_tokens

    @property
    def name(self) -> str:
        return self._model.name

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """Raises what the model raises; if one choice fails, the response fails."""
        tallies: list[Fields] = []
        opened = False
        choices = [self._choice(_one(request, i), i) for i in range(request.choices)]
        async with aclosing(_side_by_side(choices)) as events:
            async for event in events:
                if isinstance(event, Usage):
                    tallies.append(event.counts)
                elif not isinstance(event, Opened):
                    yield event
                elif not opened:
                    opened = True
                    yield event
        if tallies:
            yield Usage(_total(tallies))

    async def _choice(self, request: Request, choice: int) -> AsyncGenerator[Event, None]:
        thoughts: list[str] = []
        async with aclosing(self._model.stream(_to_think(request, self._thought_tokens))) as events:
            async for event in events:
                match event:
                    case Reasoning() | Answer() if event.text:
                        thoughts.append(event.text)
                        yield Reasoning(event.text, choice)
                    case Opened():
                        yield event
                    case Usage():
                        yield Usage(_as_reasoning(event.counts))
                    case _:
                        pass
        async with aclosing(self._model.stream(_to_answer(request, "".join(thoughts)))) as events:
            async for event in events:
                yield event if isinstance(event, Opened | Usage) else replace(event, choice=choice)


def _one(request: Request, choice: int) -> Request:
    """The request for one choice; under a fixed seed each choice has its own, or all would say the same."""
    seed = request.sampling.get("seed")
    sampling = {**request.sampling, "seed": seed + choice} if isinstance(seed, int) else request.sampling
    return Request(request.messages, sampling, {k: v for k, v in request.options.items() if k != "n"})


def _to_think(request: Request, tokens: int) -> Request:
    """The first call: our instruction, no tools and no formats, a bound of its own."""
    bound = "max_completion_tokens" if "max_completion_tokens" in request.sampling else "max_tokens"
    sampling = {k: v for k, v in request.sampling.items() if k not in _ANSWER_ONLY}
    options = {k: v for k, v in request.options.items() if k not in _ANSWER_ONLY}
    return Request(_instructed(request.messages), {**sampling, bound: tokens}, options)


def _instructed(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """One system message, first: many chat templates allow no other."""
    first = messages[0] if messages else {}
    if first.get("role") in ("system", "developer") and isinstance(first.get("content"), str):
        return ({**first, "content": f"{first['content']}\n\n{THINK}"}, *messages[1:])
    return ({"role": "system", "content": THINK}, *messages)


def _to_answer(request: Request, thoughts: str) -> Request:
    """The second call: everything the client asked for, and the thoughts."""
    if not thoughts.strip():
        return request
    notes = ({"role": "assistant", "content": thoughts}, {"role": "user", "content": ANSWER})
    return replace(request, messages=(*request.messages, *notes))


def _as_reasoning(counts: Fields) -> Fields:
    """The thinking's usage, its output counted as reasoning."""
    details: Any = counts.get("completion_tokens_details") or {}
    return {
        **counts,
        "completion_tokens_details": {**details, "reasoning_tokens": counts.get("completion_tokens", 0)},
    }


def _total(tallies: list[Fields]) -> Fields:
    """Member by member; what is no number is kept as it came."""
    total: Fields = {}
    for tally in tallies:
        for key, value in tally.items():
            old: Any = total.get(key)
            if isinstance(value, dict):
                total[key] = _total([old or {}, value])
            else:
                total[key] = old + value if isinstance(old, int | float) and isinstance(value, int | float) else value
    return total


async def _side_by_side(streams: list[AsyncGenerator[Event, None]]) -> AsyncGenerator[Event, None]:
    """Several streams as one, as their events come; the first failure is everyone's. Closing it closes them all."""
    if len(streams) == 1:
        async with aclosing(streams[0]) as events:
            async for event in events:
                yield event
        return
    ready: asyncio.Queue[Event | BaseException | None] = asyncio.Queue(maxsize=len(streams))

    async def carry(stream: AsyncGenerator[Event, None]) -> None:
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    await ready.put(event)
            await ready.put(None)
        except Exception as error:
            await ready.put(error)

    tasks = [asyncio.create_task(carry(stream)) for stream in streams]
    running = len(tasks)
    try:
        while running:
            item = await ready.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                running -= 1
            else:
                yield item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
