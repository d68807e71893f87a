"""Antidistillation sampling: favour tokens that, once learned, would make a proxy student worse at its task.

Source: arXiv 2504.13146, algorithm 1: the next token is drawn from softmax(log p_T / tau + lambda b), where

    b(token | context) = [log p(token | context; theta + eps g) - log p(token | context; theta - eps g)] / (2 eps),

g = grad of the proxy's loss on held-out workings, computed once. One step of gradient descent on a token adds
eta grad log p(token) to theta, so that this loss changes by eta <g, grad log p> = eta b: a positive b poisons, and is
favoured. Proxy and workings are an artifact (`azeotrope proxy`); text is shaped until the answer starts.

Reported on GSM8K: teacher 87.2 -> 82.1, student 57.2 -> 34.3, a student that weighs its examples 51.5, 2.9 times the
time (arXiv 2605.22737 measures it so). Does not defend against adaptive students, nor against 1.5 to 4 times the
queries without duplicates (arXiv 2606.25059), and may change the answer through the reasoning before it. A proxy that
has learned all there is has no gradient left to follow.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import Annotated, Any, Literal

import torch
from msgspec import Meta
from torch import Tensor

from azeotrope.models.along import Along
from azeotrope.models.dialect import Dialect
from azeotrope.models.gate import Gate, until_answer
from azeotrope.models.open import Open
from azeotrope.protocols import Given, OpenModel, Shape
from azeotrope.training import hypergradient, proxies
from azeotrope.training.proxies import Proxy
from azeotrope.types import Record

Count = Annotated[int, Meta(ge=1)]


class Config(Record, frozen=True):
    """Which proxy, how strongly, and how far into a response."""

    artifact: str = ""
    """The folder that `azeotrope proxy` wrote: a proxy student with the teacher's tokenizer, and held-out workings."""
    lam: Annotated[float, Meta(ge=0)] = 0.05
    """The source's lambda times tau: what a shape returns is divided by the temperature later, as in the authors' own
    code. Its scale is the proxy's: b is as large as g is long."""
    eps: Annotated[float, Meta(gt=0)] = 1e-2
    """Of g, in both directions."""
    workings: Count = 64
    """Held-out ones that g is the gradient of, at most."""
    longest: Count = 1024
    """Tokens of such a working; longer ones are left out."""
    until: Literal["answer", "end"] = "answer"
    """answer: shaping stops where the answer starts; end: everything is shaped."""
    marks: tuple[str, ...] = ()
    """What starts an answer; unset: as `purify` has it."""


def shape(config: Config, given: Given) -> _Sampling:
    """The shape, which must see the teacher whose tokens the proxy reads."""
    return _Sampling(config)


class _Sampling:
    def __init__(self, config: Config) -> None:
        self._config = config

    def of(self, teacher: OpenModel) -> Shape:
        """Raises `Misconfigured` where the artifact is missing, damaged, or reads other tokens."""
        config = self._config
        proxy = proxies.read(config.artifact, "ads")
        weights = proxies.tokens_of(teacher, proxy)
        ahead, behind = (Along(net, weights.pad) for net in _moved(proxy, weights.dialect, config))

        def poisoned(ids: Tensor, logits: Tensor) -> Tensor:
            plain = logits if logits.dtype == torch.float64 else logits.float()
            b = ((ahead(ids) - behind(ids)) / (2 * config.eps)).to(plain)
            size = min(b.shape[-1], plain.shape[-1])
            out = plain.clone()
            out[:, :size] += config.lam * b[:, :size]
            return out

        gate = Gate(weights.tokenizer, weights.dialect, config.marks)
        return poisoned if config.until == "end" else until_answer(gate, poisoned)


@lru_cache(2)
def _moved(proxy: Proxy, dialect: Dialect, config: Config) -> tuple[Any, Any]:
    """The proxy's net at theta + eps g and at theta - eps g: made once for all teachers behind one configuration."""
    reader = Open(proxy.model.net, proxy.model.tokenizer, name=proxy.model.name, dialect=dialect)
    held = proxy.workings(config.workings, config.longest, reader)
    with proxy.lent() as net:
        theta = hypergradient.weights(net)
        g = hypergradient.held_gradient(net, theta, held)
        return _at(net, hypergradient.moved(theta, g, config.eps)), _at(net, hypergradient.moved(theta, g, -config.eps))


@torch.no_grad()
def _at(net: Any, theta: hypergradient.Vector) -> Any:
    copy = deepcopy(net)
    for name, value in copy.named_parameters():
        if name in theta:
            value.copy_(theta[name])
    return copy.eval()
