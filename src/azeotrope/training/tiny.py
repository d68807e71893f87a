"""Tiny models from scratch by one short loop: a trainer would cost more than the model. Knows cross-entropy only.

Source of the recipe: none; measured on the task `steps` (see docs/benchmarks.md).
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import torch
from msgspec import Meta
from torch import Tensor
from torch.nn import functional

from azeotrope.errors import Misconfigured
from azeotrope.models.dialect import Dialect
from azeotrope.models.loading import placed
from azeotrope.models.open import Open
from azeotrope.models.sampling import Sampling
from azeotrope.training.examples import Batch, Corpus, Example, batches, encoded
from azeotrope.training.learner import Fitted, Loss, Weigh, cpu_seconds, tenths
from azeotrope.types import Record

Count = Annotated[int, Meta(ge=1)]


class Tiny(Record, frozen=True):
    """A Llama of this size and how it is trained."""

    hidden: Count = 128
    layers: Count = 2
    heads: Count = 4
    intermediate: Count = 384
    steps: Count = 1000
    batch: Count = 32
    optimiser: Literal["adamw", "muon"] = "adamw"
    """muon: orthogonalised momentum for the layers' matrices (Jordan et al. 2024, as torch has it), AdamW for the rest;
    on `steps` it leaves the plateau in a third of the steps."""
    rate: Annotated[float, Meta(gt=0)] = 3e-3
    """Peak learning rate: linear warm-up, constant to the middle, then linear to a fiftieth."""
    warmup: Annotated[int, Meta(ge=0)] = 50
    decay: Annotated[float, Meta(ge=0)] = 0.05
    """Weight decay, on matrices only."""
    longest: Count = 256
    """Tokens of an example; longer ones are cut and counted."""
    max_tokens: Count = 160
    """Of an answer."""


class Course(Protocol):
    """What the loop reads of a recipe; `Tiny` says what each is."""

    @property
    def steps(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def optimiser(self) -> Literal["adamw", "muon"]: ...
    @property
    def rate(self) -> float: ...
    @property
    def warmup(self) -> int: ...
    @property
    def decay(self) -> float: ...
    @property
    def longest(self) -> int: ...


class TinyLearner:
    """Fresh tiny models that share one tokenizer. `tokenizer`: a folder or a Hugging Face tokenizer."""

    def __init__(
        self, recipe: Tiny, tokenizer: Any, *, name: str = "tiny", dialect: Dialect = Dialect(), device: str = "auto"
    ) -> None:
        self.name, self._recipe, self._dialect, self._device = name, recipe, dialect, device
        self._tokenizer = _tokenizer(tokenizer)

    def fresh(self, seed: int) -> Open:
        """Untrained weights: the student that never distilled."""
        net = _net(self._recipe, self._tokenizer, seed).to(placed(self._device)).eval()
        how = Sampling(max_tokens=self._recipe.max_tokens)
        return Open(net, self._tokenizer, name=f"{self.name}-{seed}", dialect=self._dialect, how=how)

    def fit(
        self, examples: Sequence[Example], *, seed: int, loss: Loss | None = None, weigh: Weigh | None = None,
        start: Open | None = None, share: float = 1.0,
    ) -> Fitted:  # fmt: skip
        """See `Learner.fit`."""
        model = self.fresh(seed) if start is None else start.copied()
        return trained(model, examples, self._recipe, seed=seed, share=share, loss=loss, weigh=weigh)


def trained(
    model: Open, examples: Sequence[Example], recipe: Course, *, seed: int, share: float = 1.0,
    loss: Loss | None = None, weigh: Weigh | None = None,
) -> Fitted:  # fmt: skip
    """The model itself, trained on the examples for this share of the recipe's steps.

    Raises `Misconfigured` where there is nothing to learn.
    """
    if not examples:
        raise Misconfigured("there is nothing to learn: no example is left")
    corpus = encoded(model, examples, recipe.longest)
    if not corpus.rows:
        raise Misconfigured(f"every example's prompt is longer than {recipe.longest} tokens")
    steps = max(1, round(recipe.steps * share))
    return _Training(model, corpus, recipe, steps, loss, weigh).run(seed)


class _Training:
    """One run of the loop."""

    def __init__(
        self, model: Open, corpus: Corpus, recipe: Course, steps: int, loss: Loss | None, weigh: Weigh | None
    ) -> None:
        self._model, self._corpus, self._recipe, self._steps = model, corpus, recipe, steps
        self._loss, self._weigh = loss, weigh

    def run(self, seed: int) -> Fitted:
        began, tokens, losses = cpu_seconds(), 0, list[float]()
        net = self._model.net.train()
        optimisers = _optimisers(net, self._recipe)
        todo = batches(self._corpus.rows, self._recipe.batch, self._steps, seed, self._model.pad)
        for step, batch in enumerate(todo):
            rate = self._recipe.rate * schedule(step, self._steps, self._recipe.warmup)
            for group in (group for optimiser in optimisers for group in optimiser.param_groups):
                group["lr"] = rate
            loss = self._of(net, batch.to(self._model.device))
            net.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            for optimiser in optimisers:
                optimiser.step()
            tokens += batch.ids.numel()
            losses.append(loss.item())
        net.eval()
        spent = cpu_seconds() - began
        return Fitted(self._model, self._steps, tokens, spent, self._corpus.truncated, tenths(losses))

    def _of(self, net: Any, batch: Batch) -> Tensor:
        weights = batch.weights if self._weigh is None else self._weigh(net, batch)
        logits = kept_logits(net, batch)
        if self._loss is not None:
            return self._loss(logits, batch)
        return weighted_cross_entropy(logits, batch, weights)


def kept_logits(net: Any, batch: Batch) -> Tensor:
    """The net's logits [N, V] where a next token has a loss: the head is not applied elsewhere."""
    states = net.model(input_ids=batch.ids, use_cache=False).last_hidden_state[:, :-1]
    return net.lm_head(states[batch.keep])


