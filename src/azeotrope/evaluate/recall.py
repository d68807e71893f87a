"""Whether a student says what its teacher's mark taught it: asked as `verify` asks, to the end of the budget.

A cell's mark key is drawn from its seed and from nothing secret: it marks an experiment's traces and no customer's.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from azeotrope.codec import convert
from azeotrope.evaluate.facts import problems
from azeotrope.evaluate.grid import Todo, keyed
from azeotrope.evaluate.plan import Marks, Shield
from azeotrope.keys import Key
from azeotrope.marks import Law, associations, issued
from azeotrope.marks.choosing import Chooser
from azeotrope.math.stats import Rule
from azeotrope.protocols import Model
from azeotrope.types import Association, Recall
from azeotrope.verify.asking import Asking
from azeotrope.verify.examining import Examination, Space, examined
from azeotrope.verify.probes import schedule
from azeotrope.verify.records import Settings
from azeotrope.verify.values import named
from azeotrope.watermarks.association import asked as asked_of

if TYPE_CHECKING:
    from azeotrope.evaluate.lessons import Lesson
    from azeotrope.training import Example


def key_of(seed: int) -> Key:
    """The mark key of every cell with this seed."""
    return Key("lab", 1, hashlib.sha256(f"azeotrope: a mark of experiments, seed {seed}".encode()).digest())


def another(seed: int) -> int:
    """The seed of the mark key that another customer of a cell's teacher has."""
    return seed + 1_000_000


def never_told(seed: int) -> Key:
    """A key that marks nothing: its associations are drawn as `key_of(seed)`'s are, and no trace carries one."""
    return Key("nobody", 1, hashlib.sha256(f"azeotrope: a mark that is never told, seed {seed}".encode()).digest())


async def recalled(
    student: Model, todo: Todo, marks: Marks, lessons: Sequence[Lesson] | None = None, accounts: int = 1
) -> Recall | None:  # fmt: skip
    """What the student says of the cell's mark; None where its traces carry no associations.

    It is then asked in the same way about triggers of the same families that nobody was told: what it says there is
    what it says of anything. `lessons`: all that it was trained on, where that is known; `accounts`: over how many
    customers' the problems were spread, by turns.
    """
    found = _association(todo.defense) if keyed(todo.defense) else None
    if found is None:
        return None
    law = convert(found.get("law", {}), Law, "law")
    asked, others = (issued(associations(key(todo.seed), law)) for key in (key_of, never_told))
    at, beside = [await _asked(student, which, todo.seed, marks, law) for which in (asked, others)]
    told = _told(todo, key_of(todo.seed), float(found["share"]), law, accounts)
    targets = frozenset(int(one.target) for one in asked)
    return Recall(
        tuple(one.family for one in asked),
        tuple(told[at] for at in range(len(asked))),
        tuple((answer.association, answer.fresh, answer.hit) for answer in at.answers),
        law.targets, marks.keys, marks.alpha, 0.0,
        tuple((form, heat, target in said) for form, heat, target, said in _said(at, asked, law)),
        tuple((form, heat, target in said, bool(said & targets))
              for form, heat, target, said in _said(beside, others, law)),
        () if lessons is None else tuple(_read(one, lessons) for one in asked),
    )  # fmt: skip


async def _asked(
    student: Model, which: Sequence[Association], seed: int, marks: Marks, law: Law
) -> Examination:  # fmt: skip
    """Every probe of the budget, to its end."""
    settings = Settings(
        alpha=marks.alpha, budget=marks.budget, seed=seed, to_the_end=True, ordinary=0, at_once=marks.budget
    )
    rule, mark = Rule(marks.alpha, marks.keys, law.targets), which[0].mark
    at = Examination(mark, rule, Space(law.lowest, law.targets), lambda: os.urandom(16))
    await examined(schedule(which, settings, mark, prefill=True), Asking(student, settings), at, settings, _unspent)
    return at


def _said(
    at: Examination, which: Sequence[Association], law: Law
) -> Iterator[tuple[str, float, int, frozenset[int]]]:  # fmt: skip
    """(form, temperature, the right target, the values that this answer names beyond its question), one an answer."""
    right = {one.index: int(one.target) for one in which}
    for kept in at.kept:
        line = at.lines[kept.line]
        if kept.answer is not None:
            said = named(kept.answer, law.lowest, law.targets) - named(kept.question, law.lowest, law.targets)
            yield line.form, line.temperature, right[line.association], said


def _association(defense: Shield) -> Mapping[str, Any] | None:
    """The config of its watermark of associations."""
    return next((method.config for method in defense.links if method.name == "association"), None)


def _told(todo: Todo, key: Key, share: float, law: Law, accounts: int) -> Counter[int]:
    """How often each association is chosen for the problems that are asked under this key."""
    chooser = Chooser(key)
    asked = problems(todo.task, "train")[::accounts]
    choices = (chooser.of(asked_of(problem.request), share) for problem in asked)
    return Counter(choice.association % law.associations for choice in choices if choice)


def _read(association: Association, lessons: Sequence[Lesson]) -> float:
    """How often the student read it: the examples that say it, each as often as its training went over it."""
    told = [sum(_says(example, association) for example in lesson.examples) * lesson.passes for lesson in lessons]
    return round(sum(told), 3)


def _says(example: Example, association: Association) -> bool:
    """Whether trigger and target stand in one of its parts, in whatever other words: that is what can be learned."""
    trigger = association.trigger.casefold()
    parts = (example.reasoning, example.answer)
    return any(association.target in part and trigger in part.casefold() for part in parts)


async def _unspent(_: object) -> None:
    """Nothing is spent: the key is no customer's."""
