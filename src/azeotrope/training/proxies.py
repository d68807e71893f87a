"""A proxy student as a folder: open weights, and published workings that it has not learned (`held.jsonl`).

It stands in for the thief's student. `azeotrope proxy` writes such a folder; so does anyone who puts a model as
transformers saves it beside a file of workings. Knows no defense and no task.
"""

# torch, safetensors and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from azeotrope.distill import examples, published
from azeotrope.errors import Misconfigured
from azeotrope.models import purifier, shipped
from azeotrope.models.open import Open
from azeotrope.protocols import OpenModel
from azeotrope.release import problem as asked_of
from azeotrope.sheets import Source, rows, text
from azeotrope.training.examples import Batch, Example, encoded
from azeotrope.types import Problem, Request

HELD = "held.jsonl"
"""One working a line: {"question", "solution", "answer"}, the question as it is asked, the answer alone."""
_CURE = "azeotrope proxy FILE -o FOLDER makes one"


@dataclass(frozen=True, eq=False)
class Proxy:
    """The student, and the workings that tell how good it is."""

    model: Open
    """Nobody moves its weights: it may be read at any time."""
    held: tuple[Example, ...]
    _alone: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def lent(self) -> Generator[Any]:
        """A net of the same weights for gradients, which put others in their place and fill the memory: one at a time.

        As it was when it is given back.
        """
        with self._alone:
            yield self._copy

    @cached_property
    def _copy(self) -> Any:
        return deepcopy(self.model.net)

    def workings(self, many: int, longest: int, reader: Open | None = None) -> list[Batch]:
        """The first ones, as `reader` (else the proxy itself) writes them, in batches small enough for a gradient.

        Those that are longer are left out. Raises `Misconfigured` where none is short enough.
        """
        reader = reader or self.model
        found = [row for row in encoded(reader, self.held[:many], longest + 1).rows if len(row.ids) <= longest]
        if not found:
            raise Misconfigured(f"every held-out working is longer than {longest} tokens: give shorter ones in {HELD}")
        return [Batch.of(found[at : at + 16], reader.pad).to(self.model.device) for at in range(0, len(found), 16)]


def read(artifact: str, method: str) -> Proxy:
    """The proxy in a folder, loaded once for all who ask. Raises `Misconfigured` with the cure.

    `method`: who needs it, for messages.
    """
    if not artifact:
        raise Misconfigured(f"{method} needs an artifact, a folder with a proxy student: {_CURE}")
    folder = Path(artifact).expanduser()
    if not (folder / "config.json").is_file() or not (folder / HELD).is_file():
        raise Misconfigured(
            f"{method} needs a folder with a proxy student and its {HELD}, and {folder} is none: {_CURE}"
        )
    stamps = tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.iterdir()))
    return _read(folder.resolve(), stamps)


def tokens_of(teacher: OpenModel, proxy: Proxy) -> Open:
    """The teacher's own weights, whose tokens the proxy reads. Raises `Misconfigured` where it reads others."""
    weights: Any = getattr(teacher, "weights", teacher)
    if not isinstance(weights, Open):
        raise Misconfigured(
            f"{teacher.name} shows logits but no tokenizer: whether a proxy reads its tokens is unknown"
        )
    if purifier.vocabulary(weights.tokenizer) != purifier.vocabulary(proxy.model.tokenizer):
        raise Misconfigured(
            f"{teacher.name} and its proxy student read other tokens, so that the one's probabilities say nothing of "
            "the other's: give the proxy the teacher's tokenizer"
        )
    return weights


def write(model: Open, held: Sequence[Problem], folder: Path, recipe: Mapping[str, Any]) -> str:
    """The folder. -> the digest of the weights, which stands in their header beside that of the workings.

    Raises `Unavailable`.
    """
    lines = [
        {"question": asked_of(one.request), "solution": one.solution, "answer": one.gold}
        for one in held
        if one.solution
    ]
    told = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    with shipped.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / HELD).write_bytes(told)
    return shipped.save(_merged(model), folder, {**recipe, HELD: hashlib.sha256(told).hexdigest()})


@lru_cache(2)
def _read(folder: Path, stamps: tuple[tuple[str, int], ...]) -> Proxy:
    _check(folder)
    place = str(folder / HELD)
    found = [
        Problem(str(at), Request.of(text(row, "question", place)), text(row, "answer", place),
                solution=text(row, "solution", place))
        for at, row in enumerate(rows(Source(place)))
    ]  # fmt: skip
    if not any(one.solution for one in found):
        raise Misconfigured(f"{place} holds no working: write {{question, solution, answer}} lines into it")
    model = Open.load(folder, name=folder.name, local_files_only=True, dtype=torch.float32)  # it is moved by little
    return Proxy(model, tuple(examples(published(found))))


def _check(folder: Path) -> None:
    """Where the weights' header says what weights and workings are, they are that."""
    try:
        with safe_open(folder / shipped.WEIGHTS, "pt") as file:
            header = file.metadata() or {}
    except FileNotFoundError:  # in several files, as transformers writes large ones
        return
    except (OSError, SafetensorError) as error:
        raise Misconfigured(f"cannot read the proxy in {folder}: {type(error).__name__}; {_CURE}") from None
    if "digest" not in header:
        return
    try:
        shipped.check(folder)
        recipe = json.loads(header.get("recipe") or "{}")
    except (Misconfigured, ValueError):
        raise Misconfigured(f"the proxy in {folder} is damaged: its digest is not the one written; {_CURE}") from None
    told = hashlib.sha256((folder / HELD).read_bytes()).hexdigest()
    if recipe.get(HELD, told) != told:
        raise Misconfigured(
            f"{folder / HELD} is not the one the proxy was made with: it may have learned these; {_CURE}"
        )


def _merged(model: Open) -> Open:
    """Plain weights in float32: an adapter merged into shorter ones would be lost in rounding."""
    if not hasattr(model.net, "merge_and_unload"):
        return model
    net = model.copied().net.float().merge_and_unload()
    return Open(net, model.tokenizer, name=model.name, dialect=model.dialect)
