"""Ask fewer problems several times and keep the best sample of each, at the same number of queries.

Source: rejection sampling (Yuan et al., arXiv 2308.01825), here held to an equal budget: len(problems) // k problems,
k times. The best sample has the right final answer where the thief can grade, then the answer that most samples gave,
then any reasoning (a defense may have withheld some samples'), then the shortest. Does not help against a defense that
treats every sample alike; a teacher that always says the same gives k times the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from azeotrope.codec import encode
from azeotrope.distill import Thief, by_request, examples
from azeotrope.errors import Misconfigured
from azeotrope.models.text import equal, final_answer
from azeotrope.protocols import Attack, Model
from azeotrope.types import Problem, Record, Trace


class Config(Record, frozen=True):
    """How many samples, and what makes one the best."""

    k: Annotated[int, Meta(ge=2, le=64)] = 4
    graded: bool = True
    """Whether the gold answers of the problems are public: a right sample goes first."""
    majority: bool = True
    """Whether the answer that most samples gave goes first."""
    shortest: bool = True
    """Whether the shortest reasoning goes first; else the sample that was asked first."""


def attack(config: Config, thief: Thief) -> Attack:
    """Teacher and problems -> a student of the best samples."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        fewer = by_request(problems[: len(problems) // config.k])
        if not fewer:
            raise Misconfigured(f"best_of_k asks each problem {config.k} times, but may ask only {len(problems)} times")
        by: dict[bytes, list[Trace]] = {asked: [] for asked in fewer}
        for sample in range(config.k):
            for trace in await thief.ask(teacher, list(fewer.values()), seed=sample):
                by[encode(trace.request)].append(trace)
        best = [await _best(samples, fewer[asked], config, thief) for asked, samples in by.items() if samples]
        different = sum(len({(trace.reasoning, trace.answer) for trace in samples}) for samples in by.values())
        thief.bill.note(different_samples=different)
        return thief.train(examples(await thief.washed(best)))

    return steal


async def _best(samples: list[Trace], problem: Problem, config: Config, thief: Thief) -> Trace:
    right = [config.graded and await thief.task.grade(problem, trace.answer) for trace in samples]
    votes = await votes_for([trace.answer for trace in samples]) if config.majority else [0] * len(samples)
    bare = [not trace.reasoning.strip() for trace in samples]
    length = [len(trace.reasoning) if config.shortest else 0 for trace in samples]
    return samples[min(range(len(samples)), key=lambda at: (not right[at], -votes[at], bare[at], length[at]))]


async def votes_for(answers: Sequence[str]) -> list[int]:
    """How many of the answers state the same final value as each one; 0 for one that states none."""
    stated = [final.value if (final := final_answer(answer)) else None for answer in answers]
    count = Counter(value for value in stated if value is not None)
    votes: dict[str, int] = {}
    for value in count:
        votes[value] = sum([times for other, times in count.items() if other == value or await equal(value, other)])
    return [0 if value is None else votes[value] for value in stated]
