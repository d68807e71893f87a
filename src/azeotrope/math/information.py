"""The purifier's objective and its gradient, and conditional mutual information as a diagnostic.

Source: arXiv 2602.03396. I(X; Z | Y) is what logits Z say of the query X beyond the label Y. To lower it for
z' = (I + A B) z, minimise L = CE(z', o) + lambda cos(g, g'), where g is the gradient that a student would take

    g = grad_theta (1/l) sum_t [ -(1 - alpha) log q_t(o_t) + alpha KL(p_t || q_t) ],   p = softmax(z), q the student's

and g' the same with p' = softmax(z'). As a gradient in the student's logits this is q - (1 - alpha) e_o - alpha p: only
g' depends on A and B, and does so linearly in p'. With v = g / (|g| |g'|) - cos g' / |g'|^2 therefore

    d cos / d p'_t = -(alpha / l) J_t v,   J_t = d (student's logits at t) / d theta:

one Jacobian-vector product through the student's tail. Everything as wide as the vocabulary is computed a block of
positions at a time, so that memory does not grow with the text. Knows no model: a student is the `Tail` it is given.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from azeotrope.math.lowrank import LowRank, applied
from azeotrope.math.shown import Shown, whole

Vector = tuple[Tensor, ...]
"""Of theta's shape: one tensor a parameter."""


class Tail(NamedTuple):
    """The end of a student: what is trained of it in thought (theta), and the head that reads what comes of it."""

    states: Callable[[Vector], Tensor]
    """theta -> what the head reads, [N, d]. Differentiable twice."""
    theta: Vector
    head: Tensor
    """[W, d]; not part of theta. W is at least the V of the teacher's logits, or the common range is taken."""


class Text(NamedTuple):
    """One trace under teacher forcing."""

    logits: Tensor
    """The teacher's own, [N, V]."""
    labels: Tensor
    """[N]."""


class Objective(NamedTuple):
    """What is minimised."""

    alpha: float = 0.5
    """The distillation loss's share in the student's gradient."""
    weight: float = 1.0
    """lambda."""
    shown: Shown = whole
    """What the interface shows of z'."""
    block: int = 64
    """Positions at a time."""


class Found(NamedTuple):
    """The two terms, at these A and B."""

    cross_entropy: float
    """Of z', nats per token."""
    cosine: float
    """cos(g, g')."""


def measured(m: LowRank, tail: Tail, text: Text, how: Objective = Objective()) -> Found:
    """The terms of L on one trace; changes nothing."""
    with torch.no_grad():
        total = sum(float(_entropy(_shaped(m, text, at), text.labels[at])) for at in _blocks(text, how))
    return Found(total / len(text.labels), _aimed(m, tail, text, how).cosine)


def backward(m: LowRank, tail: Tail, text: Text, how: Objective = Objective(), scale: float = 1.0) -> Found:
    """Adds scale * dL/dA and dL/dB of one trace to `m.a.grad` and `m.b.grad`; the terms of L.

    A and B are leaves that require gradients. Widest is a block: [block, V].
    """
    aimed = _aimed(m, tail, text, how) if how.weight else None
    total, count = 0.0, len(text.labels)
    for at in _blocks(text, how):
        shaped = _shaped(m, text, at)
        entropy = _entropy(shaped, text.labels[at])
        loss = entropy / count
        if aimed is not None:
            loss = loss + how.weight * _leaning(shaped, text.logits[at], aimed.moved[at], tail, how, count)
        (scale * loss).backward()
        total += entropy.item()
    return Found(total / count, 1.0 if aimed is None else aimed.cosine)


class _Aimed(NamedTuple):
    """cos(g, g'), and J v before the head, [N, d]."""

    cosine: float
    moved: Tensor


def _aimed(m: LowRank, tail: Tail, text: Text, how: Objective) -> _Aimed:
    theta = tuple(each.detach().requires_grad_() for each in tail.theta)
    with torch.enable_grad():
        states = tail.states(theta)
    plain, shaped = _pulls(m, tail, text, states.detach(), how)
    g: Any = torch.autograd.grad(states, theta, plain, retain_graph=True)
    g2: Any = torch.autograd.grad(states, theta, shaped, retain_graph=True)
    size, size2 = _dot(g, g).sqrt().clamp(min=1e-30), _dot(g2, g2).sqrt().clamp(min=1e-30)
    cosine = _dot(g, g2) / (size * size2)
    v = tuple(one / (size * size2) - cosine * two / size2**2 for one, two in zip(g, g2, strict=True))
    return _Aimed(cosine.item(), _moved(states, theta, v))


