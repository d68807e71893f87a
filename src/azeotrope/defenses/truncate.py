"""Only the k likeliest tokens keep their probability, renormalised. A control that every purifier must beat.

Source: what interfaces with top-k log-probabilities show; reported to be a strong defense by itself ("sparse logits
suffice to fail KD"). Does not hide the order or the shape of what is kept, nor the argmax.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from azeotrope.math import shown
from azeotrope.protocols import Given, Shape
from azeotrope.types import Record


class Config(Record, frozen=True):
    """How many, and how finely."""

    top_k: Annotated[int, Meta(ge=1)] = 5
    step: Annotated[float, Meta(ge=0)] = 0.0
    """Log-probabilities to the nearest multiple of so many nats; 0: as they are."""


def shape(config: Config, given: Given) -> Shape:
    """The k likeliest; others -inf."""
    rule = shown.rounded(config.step, config.top_k) if config.step else shown.top(config.top_k)

    def truncated(ids: Any, logits: Any) -> Any:
        return rule(logits, logits)

    return truncated
