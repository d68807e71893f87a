"""The winner on students that chose nothing: other students than the proxies, other problems than the search's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as but
from time import perf_counter

from msgspec.structs import replace

from azeotrope import measure
from azeotrope.codec import digest
from azeotrope.distill import examples
from azeotrope.errors import Unavailable
from azeotrope.evaluate.facts import problems, quotable
from azeotrope.optimize.plan import Confirm
from azeotrope.optimize.records import Candidate, Confirmed, Expense, Line
from azeotrope.optimize.releasing import Bench, clean, rewritten
from azeotrope.optimize.results import Memory
from azeotrope.training import Example, Learner
from azeotrope.types import Problem, Score


async def confirmed(bench: Bench, how: Confirm, winner: Candidate, memory: Memory, learner: Learner) -> list[Confirmed]:
    """A pair of students a seed, of clean and of rewritten traces of the train split, judged on test."""
    asked, told = problems(bench.plan.task, "train"), problems(bench.plan.task, "test")
    context = digest([bench.identity, how.learner, list(asked), list(told)])
    contexts = [context, *_earlier(bench, how, asked)]
    known = {seed: found for seed in how.seeds if (found := _known(memory, winner.name, seed, contexts))}
    if missing := [seed for seed in how.seeds if seed not in known]:
        there, began = but(bench, learn=asked, search=()), perf_counter()
        before, after = await clean(there), await rewritten(there, winner.text)
        if after.undone:
            raise Unavailable(
                f"{after.undone} that confirm: run the same again, with more seconds in [rewriter] config if it is slow"
            )
        spent = after.expense
        for seed in missing:
            (clear, one), (less, other) = [
                await _judged(bench, learner, examples(each.learn), seed) for each in (before, after)
            ]
            now = perf_counter()
            cost = replace(spent.plus(one).plus(other), seconds=now - began)
            found = Confirmed(winner.name, seed, context, clear, less, after.kept, after.readable, cost)
            memory.add(Line(confirmed=found))
            known[seed] = found
            spent, began = Expense(), now
    return [known[seed] for seed in how.seeds]


def _known(memory: Memory, name: str, seed: int, contexts: Sequence[str]) -> Confirmed | None:
    return next((found for one in contexts if (found := memory.confirmed.get((name, seed, one)))), None)


def _earlier(bench: Bench, how: Confirm, asked: Sequence[Problem]) -> list[str]:
    """The context as it was before it said what the problems hold. Of a task that is made by rule the search's own
    identity says that; the files of any other may have changed since."""
    if not quotable(bench.task):
        return []
    return [digest([bench.identity, how.learner, [problem.id for problem in asked]])]


async def _judged(bench: Bench, learner: Learner, taught: Sequence[Example], seed: int) -> tuple[Score, Expense]:
    fitted = learner.fit(taught, seed=seed)
    found = await measure.score(fitted.model, bench.task, problems(bench.plan.task, "test"))
    return found.score, Expense(steps=fitted.steps, cpu_seconds=fitted.cpu_seconds)
