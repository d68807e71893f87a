"""What each student of a cell was given to read, and how often it read it. Knows no attack and no mark."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from weakref import ref

from azeotrope.models.open import Open
from azeotrope.training import Example, Fitted, Learner, Loss, Weigh


class Lesson(NamedTuple):
    """One training."""

    examples: Sequence[Example]
    passes: float
    """How often each of them was read, on average."""


class Watched:
    """A learner that can tell what its students have read: a student that goes on from another one has read what that
    one had. `batch`: examples a step; 0: not known, and then nothing is known of any student that was trained.
    """

    def __init__(self, learner: Learner, batch: int) -> None:
        self._learner, self._batch = learner, batch
        self._read: dict[int, tuple[ref[Open], tuple[Lesson, ...]]] = {}
        """By the student's id: students are not kept alive."""

    @property
    def name(self) -> str:
        return self._learner.name

    def fresh(self, seed: int) -> Open:
        model = self._learner.fresh(seed)
        self._note(model, ())
        return model

    def fit(
        self, examples: Sequence[Example], *, seed: int, loss: Loss | None = None, weigh: Weigh | None = None,
        start: Open | None = None, share: float = 1.0,
    ) -> Fitted:  # fmt: skip
        """See `Learner.fit`."""
        fitted = self._learner.fit(examples, seed=seed, loss=loss, weigh=weigh, start=start, share=share)
        before = () if start is None else self.read_by(start)
        if before is not None and self._batch and examples:
            passes = fitted.steps * min(self._batch, len(examples)) / len(examples)
            self._note(fitted.model, (*before, Lesson(examples, passes)))
        return fitted

    def read_by(self, student: object) -> tuple[Lesson, ...] | None:
        """All of its trainings, the first one first; None for a student that is not known."""
        model, lessons = self._read.get(id(student), (None, ()))
        return lessons if model is not None and model() is student else None

    def _note(self, model: Open, lessons: tuple[Lesson, ...]) -> None:
        with suppress(TypeError):  # a model of another kind that nothing can refer to weakly
            self._read[id(model)] = (ref(model), lessons)
