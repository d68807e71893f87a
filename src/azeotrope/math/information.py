"""The purifier's objective and its gradient, and conditional mutual information as a diagnostic.

Source: arXiv 2602.03396. I(X; Z | Y) is what logits Z say of the query X beyond the label Y. To lower it for
z' = (I + A B) z, minimise L = CE(z', o) + lambda cos(g, g'), where g is the gradient that a student would take

    g = grad_theta (1/l) sum_t [ -(1 - alpha) log q_t(o_t) + alpha KL(p_t || q_t) ],   p = softmax(z), q the student's

and g' the same with p' = softmax(z'). As a gradient in the student's logits this is q - (1 - alpha) e_o - alpha p: only
g' depends on A and B, and does so linearly in p'. With v = g / (|g| |g'|) - cos g' / |g'|^2 therefore

    d cos / d p'_t = -(alpha / l) J_t v,   J_t = d (student's logits at t) / d theta:

one Jacobian-vector product through the student's tail. Ours: several students at once, by tail, by loss (`math.turns`)
and by what they make of what is shown; the mean or the greatest of their cosines stands for the one. For a loss whose
gradient in the logits is q + alpha times a turn, d cos / d turn_t = (alpha / l) J_t v, and the rest is the chain rule.
Everything as wide as the vocabulary is computed a block of positions at a time, so that memory does not grow with the
text. Knows no model: a student is the `Tail` it is given.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from azeotrope.math.lowrank import LowRank, applied
from azeotrope.math.shown import Shown, whole
from azeotrope.math.turns import Turn, forward_kl

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


class Aim(NamedTuple):
    """How a student learns; as it stands, the source's."""

    turn: Turn = forward_kl()
    alpha: float = 0.5
    """The distillation loss's share in the student's gradient."""
    shown: Shown = whole
    """What it learns from: z' as the interface shows it, or what it makes of that."""


class Objective(NamedTuple):
    """What is minimised."""

    aims: Sequence[Aim] = (Aim(),)
    """Each of them with each tail is a student."""
    weight: float = 1.0
    """lambda."""
    worst: bool = False
    """Whether the greatest of the students' cosines counts, else their mean."""
    block: int = 64
    """Positions at a time."""


class Found(NamedTuple):
    """The two terms, at these A and B."""

    cross_entropy: float
    """Of z', nats per token."""
    cosine: float
    """cos(g, g'); of several students the mean, or the greatest."""


def measured(m: LowRank, tails: Sequence[Tail], text: Text, how: Objective = Objective()) -> Found:
    """The terms of L on one trace; changes nothing."""
    with torch.no_grad():
        total = sum(float(_entropy(_shaped(m, text, at), text.labels[at])) for at in _blocks(text, how))
    return Found(total / len(text.labels), _cosine(_aimed(m, tails, text, how)))


def backward(m: LowRank, tails: Sequence[Tail], text: Text, how: Objective = Objective(), scale: float = 1.0) -> Found:
    """Adds scale * dL/dA and dL/dB of one trace to `m.a.grad` and `m.b.grad`; the terms of L.

    A and B are leaves that require gradients. Widest is a block: [block, V].
    """
    aimed = _aimed(m, tails, text, how) if how.weight else ()
    total, count = 0.0, len(text.labels)
    for at in _blocks(text, how):
        shaped = _shaped(m, text, at)
        entropy = _entropy(shaped, text.labels[at])
        loss = entropy / count
        for one in aimed:
            if one.share:
                loss = loss + how.weight * one.share * _leaning(shaped, text.logits[at], at, one, count)
        (scale * loss).backward()
        total += entropy.item()
    return Found(total / count, _cosine(aimed) if aimed else 1.0)


class _Aimed(NamedTuple):
    """One student: cos(g, g'), what its head reads, J v before the head, both [N, d], and what its cosine counts."""

    aim: Aim
    head: Tensor
    cosine: float
    states: Tensor
    moved: Tensor
    share: float = 1.0


def _cosine(aimed: Sequence[_Aimed]) -> float:
    return sum(one.share * one.cosine for one in aimed)


