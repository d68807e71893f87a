"""A and B on their way down: the optimiser, its steps, and its state as a file. Knows no model and no task."""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from azeotrope.fit.bench import Part
from azeotrope.fit.plan import Fitting
from azeotrope.fit.results import Step
from azeotrope.math.information import Found, Objective, backward
from azeotrope.math.lowrank import LowRank, centred, identity, length, stretch
from azeotrope.placing import placed

_MOMENTS = ("exp_avg", "exp_avg_sq")


class Descent:
    """AdamW on A and B: warm-up, then a cosine to nought (arXiv 2602.03396)."""

    def __init__(self, plan: Fitting, size: int, steps: int, device: torch.device) -> None:
        recipe = plan.purifier
        m = identity(size, min(recipe.rank, size), torch.Generator().manual_seed(plan.seed))
        self._recipe, self._stretch, self._steps = recipe, plan.hard.stretch, steps
        self._peak = 0.08 / size if recipe.rate is None else recipe.rate
        self._m = LowRank(*(each.to(device).requires_grad_() for each in m))
        self._adamw = torch.optim.AdamW([*self._m], lr=self._peak, weight_decay=recipe.decay)
        self.step = 0
        """Taken so far."""

    @property
    def m(self) -> LowRank:
        """The map as it is now, a copy."""
        m = LowRank(self._m.a.detach().clone(), self._m.b.detach().clone())
        return centred(m) if self._recipe.centred else m

    def take(self, parts: Sequence[Part], how: Objective) -> Step:
        """One step on these."""
        self._adamw.param_groups[0]["lr"] = self._peak * schedule(self.step, self._steps, self._recipe.warmup)
        self._adamw.zero_grad()
        found = [(backward(self._m, part.tails, part.text, how, part.share), part.share) for part in parts]
        if self._recipe.centred:
            assert self._m.b.grad is not None
            self._m.b.grad -= self._m.b.grad.mean(-1, keepdim=True)  # B stays where its rows sum to nought
        self._adamw.step()
        self._keep_to_budget()
        self.step += 1
        return Step(self.step, *mean(found))

    def _keep_to_budget(self) -> None:
        for budget, norm in ((self._recipe.budget, length), (self._stretch, stretch)):
            if budget and (now := norm(self._m)) > budget:
                with torch.no_grad():
                    self._m.b.mul_(budget / now)

    def save(self, path: Path, recipe: str, beside: Mapping[str, Tensor]) -> None:
        """A kill leaves the old state or the new one. `beside`: what else is to be kept."""
        tensors = {"a": self._m.a.detach(), "b": self._m.b.detach(), **beside}
        for name, each in zip("ab", self._m, strict=True):
            tensors |= {f"{name}.{kind}": self._adamw.state[each][kind] for kind in _MOMENTS if self.step}
        about = {"step": str(self.step), "recipe": recipe}
        with placed(path) as new:
            save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, new, about)

    def load(self, path: Path) -> None:
        """Goes on from a saved state."""
        with safe_open(path, "pt") as file:
            self.step = int((file.metadata() or {})["step"])
            with torch.no_grad():
                for name, each in zip("ab", self._m, strict=True):
                    each.copy_(file.get_tensor(name))
                    if self.step:
                        moments: dict[str, Tensor] = {
                            k: file.get_tensor(f"{name}.{k}").to(each.device) for k in _MOMENTS
                        }
                        self._adamw.state[each] = {"step": torch.tensor(float(self.step)), **moments}


def recipe_of(path: Path) -> str:
    """The digest of the recipe that a saved state belongs to."""
    with safe_open(path, "pt") as file:
        return str((file.metadata() or {}).get("recipe"))


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the peak rate at `step` (from 0): linear up, then half a cosine down."""
    rising = math.ceil(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def mean(found: Sequence[tuple[Found, float]]) -> Found:
    """By share."""
    total = sum(share for _, share in found)
    return Found(
        sum(one.cross_entropy * share for one, share in found) / total,
        sum(one.cosine * share for one, share in found) / total,
    )
