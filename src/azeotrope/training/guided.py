"""What a teacher's logits say where a batch trains: beside the student's, over the tokens that both have.

Knows losses by name only, and no attack. A teacher that is not open is refused with the reason; so is one that reads
other tokens.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from azeotrope.errors import Misconfigured
from azeotrope.math import losses
from azeotrope.models.open import Open
from azeotrope.protocols import Model, OpenModel
from azeotrope.training.examples import Batch, Example, encoded

_ANY = 1 << 20
"""Tokens: longer than any example."""
_ROOM = 1 << 30
"""Bytes of logits that are kept."""


def opened(teacher: Model) -> OpenModel:
    """The teacher, if its logits can be seen."""
    if not isinstance(teacher, OpenModel):
        raise Misconfigured(
            f"{teacher.name} gives text only, and this attack needs its logits: hand it open weights, behind nothing "
            "or behind a defense that shapes logits"
        )
    return teacher


def alike(teacher: OpenModel, student: Open, examples: Sequence[Example]) -> None:
    """Raises `Misconfigured` where the two would read the examples as other tokens.

    `weights` is what a teacher with a memory has behind it.
    """
    weights: Any = getattr(teacher, "weights", teacher)
    if not isinstance(weights, Open):
        return
    few = examples[:32]
    theirs, ours = (encoded(one, few, _ANY) for one in (weights, student))
    if theirs != ours:
        raise Misconfigured(
            f"{teacher.name} and the student read the same examples as other tokens, so the teacher's logits say "
            "nothing of the student's: give both one tokenizer and one dialect"
        )


class Told:
    """What a teacher says of the examples of one training, each asked about once: a thief pays for every question, and
    reads an example many times. What finds no room is asked about again.
    """

    def __init__(self, teacher: OpenModel, room: int = _ROOM) -> None:
        self._teacher, self._room = teacher, room
        self._kept: dict[int, Tensor] = {}

    @torch.no_grad()
    def of(self, batch: Batch) -> Tensor:
        """[N, V] where a next token has a loss, row by row."""
        new = [at for at, member in enumerate(batch.members) if member not in self._kept]
        asked = self._asked(batch, new) if new else {}
        rows = [asked[at] if at in asked else self._kept[member] for at, member in enumerate(batch.members)]
        for at, said in asked.items():
            self._keep(batch.members[at], said)
        return torch.cat(rows)

    def _asked(self, batch: Batch, rows: list[int]) -> dict[int, Tensor]:
        said: Tensor = self._teacher.logits(batch.ids[rows])[:, :-1]
        places = batch.keep[rows].to(said.device)
        return {at: one[kept] for at, one, kept in zip(rows, said, places, strict=True)}

    def _keep(self, member: int, said: Tensor) -> None:
        if said.nbytes <= self._room:
            self._room -= said.nbytes
            self._kept[member] = said


def beside(teacher: Told, student: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Student's logits [N, V], batch -> student's and teacher's [1, N, W] and a mask [1, N].

    W are the tokens that both have: members of one family pad their vocabularies differently. Masked is a position
    whose label is not among them.
    """
    said = teacher.of(batch).to(student)
    size = min(said.shape[-1], student.shape[-1])
    mask = batch.targets.to(student.device) < size
    return student[None, :, :size], said[None, :, :size], mask[None]


def divergence(
    name: str, sides: tuple[Tensor, Tensor, Tensor], *, temperature: float = 1.0, scaled: bool = True, top_k: int = 0
) -> Tensor:
    """The loss of `math.losses` by its name, on what `beside` gives; of the teacher's k likeliest where k is not 0."""
    student, said, mask = sides
    if top_k:
        student, said = losses.top_k(student, said, top_k)
    found: Tensor = getattr(losses, name)(student, said, mask, temperature, scale=scaled)
    return found
