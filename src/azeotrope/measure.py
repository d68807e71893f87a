"""What a model scores on a task: each problem's verdict, also with its answer forced.

Source of answer forcing: arXiv 2602.15143: append a boxed-answer opener to the trace and let a model finish it, the
problem in its prompt. A failure is never a wrong answer; loops and missing ends are told apart from wrong ones. Knows
no task, no attack and no defense; says nothing of chance (that is `math.stats`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from azeotrope.errors import Refused, Unavailable
from azeotrope.models.dialect import Dialect
from azeotrope.models.text import answer_start, final_answer
from azeotrope.protocols import Model, Task
from azeotrope.release import problem as text_of
from azeotrope.streams import ask
from azeotrope.types import LETTERS, Problem, Request, Score, Trace, Verdict

OPENER = "\\boxed{"
_FORCED_TOKENS = 48
"""Of a forced answer."""
_TAIL, _TIMES, _SHORTEST = 3000, 3, 24
"""A loop: the last characters say the same this often in a row, and so many characters at least."""
_COUNTER = re.compile(r"\d+(?=[.:)])")


@dataclass(frozen=True, slots=True)
class Measured:
    """A score, and what was said to get it: one trace a problem, None where it could not be asked."""

    score: Score
    problems: tuple[Problem, ...]
    traces: tuple[Trace | None, ...]

    def samples(self, most: int, quoted: bool = True) -> tuple[tuple[str, str], ...]:
        """(problem, what was said), the first few; unless `quoted`, the problem by its id."""
        said = [
            (
                text_of(problem.request) if quoted else problem.id,
                "\n".join(filter(None, (trace.reasoning.rstrip(), trace.answer))),
            )
            for problem, trace in zip(self.problems, self.traces, strict=True)
            if trace is not None
        ]
        return tuple(said[:most])

    def by_subject(self) -> dict[str, Score]:
        """The score on each subject's problems."""
        letters: dict[str, str] = {}
        for problem, letter in zip(self.problems, self.score.verdicts, strict=True):
            letters[problem.subject] = letters.get(problem.subject, "") + letter
        return {subject: Score(verdicts) for subject, verdicts in sorted(letters.items())}


async def score(model: Model, task: Task, problems: Sequence[Problem], *, at_once: int = 512) -> Measured:
    """Asks the problems, so many at a time, and grades what is answered."""
    room = asyncio.Semaphore(at_once)

    async def one(problem: Problem) -> tuple[Verdict, Trace | None]:
        try:
            async with room:
                trace = await ask(model, problem.request)
            return await verdict(task, problem, trace), trace
        except (Unavailable, Refused):
            return "failed", None

    return _measured(problems, await asyncio.gather(*map(one, problems)))


async def forced(measured: Measured, task: Task, by: Model, *, at_once: int = 512) -> Measured:
    """The same traces, their answers replaced by what `by` concludes from them: the model itself, or its teacher.

    `by` sees the problem and the trace, opened for a boxed answer; what closes the box is graded.
    """
    room = asyncio.Semaphore(at_once)

    async def one(problem: Problem, trace: Trace | None) -> tuple[Verdict, Trace | None]:
        if trace is None:
            return "failed", None
        try:
            async with room:
                said = await ask(by, opened(problem.request, trace, apart=_dialect(by) is not None))
            concluded = replace(trace, answer=_closed(said, by), finish=said.finish)
            return await _of_forced(task, problem, concluded), concluded
        except (Unavailable, Refused):
            return "failed", None

    return _measured(measured.problems, await asyncio.gather(*map(one, measured.problems, measured.traces)))


def opened(request: Request, trace: Trace, *, apart: bool = False) -> Request:
    """The problem, and as the beginning of its answer the trace without any answer it states, and an open box.

    `apart`: the trace as the reasoning of that beginning (open weights write it where their dialect has it).
    """
    told = _told(trace)
    begun = {"role": "assistant", "content": f"{told}\n{OPENER}" if told else OPENER}
    if apart and told:
        begun = {"role": "assistant", "reasoning_content": told, "content": OPENER}
    sampling = {key: value for key, value in request.sampling.items() if key != "max_completion_tokens"}
    return replace(request, messages=(*request.messages, begun), sampling={**sampling, "max_tokens": _FORCED_TOKENS})


def _told(trace: Trace) -> str:
    """All that was said but for the sentence that states the answer, wherever it stands."""
    found = final_answer(trace.answer)
    if found is None:
        return (trace.reasoning + trace.answer).strip()
    before, behind = trace.answer[: answer_start(trace.answer)], trace.answer[found.end :]
    return f"{trace.reasoning}{before}{behind.lstrip(' .*$')}".strip()


def _dialect(model: Model) -> Dialect | None:
    """How open weights write. Models behind an interface, or a defense, keep reasoning and answer apart themselves."""
    found = getattr(model, "dialect", None)
    return found if isinstance(found, Dialect) else None


def _closed(said: Trace, by: Model) -> str:
    """The box that was opened, up to the brace that closes it; empty where none does."""
    text = said.answer if _dialect(by) is None else said.reasoning + said.answer
    text = text.lstrip().removeprefix(OPENER)
    depth = 1
    for at, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if not depth:
            return f"{OPENER}{text[:at]}}}" if text[:at].strip() else ""
    return ""


async def _of_forced(task: Task, problem: Problem, concluded: Trace) -> Verdict:
    """Only a box that never closes can run on: what comes behind the brace does not count."""
    if concluded.answer:
        return await verdict(task, problem, replace(concluded, finish="stop"))
    return "no_stop" if concluded.finish == "length" else "no_answer"


async def verdict(task: Task, problem: Problem, trace: Trace) -> Verdict:
    """What became of a problem that was answered. Raises what the task's grader raises."""
    if trace.finish == "length":
        return "loop" if loops(trace.reasoning + trace.answer) else "no_stop"
    if not trace.answer.strip():
        return "no_answer"
    if await task.grade(problem, trace.answer):
        return "right"
    return "wrong" if final_answer(trace.answer) else "no_answer"


def loops(text: str) -> bool:
    """Whether a text ends in saying the same over and over; counters ("Step 7:") may count on meanwhile."""
    tail = _COUNTER.sub("0", text[-_TAIL:].rstrip())
    for period in range(1, len(tail) // _TIMES + 1):
        often = max(_TIMES, -(-_SHORTEST // period))
        if tail.endswith(tail[-period:] * often):
            return True
    return False


def _measured(problems: Sequence[Problem], found: Sequence[tuple[Verdict, Trace | None]]) -> Measured:
    verdicts = "".join(LETTERS[said] for said, _ in found)
    return Measured(Score(verdicts), tuple(problems), tuple(trace for _, trace in found))
