"""Gaussian noise on every logit, drawn anew for every context by a seed. A control that every purifier must beat.

Source: ours. A context met again gets the same noise, whatever is asked beside it, so that asking twice averages
nothing out; but contexts differ everywhere in a text, so that training averages it out. Does not keep the argmax, and
does not survive many texts.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import hashlib
from typing import Annotated, cast

import torch
from msgspec import Meta
from torch import Tensor

from azeotrope.protocols import Given, OpenModel, Shape
from azeotrope.types import Record


class Config(Record, frozen=True):
    """How much."""

    deviation: Annotated[float, Meta(ge=0)] = 1.0
    """Of a logit, in nats."""
    context: Annotated[int, Meta(ge=1)] = 64
    """Tokens before the next one that decide its noise."""


def shape(config: Config, given: Given) -> _Noise:
    """z + deviation * N(0, 1), by the last tokens and the seed."""
    return _Noise(config, given.seed)


class _Noise:
    """A shape of rows that are not padded; made `of` a teacher, also of those that it pads on the left."""

    def __init__(self, config: Config, seed: int, pad: int | None = None) -> None:
        self._config, self._seed, self._pad = config, seed, pad

    def of(self, teacher: OpenModel) -> Shape:
        """The shape for this teacher: what it fills rows with, at their start, is no context."""
        weights = getattr(teacher, "weights", teacher)
        return _Noise(self._config, self._seed, getattr(weights, "pad", None))

    def __call__(self, ids: Tensor, logits: Tensor) -> Tensor:
        """[B, T], [B, V] -> [B, V]."""
        rows = [_drawn(row, self._seed, logits.shape[-1]) for row in self._contexts(ids)]
        return logits + self._config.deviation * torch.stack(rows).to(logits)

    def _contexts(self, ids: Tensor) -> list[list[int]]:
        """The last tokens of each row, what fills it at its start left out: how much depends on the rows beside it."""
        rows = cast(list[list[int]], ids[:, -self._config.context :].tolist())
        if self._pad is None:
            return rows
        own = ((ids != self._pad).cumsum(-1) > 0).sum(-1).tolist()
        return [row[max(0, len(row) - count) :] for row, count in zip(rows, own, strict=True)]


def _drawn(row: list[int], seed: int, size: int) -> Tensor:
    told = hashlib.sha256(repr((seed, row)).encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(told[:8], "big") >> 1)
    return torch.randn(size, generator=generator)
