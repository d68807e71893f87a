"""Whether a student's text is greener than chance allows, by the key that its teacher's tokens were biased with.

Nothing more is asked of it: what it said to the problems it was judged on is scored, in the teacher's tokens, without
the prompts. Beside it the same text by a key that biased nobody, and the traces that the thief may have bought.
"""

from __future__ import annotations

from collections.abc import Iterable

from azeotrope import measure
from azeotrope.codec import convert
from azeotrope.evaluate.facts import problems, task_of
from azeotrope.evaluate.grid import Todo, keyed
from azeotrope.evaluate.plan import Marks, Shield
from azeotrope.evaluate.recall import key_of, never_told
from azeotrope.measure import Measured
from azeotrope.models.open import Open
from azeotrope.protocols import Model
from azeotrope.types import Greened, Trace
from azeotrope.watermarks import greenlist


async def greened(judged: Measured, todo: Todo, marks: Marks, weights: Model, protected: Model) -> Greened | None:
    """None where the cell's traces carry no such mark. `judged`: what the student said; `weights`: the teacher's.

    As many of the thief's problems are asked of the `protected` teacher as the student answered: it remembers them.
    """
    config = _config(todo.defense)
    if config is None or not isinstance(weights, Open):
        return None
    bought = await measure.score(protected, task_of(todo.task), problems(todo.task, "train")[: len(judged.traces)])
    own = key_of(todo.seed)
    said, read = (_pairs(traces, weights, config) for traces in (judged.traces, bought.traces))
    return Greened(
        greenlist.scored(said, own, config),
        greenlist.scored(said, never_told(todo.seed), config),
        greenlist.scored(read, own, config),
        config.gamma,
        marks.keys,
        marks.alpha,
    )


def _config(defense: Shield) -> greenlist.Config | None:
    """Of its token bias, where it has one."""
    found = next((one.config for one in defense.links if one.name == "greenlist"), None) if keyed(defense) else None
    return None if found is None else convert(found, greenlist.Config, "greenlist")


def _pairs(traces: Iterable[Trace | None], weights: Open, config: greenlist.Config) -> greenlist.Pairs:
    texts = [weights.dialect.response(one.reasoning, one.answer) for one in traces if one is not None]
    return greenlist.Pairs(weights.encode(texts), config.context)
