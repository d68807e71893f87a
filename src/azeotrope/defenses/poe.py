"""A product of experts: the teacher's distribution geometrically mixed with that of a proxy student.

Source: arXiv 2605.22737, as its released code has it (gamma 0.6 to 0.7 in its configurations):

    log p = (1 - gamma) log p_T + gamma log p_proxy + const

That the proxy's share is positive is our reading of the paper, too: its defender suppresses outputs by exp(-gamma v), v
their value to a student, and how surprising they are to one, log p_T - log p_proxy, is a cheap stand-in for v. What is
left is text that a student finds easy and learns little from. The other reading, p_T^(1 + b) p_proxy^(-b), is gamma =
-b: it favours what a student does not know yet, and is here to be measured.

Reported on GSM8K: teacher 81.6, student 39.3, a student that weighs its examples 49.5, 1.6 times the time. Does not
defend against adaptive students, keeps the answer only as far as altered reasoning leads to it, and a proxy that is as
good as the teacher changes nothing. Proxy: an artifact (`azeotrope proxy`); text is shaped until the answer starts.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Annotated, Literal

import torch
from msgspec import Meta
from torch import Tensor

from azeotrope.models.along import Along
from azeotrope.models.gate import Gate, until_answer
from azeotrope.protocols import Given, OpenModel, Shape
from azeotrope.training import proxies
from azeotrope.types import Record


class Config(Record, frozen=True):
    """Which proxy, how much of it, and how far into a response."""

    artifact: str = ""
    """The folder that `azeotrope proxy` wrote: a proxy student with the teacher's tokenizer."""
    gamma: Annotated[float, Meta(gt=-4, lt=1)] = 0.6
    """The proxy's share; below 0 the other reading."""
    until: Literal["answer", "end"] = "answer"
    """answer: shaping stops where the answer starts; end: everything is shaped."""
    marks: tuple[str, ...] = ()
    """What starts an answer; unset: as `purify` has it."""


def shape(config: Config, given: Given) -> _Mixing:
    """The shape, which must see the teacher whose tokens the proxy reads."""
    return _Mixing(config)


class _Mixing:
    def __init__(self, config: Config) -> None:
        self._config = config

    def of(self, teacher: OpenModel) -> Shape:
        """Raises `Misconfigured` where the artifact is missing, damaged, or reads other tokens."""
        config = self._config
        proxy = proxies.read(config.artifact, "poe")
        weights = proxies.tokens_of(teacher, proxy)
        beside = Along(proxy.model.net, weights.pad)

        def mixed(ids: Tensor, logits: Tensor) -> Tensor:
            said = torch.log_softmax(logits if logits.dtype == torch.float64 else logits.float(), -1)
            expert = beside(ids).to(said)
            size = min(expert.shape[-1], said.shape[-1])
            out = torch.full_like(said, -torch.inf)  # ids that the proxy has no number for are padding, and no tokens
            out[:, :size] = (1 - config.gamma) * said[:, :size] + config.gamma * expert[:, :size]
            return out

        gate = Gate(weights.tokenizer, weights.dialect, config.marks)
        return mixed if config.until == "end" else until_answer(gate, mixed)
