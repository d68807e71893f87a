"""Train on the teacher's whole distribution, or its k likeliest tokens, beside the text: logit distillation.

Source: the adversary of arXiv 2602.03396: L = (1 - alpha) L_sft + alpha L_kd, alpha = 0.5, with the losses of
`azeotrope.math.losses`. The teacher reads the workings it sampled, or published ones (teacher forcing). A defense's
shape applies, for the logits are asked of the defended model. `cross_entropy` is the control: the text itself at the
same temperature and scale. Does not work through text: a teacher whose logits cannot be seen is refused.
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
from azeotrope.protocols import Attack, Model, OpenModel
from azeotrope.training import Batch, Loss
from azeotrope.training.guided import Told, beside, divergence, opened
from azeotrope.types import Problem, Record


class Config(Record, frozen=True):
    """Which loss, on which texts, of how much of the distribution."""

    loss: Literal[
        "forward_kl", "reverse_kl", "jsd", "skewed_kl", "skewed_reverse_kl", "alphanet", "abkd", "cross_entropy"
    ] = "forward_kl"
    on: Literal["samples", "gold"] = "samples"
    """samples: the teacher's own traces, washed; gold: published workings."""
    alpha: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """The distillation loss's share; the rest is cross-entropy on the text."""
    temperature: Annotated[float, Meta(gt=0)] = 1.0
    scaled: bool = True
    """Times temperature^2."""
    top_k: Annotated[int, Meta(ge=0)] = 0
    """So many tokens of the teacher are seen, and the mass of the rest as one; 0: all tokens."""


def attack(config: Config, thief: Thief) -> Attack:
    """An open teacher and problems -> a student of its logits."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        seen = opened(teacher)
        examples = await forced(thief, seen, problems, config.on)
        shown = f"top {config.top_k}" if config.top_k else "all logits"
        shown = "text" if config.loss == "cross_entropy" else f"{shown}, teacher-forced"
        thief.bill.note(profile=f"{shown} on {config.on}")
        return thief.train(examples, loss=loss_of(config, seen))

    return steal


def loss_of(config: Config, teacher: OpenModel) -> Loss:
    """The loss of the steps of one training."""
    told = Told(teacher)

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        distilled = _distilled(config, told, logits, batch)
        if config.alpha == 1:
            return distilled
        text = functional.cross_entropy(logits, batch.targets)
        return (1 - config.alpha) * text + config.alpha * distilled

    return loss


def _distilled(config: Config, teacher: Told, logits: Tensor, batch: Batch) -> Tensor:
    if config.loss == "cross_entropy":
        mask = batch.targets[None] >= 0
        return losses.cross_entropy(logits[None], batch.targets[None], mask, config.temperature, scale=config.scaled)
    sides = beside(teacher, logits, batch)
    return divergence(config.loss, sides, temperature=config.temperature, scaled=config.scaled, top_k=config.top_k)
