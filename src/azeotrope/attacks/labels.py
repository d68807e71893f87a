"""Train on the token that the teacher finds likeliest at each place, whatever the text says there: top-1 labels.

Source: ours, as a floor for every logit attack: what is left of logits whose order alone is kept. The teacher reads
the workings it sampled, or published ones; noise in them is voted out, place by place. Does not use how sure the
teacher is, and does not work through text: a teacher whose logits cannot be seen is refused.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta
from torch import Tensor
from torch.nn import functional

from azeotrope.distill import Thief, forced
from azeotrope.math import losses
from azeotrope.protocols import Attack, Model
from azeotrope.training import Batch
from azeotrope.training.guided import Told, beside, opened
from azeotrope.types import Problem, Record


class Config(Record, frozen=True):
    """On which texts, and how much of the texts themselves stays in."""

    on: Literal["samples", "gold"] = "samples"
    """samples: the teacher's own traces, washed; gold: published workings."""
    alpha: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """The labels' share of the loss; the rest is cross-entropy on the text."""


def attack(config: Config, thief: Thief) -> Attack:
    """An open teacher and problems -> a student of its top-1 labels."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        seen = opened(teacher)
        told = Told(seen)

        def loss(logits: Tensor, batch: Batch) -> Tensor:
            labelled = losses.hard_target(*beside(told, logits, batch))
            if config.alpha == 1:
                return labelled
            return (1 - config.alpha) * functional.cross_entropy(logits, batch.targets) + config.alpha * labelled

        examples = await forced(thief, seen, problems, config.on)
        thief.bill.note(profile=f"top-1 labels, teacher-forced on {config.on}")
        return thief.train(examples, loss=loss)

    return steal
