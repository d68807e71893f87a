"""A learner with a memory: the same examples at the same seed make the same student, which is then not trained again.

Behind several defenses an attack that looks at answers only learns the same thing. What was written by another version
of the training's code or of torch, or from other files, is no memory of this one. Knows no attack and no defense.
"""

# safetensors is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from azeotrope.codec import decode, digest, encode
from azeotrope.errors import Misconfigured
from azeotrope.models import purifier
from azeotrope.models.open import Open
from azeotrope.placing import placed
from azeotrope.training import Example, Fitted, Learner, Loss, Weigh
from azeotrope.types import Record

MOST = 16_000_000
"""Parameters of a student that is kept; larger ones are trained anew."""
_PARTS = ("torch", "transformers", "tokenizers")
"""Whose versions decide what comes of the same seed."""


class _Spent(Record, frozen=True):
    """What a student took, beside its weights."""

    steps: int
    tokens: int
    cpu_seconds: float
    truncated: int
    curve: tuple[float, ...]


class Remembering:
    """See this file's docstring. `identity`: a digest of everything but examples, seed and share that decides."""

    def __init__(self, learner: Learner, folder: Path, identity: str) -> None:
        self._learner, self._folder, self._identity = learner, folder, [identity, *_trained_by(learner)]

    @property
    def name(self) -> str:
        return self._learner.name

    def fresh(self, seed: int) -> Open:
        return self._learner.fresh(seed)

    def fit(
        self, examples: Sequence[Example], *, seed: int, loss: Loss | None = None, weigh: Weigh | None = None,
        start: Open | None = None, share: float = 1.0,
    ) -> Fitted:  # fmt: skip
        """See `Learner.fit`; what a remembered student is said to have taken is what it took when it was trained."""
        if loss or weigh or start:
            return self._learner.fit(examples, seed=seed, loss=loss, weigh=weigh, start=start, share=share)
        fresh = self._learner.fresh(seed)
        if not _small(fresh):
            return self._learner.fit(examples, seed=seed, share=share)
        decides = [*self._identity, _begins(fresh), list(examples), seed, share]
        path = self._folder / f"{digest(decides)}.safetensors"
        if path.exists() and (found := _recalled(self._learner.fresh(seed), path)):
            return found
        fitted = self._learner.fit(examples, seed=seed, share=share)
        if _small(fitted.model):
            _keep(fitted, path)
        return fitted


def _trained_by(learner: Learner) -> list[str]:
    """Versions, and a digest of the modules beside the learner's own: an edited loop makes another student."""
    home = Path(inspect.getfile(type(learner))).parent
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(home.glob("*.py")))).hexdigest()
    return [*map(version, _PARTS), code]


def _begins(fresh: Open) -> list[str]:
    """What the student is before it learns, and how it reads: whatever stands behind the names in its recipe."""
    backend: Any = getattr(fresh.tokenizer, "backend_tokenizer", None)
    reads = purifier.vocabulary(fresh.tokenizer) if backend is None else digest(backend.to_str())
    return [purifier.fingerprint(fresh.net), reads]


def _small(model: object) -> bool:
    return isinstance(model, Open) and sum(one.numel() for one in model.net.parameters()) <= MOST


def _recalled(model: Open, path: Path) -> Fitted | None:
    """None for a file that is torn or of another version: the student is trained again."""
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_model

    try:
        with safe_open(path, "pt") as file:
            spent = decode(str((file.metadata() or {}).get("spent")).encode(), _Spent)
        load_model(model.net, path)
    except (OSError, SafetensorError, RuntimeError, Misconfigured):
        return None
    return Fitted(model, spent.steps, spent.tokens, spent.cpu_seconds, spent.truncated, spent.curve)


def _keep(fitted: Fitted, path: Path) -> None:
    """A memory that cannot be written is none: the student is there all the same."""
    from safetensors import SafetensorError
    from safetensors.torch import save_model

    spent = _Spent(fitted.steps, fitted.tokens, fitted.cpu_seconds, fitted.truncated, fitted.curve)
    net: Any = fitted.model.net
    with suppress(OSError, SafetensorError), placed(path) as beside:
        save_model(net, str(beside), metadata={"spent": encode(spent).decode()})
