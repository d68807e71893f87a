"""Trains a tiny model by a recipe, from a task's own workings, into a folder: how shipped teachers are made.

Knows no task by name. One file says everything: `experiments/teacher_steps.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import field
from msgspec.structs import asdict

from azeotrope import catalog
from azeotrope.codec import convert, read_toml
from azeotrope.distill import examples, published
from azeotrope.errors import Misconfigured
from azeotrope.measure import score
from azeotrope.models import shipped
from azeotrope.models.open import Open
from azeotrope.protocols import Task
from azeotrope.training import Fitted
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.training.tokenizer import trained
from azeotrope.types import Record, Score


class Lesson(Record, frozen=True):
    """A task, and how it is configured; its `train` split is learned."""

    name: str
    config: dict[str, Any] = field(default_factory=dict[str, Any])


class Vocabulary(Record, frozen=True):
    """What the tokenizer is trained on: texts of the first task's `corpus`, cut by its `PIECES`."""

    texts: int = 6000
    size: int = 512
    seed: int = 1


class Teaching(Record, frozen=True):
    """The recipe."""

    name: str
    lessons: tuple[Lesson, ...]
    model: Tiny = Tiny()
    vocabulary: Vocabulary = Vocabulary()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Taught:
    """What came of it: the digest of the weights, what training took, and scores on each lesson's splits."""

    digest: str
    fitted: Fitted
    scores: dict[str, Score]


def read(path: Path) -> Teaching:
    """The recipe in a TOML file."""
    return convert(read_toml(path), Teaching, str(path))


async def teach(recipe: Teaching, folder: Path) -> Taught:
    """Trains, writes the folder, and scores the model on the lessons' validation splits.

    Raises `Misconfigured` before it trains, `Unavailable` where there is no room for what it made.
    """
    if not recipe.lessons:
        raise Misconfigured("the recipe teaches nothing: give it at least one [[lessons]]")
    tasks = [_task(lesson) for lesson in recipe.lessons]
    shipped.claim(folder)
    learner = TinyLearner(recipe.model, _tokenizer(recipe), name=recipe.name)
    learned = [example for task in tasks for example in examples(published(task.problems("train")))]
    fitted = learner.fit(learned, seed=recipe.seed)
    made = shipped.save(fitted.model, folder, asdict(recipe))
    scores = {f"{at} {task.name}": await _score(fitted.model, task) for at, task in enumerate(tasks)}
    return Taught(made, fitted, scores)


def _task(lesson: Lesson) -> Task:
    module = catalog.load("tasks", lesson.name)
    return module.build(convert(lesson.config, module.Config, f"lesson {lesson.name!r}"))


def _tokenizer(recipe: Teaching) -> Any:
    module, vocabulary = catalog.load("tasks", recipe.lessons[0].name), recipe.vocabulary
    if not hasattr(module, "corpus"):
        raise Misconfigured(f"task {recipe.lessons[0].name!r} offers no corpus to train a tokenizer on")
    return trained(module.corpus(vocabulary.seed, vocabulary.texts), module.PIECES, vocabulary=vocabulary.size)


async def _score(model: Open, task: Task) -> Score:
    return (await score(model, task, task.problems("validation"))).score
