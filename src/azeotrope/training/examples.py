"""Examples -> token ids -> batches: loss on the response only, its end token included. Knows no optimiser."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

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


class Corpus(NamedTuple):
    """Every example as ids, and how many had to be cut to the longest length: their end token is lost."""

    rows: list[Encoded]
    truncated: int


def encoded(model: Open, examples: Sequence[Example], longest: int) -> Corpus:
    """Examples -> ids in the model's dialect. The response ends with the model's end token."""
    prompts = model.encode([model.dialect.prompt(example.request, model.tokenizer) for example in examples])
    said = model.encode([model.dialect.response(example.reasoning, example.answer) for example in examples])
    end = int(model.tokenizer.eos_token_id)
    rows = [
        Encoded([*prompt, *response, end], len(prompt), example.weight)
        for prompt, response, example in zip(prompts, said, examples, strict=True)
    ]
    truncated = sum(len(row.ids) > longest for row in rows)
    return Corpus([Encoded(row.ids[:longest], row.start, row.weight) for row in rows if row.start < longest], truncated)


class Batch:
    """Right-padded rows: ids [B, T], labels [B, T] (`IGNORED` where there is no loss), weights [B]."""

    def __init__(self, rows: Sequence[Encoded], members: Sequence[int], pad: int) -> None:
        width = max(len(row.ids) for row in rows)
        self.members = tuple(members)
        """Which examples these are: their places in the corpus."""
        self.ids = torch.tensor([row.ids + [pad] * (width - len(row.ids)) for row in rows])
        self.labels = torch.tensor(
            [[IGNORED] * row.start + row.ids[row.start :] + [IGNORED] * (width - len(row.ids)) for row in rows]
        )
        self.weights = torch.tensor([row.weight for row in rows])

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
        return torch.arange(len(self.ids))[:, None].expand_as(self.keep)[self.keep]


def batches(corpus: Sequence[Encoded], size: int, steps: int, seed: int, pad: int) -> Iterator[Batch]:
    """`steps` batches of rows of like length, in a seeded order; every example once an epoch but for the remainder."""
    order, rng = list(range(len(corpus))), random.Random(seed)  # noqa: S311 - an order, not a secret
    made = 0
    while made < steps:
        rng.shuffle(order)
        for members in _epoch(corpus, order, size, rng):
            if made == steps:
                return
            yield Batch([corpus[at] for at in members], members, pad)
            made += 1


def _epoch(corpus: Sequence[Encoded], order: list[int], size: int, rng: random.Random) -> list[list[int]]:
    """The order cut into full batches of like length (one short batch where there are too few examples)."""
    out: list[list[int]] = []
    for begin in range(0, len(order), size * _WINDOW):
        near = sorted(order[begin : begin + size * _WINDOW], key=lambda at: len(corpus[at].ids))
        out += [near[at : at + size] for at in range(0, len(near), size)]
    rng.shuffle(out)
    return [members for members in out if len(members) == size or len(corpus) < size]
