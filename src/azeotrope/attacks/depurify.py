"""Logit distillation against a purifier: undo its map, known or learned; trust it where gold agrees; lean on a prior.

Sources: Woodbury, for a map that is known: (I + A B)^-1 = I - A (I + B A)^-1 B; the rest is ours, from the traps that
arXiv 2602.03396 leaves open. `learned`: a low-rank map D, trained beside the student to make the labels likely under
softmax(D z'): with labels drawn from the teacher that is least where D undoes the map. A label that is not shown (-inf)
is left out: of those that are, softmax over what is shown is the law. `gate`: the distillation loss counts where the
shown logits' likeliest token is the label's. `prior`: the student learns from a mixture of what is shown and of what it
says itself. Where an interface shows k tokens or rounds, the map is not whole and cannot be undone exactly.
Does not work through text: a teacher whose logits cannot be seen is refused.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from msgspec import Meta
from torch import Tensor
from torch.nn import functional

from azeotrope.distill import Thief, forced
from azeotrope.errors import Misconfigured
from azeotrope.math.lowrank import LowRank, applied, identity, inverted
from azeotrope.math.shown import filled
from azeotrope.models import purifier
from azeotrope.protocols import Attack, Model, OpenModel
from azeotrope.training import Batch
from azeotrope.training.guided import Told, beside, divergence, opened
from azeotrope.types import Problem, Record


class Config(Record, frozen=True):
    """How the map is undone, and what is believed of what comes out."""

    undo: Literal["none", "known", "learned"] = "learned"
    artifact: str = ""
    """known: the purifier itself, stolen."""
    rank: Annotated[int, Meta(ge=1)] = 32
    """learned: of D."""
    rate: Annotated[float, Meta(gt=0)] = 3e-3
    """learned: Adam's, of D."""
    gate: bool = False
    """Only where the likeliest token shown is the label."""
    prior: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """The student's own share in what it learns from."""
    loss: Literal["forward_kl", "reverse_kl", "jsd", "skewed_kl", "skewed_reverse_kl", "alphanet", "abkd"] = (
        "forward_kl"
    )
    on: Literal["samples", "gold"] = "samples"
    """samples: the teacher's own traces, washed; gold: published workings."""
    alpha: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """The distillation loss's share; the rest is cross-entropy on the text."""
    temperature: Annotated[float, Meta(gt=0)] = 1.0
    top_k: Annotated[int, Meta(ge=0)] = 0
    """So many tokens are seen, and the mass of the rest as one; 0: all."""
    floor: Annotated[float, Meta(ge=0)] = 0.0
    """Tokens that are not shown are taken to stand so many nats below the least that is, before anything is undone; 0:
    to be impossible."""


def attack(config: Config, thief: Thief) -> Attack:
    """An open teacher and problems -> a student of its logits, undone."""
    known = inverted(_stolen(config)) if config.undo == "known" else None

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        seen = opened(teacher)
        examples = await forced(thief, seen, problems, config.on)
        loss = Undoing(config, seen, known, thief.seed)
        shown = f"top {config.top_k}" if config.top_k else "all logits"
        thief.bill.note(profile=f"{shown}, teacher-forced on {config.on}", undone=config.undo)
        student = thief.train(examples, loss=loss)
        thief.bill.note(gate_open=round(loss.trusted, 4))
        if config.undo == "learned":
            thief.bill.note(map_learned_from=round(loss.told, 4))
        return student

    return steal


class Undoing:
    """The loss of the steps of one training, with what it learns of the map on the way."""

    def __init__(self, config: Config, teacher: OpenModel, known: LowRank | None, seed: int) -> None:
        self._config, self._known, self._seed = config, known, seed
        self._teacher = Told(teacher)
        self._learned: LowRank | None = None
        self._adam: torch.optim.Optimizer | None = None
        self._seen = self._open = 0
        self._asked = self._told = 0

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        student, shown, mask = beside(self._teacher, logits, batch)
        labels = batch.targets.to(shown.device)[None]
        said = self._undone(filled(shown, self._config.floor), labels, mask)
        if self._config.gate:
            mask = mask & (said.argmax(-1) == labels)
        self._seen, self._open = self._seen + mask.numel(), self._open + int(mask.sum())
        text = functional.cross_entropy(logits, batch.targets.to(logits.device))
        if not mask.any():  # nothing is believed here
            return text
        if self._config.prior:
            said = _mixed(said, student.detach(), self._config.prior)
        distilled = divergence(
            self._config.loss, (student, said, mask), temperature=self._config.temperature, top_k=self._config.top_k
        )
        return (1 - self._config.alpha) * text + self._config.alpha * distilled

    @property
    def trusted(self) -> float:
        """Share of positions from which the distribution was learned."""
        return self._open / self._seen if self._seen else 0.0

    @property
    def told(self) -> float:
        """Share of labels that were shown, and so told something of the map."""
        return self._told / self._asked if self._asked else 0.0

    def _undone(self, shown: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        """[1, N, W] as shown -> the same without the map, as far as it is known by now."""
        if self._known is not None:
            return applied(self._known, shown.double()).to(shown)
        if self._config.undo == "none":
            return shown
        learned, adam = self._learning(shown)
        with torch.enable_grad():
            out = applied(learned, shown.detach())
            each = functional.cross_entropy(out[mask], labels[mask], reduction="none")
            told = each.isfinite()  # a label that is not shown says nothing of the map
            self._asked, self._told = self._asked + told.numel(), self._told + int(told.sum())
            if told.any():
                adam.zero_grad()
                each[told].mean().backward()
                adam.step()
        with torch.no_grad():
            return applied(learned, shown)

    def _learning(self, shown: Tensor) -> tuple[LowRank, torch.optim.Optimizer]:
        """The map so far and what moves it, begun where there is none."""
        if self._learned is None or self._adam is None:
            self._learned, self._adam = self._begun(shown)
        return self._learned, self._adam

    def _begun(self, shown: Tensor) -> tuple[LowRank, torch.optim.Optimizer]:
        size = shown.shape[-1]
        m = identity(size, min(self._config.rank, size), torch.Generator().manual_seed(self._seed))
        a = m.a / math.sqrt(size)
        learned = LowRank(a.to(shown).requires_grad_(), m.b.to(shown).requires_grad_())
        return learned, torch.optim.Adam([*learned], lr=self._config.rate)


def _stolen(config: Config) -> LowRank:
    """The map itself. It is undone on logits: where only log-probabilities are shown, one number a position is missing
    (their offset), unless the map is centred. The attacker is given it here."""
    if not config.artifact:
        raise Misconfigured("to undo a known map, say which: artifact = the file or folder that azeotrope fit wrote")
    return purifier.read(config.artifact).m


def _mixed(said: Tensor, own: Tensor, share: float) -> Tensor:
    """Logits of (1 - share) softmax(said) + share softmax(own)."""
    parts: list[Any] = [said.log_softmax(-1) + math.log1p(-share), own.log_softmax(-1) + math.log(share)]
    return torch.logaddexp(*parts)
