"""Logits divided by a temperature: sharper below 1, smoother above. A control that every purifier must beat.

Source: temperature scaling; in distillation Hinton et al., arXiv 1503.02531. The argmax stays. Does not remove
anything: whoever knows or guesses the temperature multiplies it back.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from azeotrope.protocols import Given, Shape
from azeotrope.types import Record


class Config(Record, frozen=True):
    """How much. `azeotrope fit` reports the temperature that costs the teacher as much as the purifier does."""

    temperature: Annotated[float, Meta(gt=0)] = 0.5


def shape(config: Config, given: Given) -> Shape:
    """z / temperature."""

    def tempered(ids: Any, logits: Any) -> Any:
        return logits / config.temperature

    return tempered
