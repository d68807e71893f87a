"""State the answer before the steps: a yardstick, undone by whoever takes it away again.

Source: ours, from the measurement that a small student made to answer first never uses its own steps. The answer that
ends a response is the teacher's and stays where it is, so the student sees it twice. A working that is not numbered
steps, or an answer that states no final value, is withheld. Does not defend against `normalize`, which takes the first
one away, nor against a student that learns to read its last answer off its own steps.
"""

from __future__ import annotations

from azeotrope.models.text import final_answer, workings
from azeotrope.protocols import Given, Rewrite
from azeotrope.types import Record, Trace


class Config(Record, frozen=True):
    """How it is stated."""

    statement: str = "\\boxed{ANSWER}"
    """A line of its own; ANSWER stands for the final answer."""

    def __post_init__(self) -> None:
        if "ANSWER" not in self.statement:
            raise ValueError(f"statement says where the final answer stands, by ANSWER; got {self.statement!r}")


def rewrite(config: Config, given: Given) -> Rewrite:
    """Trace -> the same answer, stated before its steps, too."""

    async def stated(trace: Trace) -> Trace | None:
        final = final_answer(trace.answer)
        if final is None or workings.working(trace.reasoning) is None:
            return None
        return trace.but(reasoning=f"{config.statement.replace('ANSWER', final.value)}\n{trace.reasoning}")

    return stated
