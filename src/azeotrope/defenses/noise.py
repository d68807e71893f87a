"""Gaussian noise on every logit, drawn anew for every context by a seed. A control that every purifier must beat.

Source: ours. A context met again gets the same noise, so that asking twice averages nothing out; but contexts differ
everywhere in a text, so that training averages it out. Does not keep the argmax, and does not survive many texts.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import torch
from msgspec import Meta

from azeotrope.protocols import Given, Shape
from azeotrope.types import Record


class Config(Record, frozen=True):
    """How much."""

    deviation: Annotated[float, Meta(ge=0)] = 1.0
    """Of a logit, in nats."""
    context: Annotated[int, Meta(ge=1)] = 64
    """Tokens before the next one that decide its noise."""


def shape(config: Config, given: Given) -> Shape:
    """z + deviation * N(0, 1), by the last tokens and the seed."""

    def noisy(ids: Any, logits: Any) -> Any:
        rows = [_drawn(row, given.seed, logits.shape[-1]) for row in ids[:, -config.context :].tolist()]
        return logits + config.deviation * torch.stack(rows).to(logits)

    return noisy


def _drawn(row: list[int], seed: int, size: int) -> torch.Tensor:
    told = hashlib.sha256(repr((seed, row)).encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(told[:8], "big") >> 1)
    return torch.randn(size, generator=generator)
