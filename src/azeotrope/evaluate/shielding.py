"""From a defense in words to the defense itself, as every part of the lab serves it. Opens no model."""

from __future__ import annotations

from azeotrope import lift
from azeotrope.evaluate.facts import task_of
from azeotrope.evaluate.grid import Todo
from azeotrope.protocols import Defense, Given
from azeotrope.splits import SPLITS


def defense(todo: Todo, given: Given) -> Defense:
    """The named one; of some subjects only, where the experiment says so."""
    whole = lift.linked([(method.name, method.config) for method in todo.defense.links], given)
    subjects = todo.task.protect_subjects
    if not subjects or todo.defense.bare:
        return whole
    asked = [problem for split in SPLITS for problem in task_of(todo.task).problems(split)]
    return lift.only(whole, lift.about(asked, subjects))
