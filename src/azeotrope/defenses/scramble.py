"""A random low-rank map of the logits, z + s A B z with Gaussian A and B. A control that every purifier must beat.

Source: ours: the map of arXiv 2602.03396 with nothing learned, of the same rank, its strength set so that it costs the
teacher as much. Does not remove anything: it is invertible (Woodbury), and not secret where its seed is guessed.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, Any

import torch
from msgspec import Meta

from azeotrope.math.lowrank import LowRank, applied, centred, identity
from azeotrope.protocols import Given, Shape
from azeotrope.types import Record


class Config(Record, frozen=True):
    """How much, in how many directions. `azeotrope fit` reports the strength that costs as much as the purifier."""

    strength: Annotated[float, Meta(ge=0)] = 0.3
    """s: the root mean square of A B z over that of z, about."""
    rank: Annotated[int, Meta(ge=1)] = 32


def shape(config: Config, given: Given) -> Shape:
    """(I + s A B) z on centred logits; the same A and B for the same seed and vocabulary."""

    def scrambled(ids: Any, logits: Any) -> Any:
        return applied(_drawn(logits.shape[-1], config.rank, config.strength, given.seed), logits)

    return scrambled


@lru_cache(4)
def _drawn(size: int, rank: int, strength: float, seed: int) -> LowRank:
    generator = torch.Generator().manual_seed(seed)
    rank = min(rank, size)
    m = identity(size, rank, generator)
    b = torch.randn(rank, size, generator=generator) * strength / math.sqrt(size * rank)
    return centred(LowRank(m.a, b))
