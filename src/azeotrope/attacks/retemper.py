"""Multiply the logits that are shown by a temperature, then distil: undoes a defense that divides them by it.

Source: temperature scaling, Hinton et al., arXiv 1503.02531, turned against `temper`; the loss is that of `logits`,
forward KL. Exact where all logits are shown and the temperature is known (few pairs of before and after tell it). Does
not bring back what is cut or rounded, and does not work through text: a teacher whose logits cannot be seen is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta
from torch import Tensor
from torch.nn import functional

from azeotrope.distill import Thief, forced
from azeotrope.protocols import Attack, Model, OpenModel
from azeotrope.training import Batch, Loss
from azeotrope.training.guided import Told, beside, divergence, opened
from azeotrope.types import Problem, Record


class Config(Record, frozen=True):
    """What is undone, and how the rest is learned."""

    divided_by: Annotated[float, Meta(gt=0)] = 0.5
    """The temperature that the defense divides by: the default of `temper`."""
    alpha: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """The distillation loss's share; the rest is cross-entropy on the text."""
    temperature: Annotated[float, Meta(gt=0)] = 1.0
    """Of the distillation loss."""


def attack(config: Config, thief: Thief) -> Attack:
    """An open teacher and problems -> a student of its logits as they were."""

    def multiplied(ids: Any, shown: Any) -> Any:
        return shown * config.divided_by

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        seen = opened(teacher)
        examples = await forced(thief, seen, problems, "samples")
        thief.bill.note(profile="all logits, teacher-forced on samples", undone="temperature")
        return thief.train(examples, loss=_loss(config, seen.shaped(multiplied)))

    return steal


def _loss(config: Config, teacher: OpenModel) -> Loss:
    told = Told(teacher)

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        learned = divergence("forward_kl", beside(told, logits, batch), temperature=config.temperature)
        text = functional.cross_entropy(logits, batch.targets)
        return (1 - config.alpha) * text + config.alpha * learned

    return loss
