"""Delete the sentences that state a value: near equals signs and "is <number>", or with a number from nowhere.

Source: the robustness test of Trace Rewriting (arXiv 2602.15143), which deletes by regex around "=". `equals` is that,
with the verbs that lead to a number in prose; it takes honest calculations as well, most of a mathematical working.
`numbers` is what a thief does who reads first: only sentences go that name a number of 4 digits or more which does not
occur in the problem. The bill says how many characters went, and what share of honest public workings goes the same
way. Does not know a mark: a target of 3 digits, in words, or taken from the problem stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from azeotrope.distill import Thief, Wash, published
from azeotrope.models.text.sentences import reworded
from azeotrope.types import Record, Request, Trace


class Config(Record, frozen=True):
    """What is deleted."""

    near: Literal["equals", "numbers"] = "equals"
    deletes: Literal["sentence", "clause"] = "sentence"
    """The whole sentence, or its part between commas, colons and semicolons."""


DIGITS = 4
"""Fewest of a number that is not of a school problem's size."""
_HONEST = 1000
"""Public workings that are cut for comparison."""


def wash(config: Config, thief: Thief) -> Wash:
    """Traces -> the same, without such sentences; a trace may be left without reasoning. The cost is on the bill."""

    async def cut(traces: Sequence[Trace]) -> list[Trace]:
        out = [_cut(trace, config) for trace in traces]
        gone = sum(len(old.reasoning) - len(new.reasoning) for old, new in zip(traces, out, strict=True))
        emptied = sum(bool(old.reasoning) and not new.reasoning for old, new in zip(traces, out, strict=True))
        thief.bill.note(cut_characters=gone, cut_emptied=emptied, **_honest(config, thief))
        return out

    return cut


def _honest(config: Config, thief: Thief) -> dict[str, float]:
    """The share of characters that public workings lose, where there are any."""
    if not any(problem.solution for problem in thief.public):
        return {}
    public = published(thief.public)[:_HONEST]
    size = sum(len(trace.reasoning) for trace in public)
    left = sum(len(_cut(trace, config).reasoning) for trace in public)
    return {"cut_public_share": round(1 - left / size, 4)}


def _cut(trace: Trace, config: Config) -> Trace:
    bad = states if config.near == "equals" else _strange(trace.request)

    def less(sentence: str) -> str | None:
        if not bad(sentence):
            return sentence
        return None if config.deletes == "sentence" else _clauses(sentence, bad)

    text = reworded(trace.reasoning, less)
    return trace.but(reasoning=text if text.strip() else "")


def _clauses(sentence: str, bad: Callable[[str], bool]) -> str | None:
    """What its other clauses say; None where that is no more than a label."""
    parts = [part for part in _PART.findall(sentence) if not bad(part)]
    left = "".join(parts).strip(" ,;:")
    if len(_WORD.findall(left)) < 2:
        return None
    return left + sentence[-1] if sentence[-1] in ".!?" and left[-1] not in ".!?" else left


def states(text: str) -> bool:
    """Whether an equals sign stands there, or a number behind a verb that leads to it."""
    return _EQUALS.search(text) is not None


def _strange(request: Request) -> Callable[[str], bool]:
    """Whether a text names a long number that the problem does not."""
    known = set[str]()
    for message in request.messages:
        known |= set(numbers(str(message.get("content") or "")))
    return lambda text: any(len(number.partition(".")[0]) >= DIGITS and number not in known for number in numbers(text))


def numbers(text: str) -> list[str]:
    """The text's numbers in digits, without separators: "83,440" and "83{,}440" are 83440."""
    return [_SEPARATOR.sub("", found) for found in _NUMBER.findall(text)]


_EQUALS = re.compile(
    r"[=≈≡≔⩵＝]|\\(?:approx|equiv)\b"
    r"|\b(?:is|are|was|were|be|equals?|to|makes?|gives?)\b:?(?: (?:about|exactly|just|only))? ?[-−]?[$€£]?\d",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:(?:,|\{,\}|[\u00a0\u2009\u202f_])\d{3}(?!\d))*(?:\.\d+)?")
_SEPARATOR = re.compile(r"[^\d.]")
_PART = re.compile(r"(?:[^,;:]|[,:](?=\S))+(?:[,;:]\s*|\Z)|[,;:]\s*")
_WORD = re.compile(r"[^\W\d_]+")
