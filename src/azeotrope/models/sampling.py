"""Writes many continuations at once from open weights. Knows token ids only: no text, no request, no defense.

Each row draws its own uniform numbers, so that what a row says does not depend on the rows beside it (up to rounding).
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from azeotrope.types import Record


class Sampling(Record, frozen=True):
    """How the next token is drawn."""

    temperature: float = 0.0
    """0: the most likely token."""
    top_p: float = 1.0
    top_k: int = 0
    """0: all."""
    max_tokens: int = 256

    def __post_init__(self) -> None:
        if not (self.temperature >= 0 and 0 < self.top_p <= 1 and self.top_k >= 0 and self.max_tokens >= 1):
            raise ValueError("temperature is at least 0, top_p in (0, 1], top_k at least 0, max_tokens at least 1")


class Row(NamedTuple):
    """One prompt's ids, and the seed of its own draws."""

    ids: Sequence[int]
    seed: int


class Written(NamedTuple):
    """New token ids, the end token left out, and whether the end token came."""

    ids: list[int]
    stopped: bool


Shape = Callable[[Tensor, Tensor], Tensor]
_DENSE = 0.6
"""Finished rows leave the batch when no more than this share of it still writes."""


@torch.no_grad()
def write(
    net: Any, rows: Sequence[Row], how: Sampling, *, ends: set[int], pad: int, shape: Shape | None = None
) -> list[Written]:
    """Continuations of left-padded prompts, with a key-value cache. `shape`: (context ids [B, T], logits [B, V]).

    `net` is a transformers causal language model. Rows longer than others cost padding: hand in rows of similar length.
    """
    batch = _Batch(net, rows, how, pad)
    done: list[Written | None] = [None] * len(rows)
    for step in range(how.max_tokens):
        logits = batch.logits()
        if shape is not None:
            logits = shape(batch.context(), logits)
        ended = batch.add(drawn(logits.float(), how, batch.uniform(step)), ends)
        for at in ended:
            done[batch.rows[at]] = Written(batch.said[batch.rows[at]][:-1], True)
        if not batch.drop(ended):
            break
    return [written or Written(batch.said[at], False) for at, written in enumerate(done)]


def drawn(logits: Tensor, how: Sampling, uniform: Tensor) -> Tensor:
    """Logits [B, V], uniform numbers [B] -> token ids [B], by inversion of the cumulative distribution."""
    assert logits.ndim == 2, f"logits are [B, V]; got {tuple(logits.shape)}"
    if how.temperature == 0:
        return logits.argmax(-1)
    logits, names = logits / how.temperature, None
    if how.top_k or how.top_p < 1:  # the likeliest first; otherwise any order will do
        logits, names = logits.topk(min(how.top_k or logits.shape[-1], logits.shape[-1]))
    total = logits.softmax(-1).cumsum(-1, dtype=torch.float64)
    if how.top_p < 1:
        kept = (total < how.top_p * total[:, -1:]).sum(-1, keepdim=True)  # the last that is kept: it reaches top_p
        total = total.minimum(total.gather(-1, kept.clamp(max=total.shape[-1] - 1)))
    at = (total <= uniform[:, None] * total[:, -1:]).sum(-1, keepdim=True).clamp(max=logits.shape[-1] - 1)
    return at[:, 0] if names is None else names.gather(-1, at)[:, 0]


class _Batch:
    """Rows under way. `rows[i]` is the index, in the caller's list, of what stands at position i."""

    def __init__(self, net: Any, rows: Sequence[Row], how: Sampling, pad: int) -> None:
        self._net, self._cache = net, None
        width = max(len(row.ids) for row in rows)
        device = next(net.parameters()).device
        self._ids = torch.tensor([[pad] * (width - len(row.ids)) + list(row.ids) for row in rows], device=device)
        self._mask = torch.tensor([[0] * (width - len(r.ids)) + [1] * len(r.ids) for r in rows], device=device)
        self._new = self._ids
        self._random = how.temperature > 0
        self._draws = _uniforms([row.seed for row in rows], how.max_tokens) if self._random else torch.zeros(0)
        self.rows = list(range(len(rows)))
        self.said: list[list[int]] = [[] for _ in rows]
        self._writing = [True] * len(rows)

    def logits(self) -> Tensor:
        """Of the next token, [B, V]."""
        new = self._ids if self._cache is None else self._new  # a net without a cache reads everything each time
        positions = (self._mask.cumsum(-1) - 1).clamp(min=0)[:, -new.shape[1] :]
        out = self._net(
            input_ids=new, attention_mask=self._mask, position_ids=positions, cache=self._cache, use_cache=True,
            logits_to_keep=1,
        )  # fmt: skip
        self._cache = out.cache
        return out.logits[:, -1]

    def context(self) -> Tensor:
        """Everything read and written so far, [B, T], left-padded."""
        return self._ids

    def uniform(self, step: int) -> Tensor:
        """The rows' draws for this step, [B]."""
        return self._draws[self.rows, step].to(self._ids.device) if self._random else self._draws

    def add(self, tokens: Tensor, ends: set[int]) -> list[int]:
        """Appends a token to every row; returns the positions of rows that it ended."""
        ended: list[int] = []
        for at, token in enumerate(tokens.tolist()):
            if self._writing[at]:
                self.said[self.rows[at]].append(token)
                if token in ends:
                    ended.append(at)
        self._new = tokens[:, None]
        self._ids = torch.cat([self._ids, self._new], 1)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], 1)
        return ended

    def drop(self, ended: list[int]) -> bool:
        """Takes ended rows out once they are many; whether any row still writes."""
        for at in ended:
            self._writing[at] = False
        left = [at for at, writing in enumerate(self._writing) if writing]
        if left and len(left) <= _DENSE * len(self._writing):
            keep = torch.tensor(left, device=self._ids.device)
            if self._cache is not None:
                self._cache.batch_select_indices(keep)
            self._ids, self._mask, self._new = self._ids[keep], self._mask[keep], self._new[keep]
            self.rows = [self.rows[at] for at in left]
            self._writing = [True] * len(left)
        return bool(left)


def _uniforms(seeds: Sequence[int], steps: int) -> Tensor:
    """[B, steps] numbers in [0, 1); row i depends on its seed alone."""
    generator = torch.Generator()
    rows = [torch.rand(steps, generator=generator.manual_seed(seed % 2**63), dtype=torch.float64) for seed in seeds]
    return torch.stack(rows)
