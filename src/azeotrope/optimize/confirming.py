"""The winner on students that chose nothing: other students than the proxies, other problems than the search's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as but
from time import perf_counter

from msgspec.structs import replace

from azeotrope import measure
from azeotrope.codec import digest
from azeotrope.distill import examples
from azeotrope.evaluate.facts import problems
from azeotrope.optimize.plan import Confirm
from azeotrope.optimize.records import Candidate, Confirmed, Expense, Line
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
        there, began = but(bench, learn=asked, search=()), perf_counter()
        before, after = await clean(there), await rewritten(there, winner.text)
        spent = after.expense
        for _, seed, _ in missing:
            (clear, one), (less, other) = [
                await _judged(bench, learner, examples(each.learn), seed) for each in (before, after)
            ]
            now = perf_counter()
            cost = replace(spent.plus(one).plus(other), seconds=now - began)
            found = Confirmed(winner.name, seed, context, clear, less, after.kept, after.readable, cost)
            memory.add(Line(confirmed=found))
            spent, began = Expense(), now
    return [memory.confirmed[key] for key in wanted]


async def _judged(bench: Bench, learner: Learner, taught: Sequence[Example], seed: int) -> tuple[Score, Expense]:
    fitted = learner.fit(taught, seed=seed)
    found = await measure.score(fitted.model, bench.task, problems(bench.plan.task, "test"))
    return found.score, Expense(steps=fitted.steps, cpu_seconds=fitted.cpu_seconds)
