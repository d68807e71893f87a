"""What a student to be is: fresh weights, and how they are trained. The verbs that every way of training shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Tensor

from azeotrope.models.open import Open
from azeotrope.training.examples import Batch, Example

Loss = Callable[[Tensor, Batch], Tensor]
"""(the student's logits [N, V] where a next token has a loss, the batch) -> nats per token, []."""

Weigh = Callable[[Any, Batch], Tensor]
"""(the student's net, the batch) -> a weight for each row, [B]. Asked before every step."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model and what it took."""

    model: Open
    steps: int
    tokens: int
    """Read in training, padding included."""
    cpu_seconds: float
    truncated: int
    """Examples that were cut to the longest length."""
    curve: tuple[float, ...]
    """The loss, nats per token, averaged over each tenth of the steps."""


class Learner(Protocol):
    """A student to be."""

    @property
    def name(self) -> str: ...

    def fresh(self, seed: int) -> Open:
        """The student before any distillation: untrained weights, or pretrained ones as they come."""
        ...

    def fit(
        self,
        examples: Sequence[Example],
        *,
        seed: int,
        loss: Loss | None = None,
        weigh: Weigh | None = None,
        start: Open | None = None,
        share: float = 1.0,
    ) -> Fitted:
        """Fresh weights (or a copy of `start`'s) trained on the examples.

        `loss` is cross-entropy unless given; `weigh` goes with cross-entropy only. `share`: of the recipe's steps.
        `seed` decides fresh weights and the order of examples. Raises `Misconfigured` where there is nothing to learn.
        """
        ...


def cpu_seconds() -> float:
    """This thread's, where it computes alone; with more threads at work in torch, the whole process's."""
    return time.thread_time() if torch.get_num_threads() == 1 else time.process_time()


def tenths(losses: Sequence[float]) -> tuple[float, ...]:
    """The mean of each tenth of them."""
    edges = [round(at * len(losses) / 10) for at in range(11)]
    parts = [losses[a:b] for a, b in pairwise(edges) if b > a]
    return tuple(round(sum(part) / len(part), 4) for part in parts)
