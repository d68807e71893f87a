"""Whether a response has come to its answer: a shape of text stops there. Knows no shape.

A shape sees token ids only, so that the marks of an answer are looked for in what they say, behind the prompt; each
is decoded once, for a text is read again whenever it has grown. Where a plain prompt has several lines, its first one
counts as the prompt: a mark in a later line opens the gate too early, which costs protection and never an answer.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from azeotrope.models.dialect import OPEN, Dialect, written
from azeotrope.models.pieces import pieces

CLOSED = ("</think>",)
"""Where reasoning is marked up."""
STATED = ("\\boxed{", "\\boxed ", "####", "Final answer", "final answer")
"""Where the answer follows its reasoning in one text."""


class Gate:
    """ids [B, T] -> for each row, whether the answer has begun."""

    def __init__(self, tokenizer: Any, dialect: Dialect, marks: tuple[str, ...] = ()) -> None:
        self._tokenizer, self._pieces = tokenizer, dict[int, str]()
        self._opening = _opening(tokenizer, dialect)
        self._marks = marks or (CLOSED if _thinks(dialect, self._opening) else STATED)

    def __call__(self, ids: Tensor) -> list[bool]:
        assert ids.ndim == 2, f"ids are [B, T]; got {list(ids.shape)}"
        return [self.answering(row) for row in ids.tolist()]

    def answering(self, ids: list[int]) -> bool:
        """Of one text, prompt and response."""
        if new := set(ids).difference(self._pieces):
            self._pieces.update(zip(new, pieces(self._tokenizer, new), strict=True))
        text = "".join(map(self._pieces.__getitem__, ids))
        _, _, said = text.rpartition(self._opening) if self._opening else text.partition("\n")
        return any(mark in said for mark in self._marks)


def until_answer(gate: Gate, shape: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The shape for rows whose answer has not begun; the others keep their logits, and are not shown to it.

    What comes out is float32, or as precise as the logits.
    """

    def gated(ids: Tensor, logits: Tensor) -> Tensor:
        out = logits.to(torch.promote_types(logits.dtype, torch.float32), copy=True)
        rows = [at for at, answering in enumerate(gate(ids)) if not answering]
        if rows:
            out[rows] = shape(ids[rows], logits[rows]).to(out)
        return out

    return gated


def _opening(tokenizer: Any, dialect: Dialect) -> str:
    """What the chat template writes before a response; "" for a plain dialect."""
    if not dialect.chat:
        return ""
    turn = [{"role": "user", "content": "azeotrope"}]
    return written(tokenizer, turn, add_generation_prompt=True).rpartition("azeotrope")[2]


def _thinks(dialect: Dialect, opening: str) -> bool:
    return dialect.think or opening.rstrip().endswith(OPEN)
