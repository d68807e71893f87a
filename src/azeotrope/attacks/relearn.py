"""Train on the stolen traces, then a second time on public workings alone: so that the mark is forgotten.

Source: fine-tuning after the theft, as every robustness study of model watermarks tries it (Adi et al., arXiv
1802.04633); here within one budget, and on clean data of the thief's own. Its control is `public`, at the same public
data. Does not look for a mark: what the second training forgets, and what of the stolen skill goes with it, is chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from azeotrope.distill import Thief, examples, published
from azeotrope.protocols import Attack, Model
from azeotrope.types import Problem, Record


class Config(Record, frozen=True):
    """How the budget is parted, and how much is public."""

    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    """Of the training budget, for the second training."""
    most: Annotated[int, Meta(ge=0)] = 0
    """Public traces, the first ones; 0: all."""


def attack(config: Config, thief: Thief) -> Attack:
    """Teacher and problems -> a student of the teacher's traces, trained on without them."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        clean = examples(published(thief.public)[: config.most or None])
        traces = await thief.washed(await thief.ask(teacher, problems))
        student = thief.train(examples(traces), share=1 - config.share)
        thief.bill.note(public_traces=len(clean), public_examples=len(clean))
        return thief.train(clean, start=student, share=config.share)

    return steal
