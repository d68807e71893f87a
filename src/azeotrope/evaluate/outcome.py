"""What comes of one thing of the grid where it is no score: a record with its reason. Knows no model."""

from __future__ import annotations

import traceback
from pathlib import Path

from azeotrope.errors import Misconfigured, Refused, Unavailable
from azeotrope.evaluate.grid import Todo
from azeotrope.types import Cell, Record


class Failure(Record, frozen=True):
    """A teacher behind a defense that could not be judged."""

    digest: str
    reason: str


def failed(todo: Todo, why: str, seconds: float) -> Cell | Failure:
    """The record of what did not come to a score."""
    if todo.attack is None:
        return Failure(todo.digest, why)
    return Cell(
        todo.digest, todo.defense.label, todo.attack.label, todo.task.label, todo.seed, todo.stage, todo.split,
        seconds=seconds, reason=why,
    )  # fmt: skip


def reason(error: Exception) -> str:
    """What happened, and where if it is a fault of the code's."""
    said = f"{error}".strip().partition("\n")[0][:400]
    if isinstance(error, Misconfigured | Refused):
        return f"refused: {said}"
    if isinstance(error, Unavailable):
        return f"unavailable: {said}"
    return f"{type(error).__name__}: {said}{_where(error)}"


def _where(error: Exception) -> str:
    """Where it was raised, and the last place in our own code on the way there."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "azeotrope" in Path(frame.filename).parts]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*frames[-1:], *ours[-1:])]
    return f" ({', from '.join(dict.fromkeys(places))})" if places else ""
