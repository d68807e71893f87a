"""Students from pretrained weights: any Hugging Face causal language model, by LoRA or in full, through trl and peft.

Source of the default recipe: arXiv 2602.15143 (LoRA of rank 128 on all linear layers, 4 epochs, 5e-4 cosine, ...).
The adapter stays beside the weights it was trained on: merging it into bfloat16 would lose what a low rate taught it.
One process on one accelerator; several students are several processes.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from msgspec import Meta

from azeotrope.errors import Misconfigured
from azeotrope.models.dialect import Dialect
from azeotrope.models.loading import Loaded, loaded, placed
from azeotrope.models.open import Open
from azeotrope.models.sampling import Sampling
from azeotrope.training.examples import Example, encoded
from azeotrope.training.learner import Fitted, Loss, Weigh, cpu_seconds, tenths
from azeotrope.types import Record

Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Hub(Record, frozen=True):
    """Which weights, and how they are trained."""

    model: Annotated[str, Meta(min_length=1)]
    """A hub name, a folder, a path that ends in .gguf, or "smollm2"."""
    revision: str = ""
    gguf_file: str = ""
    """A GGUF file in that folder or repository."""
    method: Literal["lora", "full"] = "lora"
    rank: Count = 128
    alpha: Count = 128
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    targets: str | tuple[str, ...] = "all-linear"
    """Layers that get an adapter; "all-linear" is every linear one but the head."""
    epochs: Annotated[float, Meta(gt=0)] = 4.0
    steps: Annotated[int, Meta(ge=0)] = 0
    """Instead of epochs, where not 0."""
    rate: Annotated[float, Meta(gt=0)] = 5e-4
    """Peak learning rate."""
    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    warmup: Share = 0.1
    """Of the steps."""
    decay: Annotated[float, Meta(ge=0)] = 0.1
    """AdamW's weight decay, on matrices only."""
    batch: Count = 32
    """Examples a step."""
    accumulation: Count = 1
    """Parts in which a batch is computed, for want of memory: the result is the same, but that weights made for rows
    (`reweight`) are made among those of a part."""
    longest: Count = 2048
    """Tokens of an example; longer ones are cut and counted."""
    max_tokens: Count = 1024
    """Of an answer."""
    think: bool = False
    """Reasoning is learned between <think> tags; else right before the answer."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """What is computed in. auto: bfloat16 on an accelerator, float32 else. What is trained is kept in float32."""
    device: Literal["auto", "cpu"] = "auto"
    """auto: the accelerator where there is one."""

    def __post_init__(self) -> None:
        if self.batch % self.accumulation:
            raise ValueError(f"accumulation divides batch; got {self.accumulation} and {self.batch}")


class HubLearner:
    """Students of one set of pretrained weights. They read with their own tokenizer and write by its chat template."""

    def __init__(self, recipe: Hub, tokenizer: str = "", *, name: str = "", dialect: Dialect | None = None) -> None:
        """`tokenizer` and `dialect`, which a student from nothing takes over from its teacher, are not needed here."""
        self.name = name or Path(recipe.gguf_file or recipe.model).name
        self._recipe = recipe

    def fresh(self, seed: int) -> Open:
        """The weights as they come, the same for every seed."""
        recipe = self._recipe
        dtype = torch.float32 if recipe.method == "full" else computed(recipe)  # an adapter's base is never changed
        net, tokenizer, _ = _pretrained(recipe.model, recipe.gguf_file, recipe.revision, recipe.device, dtype)
        dialect = Dialect(chat=True, think=recipe.think, split="tags" if recipe.think else "span")
        return Open(net, tokenizer, name=self.name, dialect=dialect, how=Sampling(max_tokens=recipe.max_tokens))

    def fit(
        self, examples: Sequence[Example], *, seed: int, loss: Loss | None = None, weigh: Weigh | None = None,
        start: Open | None = None, share: float = 1.0,
    ) -> Fitted:  # fmt: skip
        """See `Learner.fit`. `start` may be a student of ours: its adapter is trained on."""
        from azeotrope.training.supervised import Hooks, supervised

        if not examples:
            raise Misconfigured("there is nothing to learn: no example is left")
        model = (start or self.fresh(seed)).copied()
        corpus = encoded(model, examples, self._recipe.longest)
        if not corpus.rows:
            raise Misconfigured(f"every example's prompt is longer than {self._recipe.longest} tokens")
        steps, began = steps_of(self._recipe, len(corpus.rows), share), cpu_seconds()
        run = supervised(model, corpus.rows, self._recipe, steps=steps, seed=seed, hooks=Hooks(loss, weigh))
        spent = cpu_seconds() - began
        return Fitted(model, steps, run.tokens, spent, corpus.truncated, tenths(run.losses))


@lru_cache(1)
def _pretrained(model: str, gguf_file: str, revision: str, device: str, dtype: torch.dtype) -> Loaded:
    """Loaded once for all the students that a process trains one after the other; each trains a copy."""
    load: dict[str, Any] = {"revision": revision} if revision else {}
    return loaded(model, gguf_file=gguf_file or None, device=device, dtype=dtype, **load)


def steps_of(recipe: Hub, examples: int, share: float) -> int:
    """Optimiser steps for so many examples, at this share of the recipe's."""
    whole = recipe.steps or recipe.epochs * math.ceil(examples / recipe.batch)
    return max(1, round(whole * share))


def computed(recipe: Hub) -> torch.dtype:
    """What is computed in."""
    if recipe.dtype != "auto":
        return torch.bfloat16 if recipe.dtype == "bfloat16" else torch.float32
    return torch.float32 if placed(recipe.device).type == "cpu" else torch.bfloat16
