"""That nothing a search chooses by is what its result is reported on: problems and students, by digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from azeotrope.codec import digest
from azeotrope.errors import Misconfigured
from azeotrope.evaluate.plan import Learning
from azeotrope.optimize.plan import Search
from azeotrope.release import problem as text_of
from azeotrope.splits import identity
from azeotrope.types import Problem


def problems_apart(groups: Mapping[str, Sequence[Problem]]) -> None:
    """Raises `Misconfigured`, naming both problems, where one question stands in two groups."""
    seen: dict[str, tuple[str, str]] = {}
    for group, found in groups.items():
        for problem in found:
            first, other = seen.setdefault(identity(text_of(problem.request)), (group, problem.id))
            if first != group:
                raise Misconfigured(
                    f"{other} ({first}) and {problem.id} ({group}) ask the same: a search must not see what its result "
                    "is reported on; take the question out of one of them"
                )


def students_apart(plan: Search) -> None:
    """Raises `Misconfigured` where a student that confirms is one of the proxies."""
    if plan.confirm is None:
        return
    proxies = {student(plan.proxies.learner, seed) for seed in plan.proxies.seeds}
    for seed in plan.confirm.seeds:
        if student(plan.confirm.learner, seed) in proxies:
            raise Misconfigured(
                f"[confirm] seed {seed} is a proxy student's of the same recipe: the result would be reported on a "
                "student that the search chose by; give other seeds"
            )


def student(learner: Learning, seed: int) -> str:
    """A student's identity: its recipe and its seed."""
    return digest([learner, seed])