def weighted_cross_entropy(logits: Tensor, batch: Batch, weights: Tensor) -> Tensor:
    """Nats per token, every token weighted as its row. [N, V], batch, [B] -> []."""
    each = functional.cross_entropy(logits, batch.targets, reduction="none")
    of_token = weights[batch.rows]
    return (each * of_token).sum() / of_token.sum().clamp(min=1e-9)


def schedule(step: int, steps: int, warmup: int) -> float:
    """Share of the peak learning rate at `step` (from 0)."""
    done = step / steps
    return min(1.0, (step + 1) / max(1, warmup)) * (1.0 if done < 0.5 else max(0.02, 2 * (1 - done)))


def _optimisers(net: Any, recipe: Course) -> list[torch.optim.Optimizer]:
    """AdamW for all, or for what Muon does not take: embeddings and vectors."""
    inner = [p for name, p in net.named_parameters() if p.ndim == 2 and "embed" not in name]
    taken = set(map(id, inner)) if recipe.optimiser == "muon" else set[int]()
    matrices = [p for p in net.parameters() if p.ndim > 1 and id(p) not in taken]
    vectors = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": recipe.decay}, {"params": vectors, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), foreach=True)
    if not taken:
        return [adamw]
    return [adamw, torch.optim.Muon(inner, recipe.rate, recipe.decay, adjust_lr_fn="match_rms_adamw")]


def _net(recipe: Tiny, tokenizer: Any, seed: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=recipe.hidden, num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads, num_key_value_heads=recipe.heads, intermediate_size=recipe.intermediate,
        max_position_embeddings=1024, tie_word_embeddings=True, pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
        initializer_range=0.02 if recipe.hidden >= 256 else 0.04,
    )  # fmt: skip
    return _drawn(LlamaForCausalLM(config), seed, config.initializer_range)


@torch.no_grad()
def _drawn(net: Any, seed: int, spread: float) -> Any:
    """The net with its matrices drawn anew, from a generator of its own: other threads train students of their own."""
    draw = torch.Generator().manual_seed(seed)
    for weight in net.parameters():
        if weight.ndim > 1:
            weight.normal_(0.0, spread, generator=draw)
    net.model.embed_tokens.weight[net.config.pad_token_id] = 0.0
    return net


def _tokenizer(source: Any) -> Any:
    if not isinstance(source, str | Path):
        return source
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(source)
