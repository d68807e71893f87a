"""Puts questions to a suspect, some at a time, and bears with whatever it does. Knows no key and no verdict.

A question that failed is no miss: it is counted as failed, with the kind of fault and never a word of the content.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from azeotrope.errors import Refused, Unavailable
from azeotrope.protocols import Model
from azeotrope.streams import ask
from azeotrope.types import Trace
from azeotrope.verify.probes import Question
from azeotrope.verify.records import Settings

_MOST = 2_000_000
"""Characters of one answer that are read; what floods beyond is cut, whoever sends it."""


class Reply(NamedTuple):
    """What came of one question: an answer, or why there is none."""

    question: Question
    answer: str | None
    why: str = ""

    def __repr__(self) -> str:
        return f"Reply({self.question!r}, why={self.why!r})"


class Asking:
    """One suspect. `gone` once it failed so often in a row that it is asked nothing more."""

    def __init__(self, model: Model, settings: Settings) -> None:
        self._model, self._settings, self._failed = model, settings, 0

    @property
    def gone(self) -> bool:
        return self._failed >= self._settings.gone

    async def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """All at the same time; answers in the order of the questions."""
        replies = await asyncio.gather(*map(self._one, questions))
        for reply in replies:
            self._failed = 0 if reply.answer is not None else self._failed + 1
        return replies

    async def _one(self, question: Question) -> Reply:
        try:
            async with asyncio.timeout(self._settings.deadline):
                trace = await ask(self._model, question.request)
        except TimeoutError:
            return Reply(question, None, "no answer in time")
        except Unavailable as error:
            return Reply(question, None, f"unavailable, status {error.status}" if error.status else "unavailable")
        except Refused as error:
            return Reply(question, None, f"refused, status {error.status}")
        except Exception as error:  # a callable's own, or a model's: it may say anything
            return Reply(question, None, f"failed, {type(error).__name__}")
        return Reply(question, _storable(said(trace)[:_MOST]))


def _storable(text: str) -> str:
    """Text that has UTF-8: half a surrogate pair, which a suspect may say, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def said(trace: Trace) -> str:
    """Everything in a response that is text: reasoning, answer, what its tools are called with."""
    calls = [str(call.get("function", "")) for call in trace.tool_calls]
    return "\n".join(filter(None, (trace.reasoning, trace.answer, *calls)))
