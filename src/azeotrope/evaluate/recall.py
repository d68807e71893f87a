"""Whether a student says what its teacher's mark taught it: asked as `verify` asks, to the end of the budget.

A cell's mark key is drawn from its seed and from nothing secret: it marks an experiment's traces and no customer's.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

from azeotrope.codec import convert
from azeotrope.evaluate.facts import problems
from azeotrope.evaluate.grid import Todo, keyed
from azeotrope.evaluate.plan import Marks, Shield
from azeotrope.keys import Key
from azeotrope.marks import Law, associations, issued
from azeotrope.marks.choosing import Chooser
from azeotrope.math.stats import Rule
from azeotrope.protocols import Model
from azeotrope.types import Recall
from azeotrope.verify.asking import Asking
from azeotrope.verify.examining import Examination, Space, examined
from azeotrope.verify.probes import schedule
from azeotrope.verify.records import Settings
from azeotrope.watermarks.association import asked as asked_of


def key_of(seed: int) -> Key:
    """The mark key of every cell with this seed."""
    return Key("lab", 1, hashlib.sha256(f"azeotrope: a mark of experiments, seed {seed}".encode()).digest())


async def recalled(student: Model, todo: Todo, marks: Marks) -> Recall | None:
    """What the student says of the cell's mark; None where its traces carry no associations."""
    found = _association(todo.defense) if keyed(todo.defense) else None
    if found is None:
        return None
    law = convert(found.get("law", {}), Law, "law")
    key, asked = key_of(todo.seed), issued(associations(key_of(todo.seed), law))
    settings = Settings(
        alpha=marks.alpha, budget=marks.budget, seed=todo.seed, to_the_end=True, ordinary=0, at_once=marks.budget
    )
    rule = Rule(marks.alpha, marks.keys, law.targets)
    at = Examination(key.mark, rule, Space(law.lowest, law.targets), lambda: os.urandom(16))
    await examined(schedule(asked, settings, key.mark, prefill=True), Asking(student, settings), at, settings, _unspent)
    told = _told(todo, key, float(found["share"]), law)
    return Recall(
        tuple(one.family for one in asked),
        tuple(told[at] for at in range(len(asked))),
        tuple((answer.association, answer.fresh, answer.hit) for answer in at.answers),
        law.targets, marks.keys, marks.alpha,
    )  # fmt: skip


def _association(defense: Shield) -> Mapping[str, Any] | None:
    """The config of its watermark of associations."""
    return next((method.config for method in defense.links if method.name == "association"), None)


def _told(todo: Todo, key: Key, share: float, law: Law) -> Counter[int]:
    """How often each association is chosen for the problems that are asked."""
    chooser = Chooser(key)
    choices = (chooser.of(asked_of(problem.request), share) for problem in problems(todo.task, "train"))
    return Counter(choice.association % law.associations for choice in choices if choice)


async def _unspent(_: object) -> None:
    """Nothing is spent: the key is no customer's."""
