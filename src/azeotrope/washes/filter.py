"""Drop traces with a wrong final answer, where the gold is public, and traces unlike the others.

Source: rejection by answer, as every recipe for distilling reasoning does it. Odd is a trace without reasoning where
most have some, one that was cut, and one whose reasoning is so much longer or shorter than the median that its
logarithm lies `spread` robust deviations away. Does not look at the steps: a bad working with a right answer stays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Annotated

from msgspec import Meta

from azeotrope.codec import encode
from azeotrope.distill import Thief, Wash, by_request
from azeotrope.types import Record, Trace


class Config(Record, frozen=True):
    """What is dropped."""

    wrong: bool = True
    """Whether the gold answers of the problems are public."""
    bare: bool = True
    """No reasoning, where at least half have some: withheld from all, it is odd in none."""
    cut: bool = True
    """Ended by the token limit."""
    spread: Annotated[float, Meta(ge=0)] = 4.0
    """Robust standard deviations (1.4826 times the median absolute one) of log length; 0: any length."""


LEAST = 0.1
"""Log lengths spread at least so much: among traces nearly all alike, 5 % more is not odd."""


def wash(config: Config, thief: Thief) -> Wash:
    """Traces -> those worth learning, in order. What was dropped is on the bill."""

    async def filtered(traces: Sequence[Trace]) -> list[Trace]:
        known = by_request([*thief.task.problems("train"), *thief.public]) if config.wrong else {}
        odd = _odd(traces, config)
        kept: list[Trace] = []
        wrong = 0
        for trace, unlike in zip(traces, odd, strict=True):
            problem = known.get(encode(trace.request))
            if problem is not None and not await thief.task.grade(problem, trace.answer):
                wrong += 1
            elif not unlike:
                kept.append(trace)
        thief.bill.note(filtered_wrong=wrong, filtered_odd=len(traces) - len(kept) - wrong)
        return kept

    return filtered


def _odd(traces: Sequence[Trace], config: Config) -> list[bool]:
    lengths = [math.log(len(trace.reasoning)) for trace in traces if trace.reasoning]
    bare_is_odd = config.bare and 2 * len(lengths) >= len(traces)
    middle = median(lengths) if lengths else 0.0
    spread = max(1.4826 * median(abs(length - middle) for length in lengths), LEAST) if lengths else LEAST
    far = config.spread * spread if config.spread else math.inf

    def odd(trace: Trace) -> bool:
        if config.cut and trace.finish == "length":
            return True
        if not trace.reasoning:
            return bare_is_odd
        return abs(math.log(len(trace.reasoning)) - middle) > far

    return [odd(trace) for trace in traces]
