"""Recipe in, proxy student out: taught a part of the public workings, the rest written beside it as held out.

What defenses that read along, or that know what harms a student, are handed as their artifact. Knows no defense.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta, to_builtins

from azeotrope.codec import convert, read_toml
from azeotrope.distill import examples, published
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import learners, teachers
from azeotrope.evaluate.facts import problems
from azeotrope.evaluate.plan import Learning, Subject, Teacher
from azeotrope.models import shipped
from azeotrope.models.open import Open
from azeotrope.protocols import Model
from azeotrope.training import Fitted, proxies
from azeotrope.types import Fields, Problem, Record

Share = Annotated[float, Meta(gt=0, lt=1)]


class Tutoring(Record, frozen=True):
    """The whole of it. `[proxy]` is as an experiment's `[learner]`."""

    tasks: Annotated[tuple[Subject, ...], Meta(min_length=1)]
    """Whose public workings (proxy splits) are taken, those of all tasks together."""
    teacher: Teacher = Teacher()
    """Whose tokenizer and way of writing the proxy has."""
    proxy: Learning = Learning("tiny", {})
    held: Share = 0.2
    """Of each task's workings, the last ones: not learned, written down."""
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Of the proxy's steps: one that has learned all there is has no gradient left."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Tutored:
    """What came of it."""

    digest: str
    """Of the weights."""
    fitted: Fitted
    learned: int
    held: int
    """Workings."""


def read(path: Path) -> Tutoring:
    """The recipe in a TOML file."""
    return checked(read_toml(path), str(path))


def checked(values: Fields, where: str) -> Tutoring:
    """A table -> a recipe. Raises `Misconfigured` naming the member at fault."""
    proxy = learners.learning(values.get("proxy", {}), f"{where}: [proxy]")
    return convert({**values, "proxy": to_builtins(proxy)}, Tutoring, where)


async def tutor(recipe: Tutoring, folder: Path) -> Tutored:
    """Trains, and writes the folder. Raises `Misconfigured` before it trains, `Unavailable` where there is no room."""
    async with teachers.opened(recipe.teacher) as teacher:
        source = teachers.tokenizer_of(recipe.proxy, recipe.teacher)
        learner = learners.learner(recipe.proxy.kind, recipe.proxy.recipe, source, _weights(teacher).dialect)
    parts = [_parted(problems(task, "proxy"), recipe.held, task.name) for task in recipe.tasks]
    learned = [problem for part, _ in parts for problem in part]
    held = _by_turns([rest for _, rest in parts])
    shipped.claim(folder)
    fitted = learner.fit(examples(published(learned)), seed=recipe.seed, share=recipe.share)
    digest = proxies.write(fitted.model, held, folder, to_builtins(recipe))
    return Tutored(digest, fitted, len(learned), len(held))


def _weights(model: Model) -> Open:
    if not isinstance(model, Open):
        raise Misconfigured(f"{model.name} shows no tokenizer: a proxy student has that of open weights")
    return model


def _parted(found: tuple[Problem, ...], share: float, task: str) -> tuple[list[Problem], list[Problem]]:
    """(to learn, held out)."""
    worked = [problem for problem in found if problem.solution]
    cut = len(worked) - max(1, round(share * len(worked)))
    if cut < 1:
        raise Misconfigured(
            f"task {task!r} has {len(worked)} public workings: a proxy learns some, and some are held out"
        )
    return worked[:cut], worked[cut:]


def _by_turns(parts: list[list[Problem]]) -> list[Problem]:
    """Of each task one after the other, so that the first few are of all tasks."""
    longest = max(map(len, parts))
    return [part[at] for at in range(longest) for part in parts if at < len(part)]
