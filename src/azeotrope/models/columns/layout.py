"""The names columns go by, and which of them a data set uses. Knows no row."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from azeotrope.models.channels import NAMES
from azeotrope.models.text import Policy
from azeotrope.types import Record


def _either_case(*names: str) -> tuple[str, ...]:
    return (*names, *(name.capitalize() for name in names))


QUESTIONS = _either_case("question", "problem", "prompt", "query", "instruction", "input", "user")
_KNOWN = (*_either_case(
    "reasoning", "reasoning_content", "thinking", "thoughts", "thought", "trace", "cot", "chain_of_thought",
    "rationale", "reasoning_trace", "reasoning_text", "reasoning_details", "thinking_trace", "thinking_trajectories",
    "deepseek_reasoning", "think_content", "complex_cot",
), "CoT", "COT", "Complex_CoT", "Chain_of_Thought", "analysis")  # fmt: skip
REASONINGS = (*_KNOWN, *sorted(NAMES.difference(_KNOWN)))
BESIDE = {"analysis": "final"}
"""What counts as reasoning only beside this member: the word means much else."""
ANSWERS = _either_case(
    "answer", "response", "output", "solution", "completion", "final_answer", "deepseek_solution", "content", "final"
)
LISTS = ("generations", "responses", "completions", "outputs", "answers", "samples")
"""Columns that hold several answers to one question."""

_SEALED = ("signature", "encrypted")
"""In the name of a member that carries reasoning sealed, beside a word for reasoning or content."""


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


_PLAIN = {_plain(name) for name in REASONINGS} - set(BESIDE)


@lru_cache(4096)
def is_reasoning(name: str) -> bool:
    """Whether a member of this name is reasoning wherever it stands, however its words are joined."""
    return name not in BESIDE and _plain(name) in _PLAIN


@lru_cache(4096)
def is_sealed(name: str) -> bool:
    """Whether a member of this name carries reasoning encrypted, or signs it.

    Sealed reasoning can be replayed to who sealed it, so it goes when the reasoning does.
    """
    plain = _plain(name)
    about = any(word in plain for word in ("reason", "think", "thought", "content"))
    return about and any(word in plain for word in _SEALED)


_NAMES = {"question": QUESTIONS, "reasoning": REASONINGS, "answer": ANSWERS}


class Unreadable(Exception):
    """This row cannot be protected. The message says why and quotes nothing of it."""


class Layout(Record, frozen=True):
    """A data set's column names. What is empty is found by name and shape."""

    question: str = ""
    reasoning: str = ""
    answer: str = ""
    messages: str = ""
    policy: Policy = "tags"
    """What of an answer's text is reasoning (`models.text`)."""
    hashes: bool = False
    """Answers end in a line "#### 42", all before it being reasoning: a row without one is not let through."""
    found: tuple[str, ...] = ()
    """The columns in which the first rows hold reasoning."""
    keep: tuple[str, ...] = ()
    """Columns that may repeat the reasoning: the user says so."""

    def names(self, kind: Literal["question", "reasoning", "answer"]) -> tuple[str, ...]:
        """What a column of this kind may be called, the likeliest first."""
        chosen: str = getattr(self, kind)
        return (chosen,) if chosen else _NAMES[kind]
