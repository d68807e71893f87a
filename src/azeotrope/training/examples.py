"""Examples -> token ids -> batches: loss on the response only, its end token included. Knows no optimiser."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from azeotrope.models.open import Open
from azeotrope.types import Record, Request, Trace

IGNORED = -100
"""The label of a position without a loss, as transformers has it."""
_WINDOW = 16
"""Batches whose examples are sorted by length together."""


class Example(Record, frozen=True):
    """A request and the response to learn."""

    request: Request
    reasoning: str
    answer: str
    weight: float = 1.0

    @classmethod
    def of(cls, trace: Trace) -> Example:
        return cls(trace.request, trace.reasoning, trace.answer)


class Encoded(NamedTuple):
    """Token ids; the loss is on those from `start` on."""

    ids: list[int]
    start: int
    weight: float
    at: int
    """Its example's place among those that were handed in."""


class Corpus(NamedTuple):
    """Examples as ids, and how many had to be cut to the longest length: their end token is lost.

    One whose prompt alone is as long is left out (and counted as cut).
    """

    rows: list[Encoded]
    truncated: int


def encoded(model: Open, examples: Sequence[Example], longest: int) -> Corpus:
    """Examples -> ids in the model's dialect. The response ends with the model's end token."""
    openings = [model.dialect.prompt(example.request, model.tokenizer) for example in examples]
    texts = [
        model.dialect.response(example.reasoning, example.answer, opening)
        for example, opening in zip(examples, openings, strict=True)
    ]
    read, said = model.encode(openings), model.encode(texts)
    rows = [
        Encoded([*prompt, *response, model.end][:longest], len(prompt), example.weight, at)
        for at, (prompt, response, example) in enumerate(zip(read, said, examples, strict=True))
    ]
    truncated = sum(len(prompt) + len(response) + 1 > longest for prompt, response in zip(read, said, strict=True))
    return Corpus([row for row in rows if row.start < longest], truncated)


@dataclass(frozen=True, eq=False)
class Batch:
    """Right-padded rows."""

    members: tuple[int, ...]
    """Which examples these are: their places among those that were handed in."""
    ids: Tensor
    """[B, T]."""
    labels: Tensor
    """[B, T], `IGNORED` where there is no loss."""
    weights: Tensor
    """[B]."""

    @classmethod
    def of(cls, rows: Sequence[Encoded], pad: int) -> Batch:
        width = max(len(row.ids) for row in rows)
        ids = [row.ids + [pad] * (width - len(row.ids)) for row in rows]
        labels = [[IGNORED] * row.start + row.ids[row.start :] + [IGNORED] * (width - len(row.ids)) for row in rows]
        weights = torch.tensor([row.weight for row in rows])
        return cls(tuple(row.at for row in rows), torch.tensor(ids), torch.tensor(labels), weights)

    def to(self, device: Any) -> Batch:
        """The same batch there."""
        return Batch(self.members, self.ids.to(device), self.labels.to(device), self.weights.to(device))

    @cached_property
    def keep(self) -> Tensor:
        """[B, T-1]: the positions whose next token has a loss."""
        return self.labels[:, 1:] != IGNORED

    @cached_property
    def targets(self) -> Tensor:
        """[N]: those next tokens, row by row."""
        return self.labels[:, 1:][self.keep]

    @cached_property
    def rows(self) -> Tensor:
        """[N]: the row each target stands in."""
        return torch.arange(len(self.ids), device=self.ids.device)[:, None].expand_as(self.keep)[self.keep]


def batches(corpus: Sequence[Encoded], size: int, steps: int, seed: int, pad: int) -> Iterator[Batch]:
    """`steps` batches of rows of like length, in a seeded order; every example once an epoch but for the remainder."""
    order, rng = list(range(len(corpus))), random.Random(seed)  # noqa: S311 - an order, not a secret
    made = 0
    while made < steps:
        rng.shuffle(order)
        for members in _epoch(corpus, order, size, rng):
            if made == steps:
                return
            yield Batch.of([corpus[at] for at in members], pad)
            made += 1


def _epoch(corpus: Sequence[Encoded], order: list[int], size: int, rng: random.Random) -> list[list[int]]:
    """The order cut into full batches of like length (one short batch where there are too few examples)."""
    out: list[list[int]] = []
    order = order[: len(order) - len(order) % size] or order  # cut before sorting: else the longest would be left out
    for begin in range(0, len(order), size * _WINDOW):
        near = sorted(order[begin : begin + size * _WINDOW], key=lambda at: len(corpus[at].ids))
        out += [near[at : at + size] for at in range(0, len(near), size)]
    rng.shuffle(out)
    return out
