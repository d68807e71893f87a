"""An attacker that inverts, beside the fit: a low-rank map D, taught to undo what is shown, step by step with A and B.

As the attack `depurify` learns it (undo = "learned"): D makes the text's labels likely under softmax(D z'), which with
labels drawn from the teacher is least where D undoes the map. A and B are then moved as if D stood still.

Why D is learned, and not M's own inverse (Woodbury): with full logits and M known, what comes out is z itself, so that
the student's gradient is the true one and its cosine 1 wherever A and B are. There is nothing to train against; a
learned D only follows behind. Where the interface cuts to k or rounds, no map gets back what was not shown, and what
is trained against is what D can still make of the rest. Knows no student.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from azeotrope.fit.plan import Fitting, Undoing
from azeotrope.math.information import Text
from azeotrope.math.lowrank import LowRank, applied, identity
from azeotrope.math.shown import Shown, filled

_STATE = "undo."
_MOMENTS = ("exp_avg", "exp_avg_sq")


class Inverter:
    """D and what moves it; the identity to begin with."""

    def __init__(self, plan: Fitting, recipe: Undoing, m: LowRank) -> None:
        start = identity(m.size, min(recipe.rank, m.size), torch.Generator().manual_seed(plan.seed + 1))
        a = start.a / math.sqrt(m.size)
        self._d = LowRank(a.to(m.a).requires_grad_(), start.b.to(m.a).requires_grad_())
        self._adam = torch.optim.Adam([*self._d], lr=recipe.rate)
        self._shown, self._floor = plan.shows.rule(), plan.hard.floor
        self._turns, self._block = recipe.turns, plan.purifier.block
        self._steps = 0

    def view(self) -> Shown:
        """What a student learns from who has D as it is now."""
        d = LowRank(self._d.a.detach().clone(), self._d.b.detach().clone())
        return lambda shaped, plain: applied(d, self._seen(shaped, plain))

    def learn(self, m: LowRank, texts: Sequence[Text]) -> float:
        """Some steps on what these texts show through M; the labels' cross-entropy before the first, nats per token."""
        losses = [self._step(m, texts) for _ in range(self._turns)]
        return losses[0]

    def state(self) -> dict[str, Tensor]:
        """For a file."""
        tensors: dict[str, Tensor] = {"steps": torch.tensor(self._steps)}
        for name, each in zip("ab", self._d, strict=True):
            tensors[name] = each.detach()
            tensors |= {f"{name}.{kind}": self._adam.state[each][kind] for kind in _MOMENTS if self._steps}
        return {_STATE + name: tensor for name, tensor in tensors.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from there."""
        self._steps = int(state[_STATE + "steps"])
        with torch.no_grad():
            for name, each in zip("ab", self._d, strict=True):
                each.copy_(state[_STATE + name])
                if self._steps:
                    moments = {kind: state[f"{_STATE}{name}.{kind}"].to(each.device) for kind in _MOMENTS}
                    self._adam.state[each] = {"step": torch.tensor(float(self._steps)), **moments}

    def _seen(self, shaped: Tensor, plain: Tensor) -> Tensor:
        return filled(self._shown(shaped, plain), self._floor)

    def _step(self, m: LowRank, texts: Sequence[Text]) -> float:
        total, count = 0.0, sum(len(text.labels) for text in texts)
        self._adam.zero_grad()
        for text in texts:
            for at in range(0, len(text.labels), self._block):
                total += self._pulled(m, Text(*(each[at : at + self._block] for each in text)), count)
        self._adam.step()
        self._steps += 1
        return total

    def _pulled(self, m: LowRank, text: Text, count: int) -> float:
        """Adds these positions' part of the gradient; their part of the loss."""
        with torch.no_grad():
            plain = text.logits.to(m.a)
            seen = self._seen(applied(m, plain), plain)
        known = text.labels < seen.shape[-1]
        loss = functional.cross_entropy(applied(self._d, seen)[known], text.labels[known], reduction="sum") / count
        loss.backward()
        return loss.item()
