"""The winner on students that chose nothing: other students than the proxies, other problems than the search's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as but

from azeotrope import measure
from azeotrope.codec import digest
from azeotrope.distill import examples
from azeotrope.evaluate.facts import problems
from azeotrope.optimize.plan import Confirm
from azeotrope.optimize.records import Candidate, Confirmed, Line
from azeotrope.optimize.releasing import Bench, clean, rewritten
from azeotrope.optimize.results import Memory
from azeotrope.training import Example, Learner
from azeotrope.types import Score


async def confirmed(bench: Bench, how: Confirm, winner: Candidate, memory: Memory, learner: Learner) -> list[Confirmed]:
    """A pair of students a seed, of clean and of rewritten traces of the train split, judged on test."""
    asked = problems(bench.plan.task, "train")
    context = digest([bench.identity, how.learner, [problem.id for problem in asked]])
    wanted = [(winner.name, seed, context) for seed in how.seeds]
    if missing := [key for key in wanted if key not in memory.confirmed]:
        there = but(bench, learn=asked, search=())
        taught = [await clean(there), await rewritten(there, winner.text)]
        for _, seed, _ in missing:
            scores = [await _judged(bench, learner, examples(one.learn), seed) for one in taught]
            memory.add(Line(confirmed=Confirmed(winner.name, seed, context, *scores)))
    return [memory.confirmed[key] for key in wanted]


async def _judged(bench: Bench, learner: Learner, taught: Sequence[Example], seed: int) -> Score:
    fitted = learner.fit(taught, seed=seed)
    return (await measure.score(fitted.model, bench.task, problems(bench.plan.task, "test"))).score
