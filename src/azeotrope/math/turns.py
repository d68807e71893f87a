"""Where a distillation loss turns a student: the loss's gradient in the student's logits, in closed form.

Each is (the student's logits s, those shown to it z') [N, V] -> [N, V]: the gradient less q = softmax(s), which a
student of the text has as well. Of T^2 times the loss, as `math.losses` scales it; q_T, p_T = softmax(s / T),
softmax(z' / T). Gradients flow to the shown side. Knows no student and no shape.

    forward KL (p || q)    T (q_T - p_T)
    reverse KL (q || p)    T q_T (log q_T - log p_T - KL(q_T || p_T))
    hard target            T (q_T - e),  e the shown side's likeliest token
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Turn = Callable[[Tensor, Tensor], Tensor]


def forward_kl(temperature: float = 1.0) -> Turn:
    """Linear in p'."""

    def turn(own: Tensor, shown: Tensor) -> Tensor:
        return _turned(own, -torch.softmax(shown / temperature, -1), temperature)

    return turn


def reverse_kl(temperature: float = 1.0) -> Turn:
    """What is not shown (-inf) must be filled in first: here it is infinitely far."""

    def turn(own: Tensor, shown: Tensor) -> Tensor:
        logs = torch.log_softmax(own / temperature, -1)
        apart = logs - torch.log_softmax(shown / temperature, -1)
        q = logs.exp()
        return temperature * q * (apart - (q * apart).sum(-1, keepdim=True)) - own.softmax(-1)

    return turn


def hard_target(temperature: float = 1.0) -> Turn:
    """Of the likeliest token alone. The gradient passes as if all of softmax(z') were said (straight-through)."""

    def turn(own: Tensor, shown: Tensor) -> Tensor:
        p = torch.softmax(shown, -1)
        likeliest = torch.zeros_like(p).scatter(-1, shown.argmax(-1, keepdim=True), 1.0)
        return _turned(own, -(likeliest + p - p.detach()), temperature)

    return turn


def _turned(own: Tensor, less: Tensor, temperature: float) -> Tensor:
    """T (q_T + less) - q; at T = 1 that is `less`."""
    if temperature == 1:
        return less
    return temperature * (torch.softmax(own / temperature, -1) + less) - own.softmax(-1)
