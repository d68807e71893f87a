"""What an interface shows of shaped logits: all of them, the teacher's argmax kept, the k likeliest, rounded.

Each is (shaped, the teacher's own) [..., V] -> logits [..., V] whose softmax is what is seen, with gradients to the
shaped ones. An invertible map hides and removes nothing; of these, `top` and `rounded` remove. Knows no shape.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Shown = Callable[[Tensor, Tensor], Tensor]
MARGIN = 0.01
"""Nats by which a kept argmax stands above the next."""


def whole(shaped: Tensor, plain: Tensor) -> Tensor:
    """Everything, as it is."""
    return shaped


def argmax_kept(shaped: Tensor, plain: Tensor, margin: float = MARGIN) -> Tensor:
    """The teacher's likeliest token stays the likeliest: raised `margin` nats above the next one where it is not."""
    at = plain.argmax(-1, keepdim=True)
    others = shaped.scatter(-1, at, -math.inf).amax(-1, keepdim=True)
    least = torch.where(others == -math.inf, others, others + margin)
    return shaped.scatter(-1, at, torch.maximum(shaped.gather(-1, at), least))


def top(k: int) -> Shown:
    """The k likeliest shaped tokens, renormalised; every other one is ruled out."""

    def shown(shaped: Tensor, plain: Tensor) -> Tensor:
        kept = shaped.detach().topk(min(k, shaped.shape[-1]), -1).indices
        return torch.full_like(shaped, -math.inf).scatter(-1, kept, shaped.gather(-1, kept))

    return shown


def keeping(then: Shown, margin: float = MARGIN) -> Shown:
    """`then`, of logits whose likeliest token is the teacher's."""
    return lambda shaped, plain: then(argmax_kept(shaped, plain, margin), plain)


def rounded(step: float, k: int = 0) -> Shown:
    """Log-probabilities (of the k likeliest, where k is not 0) to the nearest multiple of `step` nats.

    The gradient passes as if nothing were rounded (straight-through).
    """
    first = top(k) if k else whole

    def shown(shaped: Tensor, plain: Tensor) -> Tensor:
        logs = torch.log_softmax(first(shaped, plain), -1)
        coarse = (logs.detach() / step).round() * step
        return logs + torch.where(logs.detach() == -math.inf, 0.0, coarse - logs.detach())

    return shown


def filled(said: Tensor, floor: float) -> Tensor:
    """[..., W], what is not shown (-inf) taken to stand `floor` nats below the least that is; as it is for 0.

    Losses that ask what a student says where the teacher says nothing (reverse KL) are infinite without it.
    """
    if not floor:
        return said
    unseen = said == -math.inf
    least = said.masked_fill(unseen, math.inf).amin(-1, keepdim=True)
    return torch.where(unseen, least - floor, said)
