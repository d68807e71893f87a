"""Scripted: a model that answers by rule. Shipped, for tests, examples and dry runs; needs no network, no weights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from azeotrope.codec import digest
from azeotrope.streams import answered_as, play
from azeotrope.types import Event, Request, Trace

Rule = Callable[[Request], Trace | tuple[str, str] | str]
"""What to say: a whole trace, (reasoning, answer), or an answer alone. What it raises, the model raises."""


class Scripted:
    """Answers by rule, after `seconds`, in pieces of `pieces` characters (0: whole). `asked` keeps every request."""

    def __init__(self, rule: Rule, *, name: str = "scripted", seconds: float = 0.0, pieces: int = 0) -> None:
        self.name, self.asked = name, list[Request]()
        self._rule, self._seconds, self._pieces = rule, seconds, pieces

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        self.asked.append(request)
        if self._seconds:
            await asyncio.sleep(self._seconds)
        for event in play(self._trace(request), pieces=self._pieces):
            yield event

    def _trace(self, request: Request) -> Trace:
        said = self._rule(request)
        if isinstance(said, Trace):
            return answered_as(said, request)
        reasoning, answer = said if isinstance(said, tuple) else ("", said)
        return Trace(f"scripted-{digest(request)[:12]}", request, reasoning, answer, self.name)