def _aimed(m: LowRank, tails: Sequence[Tail], text: Text, how: Objective) -> list[_Aimed]:
    found = [one for tail in tails for one in _students(m, tail, text, how)]
    shares = [1 / len(found)] * len(found)
    if how.worst:
        cosines = [one.cosine for one in found]
        worst = cosines.index(max(cosines))
        shares = [float(at == worst) for at in range(len(found))]
    return [one._replace(share=share) for one, share in zip(found, shares, strict=True)]


def _students(m: LowRank, tail: Tail, text: Text, how: Objective) -> Iterator[_Aimed]:
    theta = tuple(each.detach().requires_grad_() for each in tail.theta)
    with torch.enable_grad():
        states = tail.states(theta)
    moved = _moving(states, theta)
    for aim in how.aims:
        plain, shaped = _pulls(m, tail, text, states.detach(), aim, how)
        g: Any = torch.autograd.grad(states, theta, plain, retain_graph=True)
        g2: Any = torch.autograd.grad(states, theta, shaped, retain_graph=True)
        size, size2 = _dot(g, g).sqrt().clamp(min=1e-30), _dot(g2, g2).sqrt().clamp(min=1e-30)
        cosine = _dot(g, g2) / (size * size2)
        v = tuple(one / (size * size2) - cosine * two / size2**2 for one, two in zip(g, g2, strict=True))
        yield _Aimed(aim, tail.head, cosine.item(), states.detach(), moved(v))


def _moving(states: Tensor, theta: Vector) -> Callable[[Vector], Tensor]:
    """v -> (d states / d theta) v, [N, d]: J'u is linear in u, so that its gradient in u along v is J v for any u."""
    u = torch.zeros_like(states).requires_grad_()
    pulled = torch.autograd.grad(states, theta, u, create_graph=True)
    return lambda v: torch.autograd.grad(pulled, u, v, retain_graph=True)[0]


@torch.no_grad()
def _pulls(m: LowRank, tail: Tail, text: Text, states: Tensor, aim: Aim, how: Objective) -> tuple[Tensor, Tensor]:
    """The student's loss in what its head reads, [N, d]: beside the teacher's logits, and those shown."""
    plain, seen = torch.empty_like(states), torch.empty_like(states)
    for at in _blocks(text, how):
        said, shaped = text.logits[at].to(states), _shaped(m, text, at).to(states)
        head = _head(tail.head, said).to(states)
        own = states[at] @ head.T
        rest = torch.softmax(own, -1)
        there = (text.labels[at] < said.shape[-1])[:, None]  # a label the teacher has no logit for
        rest.scatter_add_(-1, text.labels[at].clamp(max=said.shape[-1] - 1)[:, None], (aim.alpha - 1) * there.to(rest))
        plain[at] = (rest + aim.alpha * aim.turn(own, said)) @ head
        seen[at] = (rest + aim.alpha * aim.turn(own, aim.shown(shaped, said))) @ head
    return plain / len(states), seen / len(states)


def _leaning(shaped: Tensor, plain: Tensor, at: slice, one: _Aimed, count: int) -> Tensor:
    """A number whose gradient in z' is that of the cosine."""
    head = _head(one.head, plain).to(one.moved)
    slope = (one.aim.alpha / count) * (one.moved[at] @ head.T)
    own = (one.states[at] @ head.T).to(shaped)
    return (slope * one.aim.turn(own, one.aim.shown(shaped, plain.to(shaped)))).sum()


def _shaped(m: LowRank, text: Text, at: slice) -> Tensor:
    logits = text.logits[at]
    return applied(m, logits if logits.dtype == torch.float64 else logits.float())


def _entropy(shaped: Tensor, labels: Tensor) -> Tensor:
    """Summed over the labels that there are logits for."""
    ignored = labels.masked_fill(labels >= shaped.shape[-1], -100)
    return torch.nn.functional.cross_entropy(shaped, ignored, reduction="sum")


def _head(head: Tensor, logits: Tensor) -> Tensor:
    """The rows that the teacher has logits for; a student whose vocabulary is smaller is an error of the caller's."""
    size = logits.shape[-1]
    assert len(head) >= size, f"cut the teacher's {size} logits to the student's {len(head)} first"
    return head[:size]


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
