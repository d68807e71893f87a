"""What must be known before a grid is made: which teacher this is, and what each task holds. Builds the tasks."""

from __future__ import annotations

from functools import lru_cache

from azeotrope import catalog
from azeotrope.codec import convert, decode, digest, encode
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import teachers
from azeotrope.evaluate.grid import Facts, Known
from azeotrope.evaluate.plan import Experiment, Method, Subject
from azeotrope.protocols import Split, Task
from azeotrope.sheets import Sheet
from azeotrope.splits import SPLITS, disjoint
from azeotrope.types import Problem


def found(plan: Experiment) -> Facts:
    """Raises `Misconfigured` where the teacher is not there, a task cannot be built or its splits overlap."""
    tasks = {subject.label: _known(subject) for subject in plan.tasks}
    teacher = teachers.identity(plan.teacher)
    if plan.teacher.kind == "published":  # what it says stands in the tasks' data
        teacher = digest([teacher, {label: known.splits for label, known in tasks.items()}])
    return Facts(teacher, tasks)


def task_of(subject: Subject) -> Task:
    """The task, built once in a process."""
    return _built(encode(Method(subject.name, subject.config)))


def quotable(task: Task) -> bool:
    """Whether results may hold its questions; those of a data set are somebody's, and results name them."""
    return not isinstance(task, Sheet)


def solved(subject: Subject) -> tuple[Problem, ...]:
    """All of its problems whose workings its data set publishes."""
    return tuple(problem for split in SPLITS for problem in problems(subject, split) if problem.solution)


def problems(subject: Subject, split: Split) -> tuple[Problem, ...]:
    """The split's problems, as many as the experiment takes."""
    return tuple(task_of(subject).problems(split))[: getattr(subject.sizes, split)]


@lru_cache(8)
def _built(key: bytes) -> Task:
    method = decode(key, Method)
    module = catalog.load("tasks", method.name)
    return module.build(convert(method.config, module.Config, f"task {method.name!r}"))


def _known(subject: Subject) -> Known:
    disjoint(task_of(subject))
    by_split = {split: problems(subject, split) for split in SPLITS}
    for split in ("train", "validation", "test"):
        if not by_split[split]:
            raise Misconfigured(f"task {subject.label!r} has no {split} split, and every experiment needs one")
    _check_subjects(subject, {problem.subject for found in by_split.values() for problem in found})
    return Known(
        {split: digest(found) for split, found in by_split.items() if found},
        any(problem.solution for problem in by_split["proxy"]),
        tuple(teachers.offered(subject)),
    )


def _check_subjects(subject: Subject, there: set[str]) -> None:
    if unknown := sorted(set(subject.protect_subjects) - there):
        raise Misconfigured(
            f"task {subject.label!r} has no subject {unknown[0]!r} to protect; there are: {', '.join(sorted(there))}"
        )
