"""Tiny models that can do the task already: students fine-tuned from one checkpoint, by the loop of `tiny`.

A student from nothing spends its budget on learning to reason; one from a checkpoint shows what else the traces teach
it. Source of the recipe: `tiny`'s, at a third of its rate. Knows no attack and no mark. Before any distillation it can
do what its checkpoint can: that is what "never distilled" means here.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from azeotrope.errors import Misconfigured
from azeotrope.models import shipped
from azeotrope.models.dialect import Dialect
from azeotrope.models.loading import placed
from azeotrope.models.open import Open
from azeotrope.models.sampling import Sampling
from azeotrope.training.examples import Example
from azeotrope.training.learner import Fitted, Loss, Weigh
from azeotrope.training.tiny import Count, trained
from azeotrope.types import Record

SHIPPED = "shipped:"


class Tuned(Record, frozen=True):
    """Where it begins and how it is trained."""

    start: Annotated[str, Meta(min_length=1)] = "shipped:steps"
    """shipped:NAME, a model that comes with the package, or a folder. Results go by this name: other weights, another
    folder."""
    steps: Count = 1000
    batch: Count = 32
    optimiser: Literal["adamw", "muon"] = "adamw"
    """As `Tiny` has it."""
    rate: Annotated[float, Meta(gt=0)] = 1e-3
    """Peak learning rate: linear warm-up, constant to the middle, then linear to a fiftieth."""
    warmup: Annotated[int, Meta(ge=0)] = 50
    decay: Annotated[float, Meta(ge=0)] = 0.05
    """Weight decay, on matrices only."""
    longest: Count = 256
    """Tokens of an example; longer ones are cut and counted."""
    max_tokens: Count = 160
    """Of an answer."""


class TunedLearner:
    """Students of one checkpoint. They read with its tokenizer and write in its dialect."""

    def __init__(
        self, recipe: Tuned, tokenizer: Any = "", *, name: str = "tuned", dialect: Dialect | None = None,
        device: str = "auto",
    ) -> None:  # fmt: skip
        """`tokenizer` and `dialect`, which a student from nothing takes over from its teacher, are not needed here."""
        self.name, self._recipe, self._device = name, recipe, device

    def fresh(self, seed: int) -> Open:
        """A copy of the checkpoint, the same for every seed: the student that never distilled."""
        found = _checkpoint(self._recipe.start, self._device).copied()
        found.name = f"{self.name}-{seed}"
        return found.sampled(Sampling(max_tokens=self._recipe.max_tokens))

    def fit(
        self, examples: Sequence[Example], *, seed: int, loss: Loss | None = None, weigh: Weigh | None = None,
        start: Open | None = None, share: float = 1.0,
    ) -> Fitted:  # fmt: skip
        """See `Learner.fit`. The seed decides the order of the examples alone."""
        model = self.fresh(seed) if start is None else start.copied()
        return trained(model, examples, self._recipe, seed=seed, share=share, loss=loss, weigh=weigh)


@lru_cache(1)
def _checkpoint(start: str, device: str) -> Open:
    """Loaded once for all the students that a process trains one after the other; each trains a copy."""
    if start.startswith(SHIPPED):
        found = shipped.shipped(start.removeprefix(SHIPPED))
    elif Path(start).is_dir():
        found = Open.load(start, local_files_only=True, device="cpu")
    else:
        raise Misconfigured(f"there is no folder {start} to begin from; give one, or shipped:NAME")
    found.net.to(placed(device))
    return found