def _moved(states: Tensor, theta: Vector, v: Vector) -> Tensor:
    """(d states / d theta) v, [N, d]: J'u is linear in u, so that its gradient in u along v is J v, whatever u is."""
    u = torch.zeros_like(states).requires_grad_()
    pulled = torch.autograd.grad(states, theta, u, create_graph=True)
    (moved,) = torch.autograd.grad(pulled, u, v)
    return moved


@torch.no_grad()
def _pulls(m: LowRank, tail: Tail, text: Text, states: Tensor, how: Objective) -> tuple[Tensor, Tensor]:
    """The student's loss in what its head reads, [N, d]: beside the teacher's logits, and those shown."""
    plain, seen = torch.empty_like(states), torch.empty_like(states)
    for at in _blocks(text, how):
        said, shaped = text.logits[at].to(states), _shaped(m, text, at).to(states)
        head = _head(tail, said).to(states)
        rest = torch.softmax(states[at] @ head.T, -1)
        there = (text.labels[at] < said.shape[-1])[:, None]  # a label the teacher has no logit for
        rest.scatter_add_(-1, text.labels[at].clamp(max=said.shape[-1] - 1)[:, None], (how.alpha - 1) * there.to(rest))
        plain[at] = (rest - how.alpha * said.softmax(-1)) @ head
        seen[at] = (rest - how.alpha * how.shown(shaped, said).softmax(-1)) @ head
    return plain / len(states), seen / len(states)


def _leaning(shaped: Tensor, plain: Tensor, moved: Tensor, tail: Tail, how: Objective, count: int) -> Tensor:
    """A number whose gradient in z' is that of the cosine."""
    head = _head(tail, plain).to(moved)
    slope = -(how.alpha / count) * (moved @ head.T)
    return (slope * how.shown(shaped, plain.to(shaped)).softmax(-1)).sum()


def _shaped(m: LowRank, text: Text, at: slice) -> Tensor:
    logits = text.logits[at]
    return applied(m, logits if logits.dtype == torch.float64 else logits.float())


def _entropy(shaped: Tensor, labels: Tensor) -> Tensor:
    """Summed over the labels that there are logits for."""
    ignored = labels.masked_fill(labels >= shaped.shape[-1], -100)
    return torch.nn.functional.cross_entropy(shaped, ignored, reduction="sum")


def _head(tail: Tail, logits: Tensor) -> Tensor:
    """The rows that the teacher has logits for; a student whose vocabulary is smaller is an error of the caller's."""
    size = logits.shape[-1]
    assert len(tail.head) >= size, f"cut the teacher's {size} logits to the student's {len(tail.head)} first"
    return tail.head[:size]


def _blocks(text: Text, how: Objective) -> Iterator[slice]:
    return (slice(at, at + how.block) for at in range(0, len(text.labels), how.block))


def _dot(x: Vector, y: Vector) -> Tensor:
    return torch.stack([(a * b).sum(dtype=torch.float64) for a, b in zip(x, y, strict=True)]).sum().to(x[0].dtype)


class Information(NamedTuple):
    """An estimate, and what it rests on."""

    nats: float
    tokens: int
    labels: int


class Centroids:
    """The CMI estimate: mean over tokens of KL(p(.|x) || Q_y), Q_y the mean distribution of the tokens with label y.

    For one label that is H(Q_y) - mean H(p), so that a pass over the tokens is enough and a sum of p is kept for each
    label. At least 0; at most ln V, and ln n for a label met n times. Merging tokens lowers it (data processing).
    """

    def __init__(self) -> None:
        self._sums, self._entropies, self._counts = dict[int, Tensor](), dict[int, float](), dict[int, int]()

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """[N, V] whose softmax is p, [N]."""
        assert labels.shape == logits.shape[:1], f"labels are [N] = {list(logits.shape[:1])}, got {list(labels.shape)}"
        logs = torch.log_softmax(logits.detach().double(), -1)
        p = logs.exp()
        entropies = torch.special.entr(p).sum(-1)
        for label in labels.unique().tolist():
            own = labels == label
            total = p[own].sum(0)
            self._sums[label] = total + self._sums[label] if label in self._sums else total
            self._entropies[label] = self._entropies.get(label, 0.0) + float(entropies[own].sum())
            self._counts[label] = self._counts.get(label, 0) + int(own.sum())

    def found(self, least: int = 50) -> Information:
        """Over labels met at least so often; 0 nats of 0 tokens where none was."""
        total, tokens, kept = 0.0, 0, 0
        for label, count in self._counts.items():
            if count < least:
                continue
            centre = float(torch.special.entr(self._sums[label] / count).sum())
            total += count * centre - self._entropies[label]
            tokens, kept = tokens + count, kept + 1
        return Information(max(0.0, total / tokens) if tokens else 0.0, tokens, kept)
