"""The names columns go by, and which of them a data set uses. Knows no row."""

from __future__ import annotations

from typing import Literal

from azeotrope.models.text import Policy
from azeotrope.types import Record


def _either_case(*names: str) -> tuple[str, ...]:
    return (*names, *(name.capitalize() for name in names))


QUESTIONS = _either_case("question", "problem", "prompt", "query", "instruction", "input", "user")
REASONINGS = (*_either_case(
    "reasoning", "reasoning_content", "thinking", "thoughts", "thought", "trace", "cot", "chain_of_thought",
    "rationale", "reasoning_trace", "reasoning_text", "reasoning_details", "thinking_trace", "thinking_trajectories",
    "deepseek_reasoning", "think_content", "complex_cot",
), "CoT", "COT", "Complex_CoT", "Chain_of_Thought", "analysis")  # fmt: skip
BESIDE = {"analysis": "final"}
"""What counts as reasoning only beside this member: the word means much else."""
ANSWERS = _either_case(
    "answer", "response", "output", "solution", "completion", "final_answer", "deepseek_solution", "content", "final"
)
LISTS = ("generations", "responses", "completions", "outputs", "answers", "samples")
"""Columns that hold several answers to one question."""

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
