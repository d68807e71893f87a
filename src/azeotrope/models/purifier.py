"""A fitted purifier as a file: the low-rank map, what is shown of its logits, and which model it was made for.

One safetensors file; its header carries the digests of base model, tokenizer, tensors and recipe. A purifier for
another model or tokenizer is refused with the reason: it would change answers and protect nothing. Knows no fitting.
"""

# torch and safetensors are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from weakref import WeakKeyDictionary

import torch
from msgspec import Meta, field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from azeotrope.codec import decode, digest, encode
from azeotrope.errors import Misconfigured
from azeotrope.math import shown
from azeotrope.math.lowrank import LowRank, applied
from azeotrope.models.open import Open
from azeotrope.models.shipped import digest_of
from azeotrope.placing import placed
from azeotrope.types import Fields, Record

Variant = Literal["paper", "argmax", "topk", "rounded"]
FILE = "purifier.safetensors"
_FORMAT = "azeotrope-purifier-1"
_PROBE = 2048
"""Numbers at both ends of each tensor that go into a model's fingerprint."""


class Shows(Record, frozen=True):
    """What of z' is shown, and drawn from."""

    variant: Variant = "paper"
    """paper: all of it; argmax: the teacher's likeliest token stays the likeliest; topk: the k likeliest; rounded:
    log-probabilities of the k likeliest in steps."""
    top_k: Annotated[int, Meta(ge=1, le=20)] = 20
    step: Annotated[float, Meta(gt=0)] = 0.5
    """Nats, for `rounded`."""
    keeps: bool = False
    """Whether `topk` and `rounded`, too, leave the teacher's likeliest token the likeliest."""

    @property
    def linear(self) -> bool:
        """Whether what is shown is a map of the logits, cut or rounded, and so may be folded."""
        return self.variant != "argmax" and not self.keeps

    def rule(self) -> shown.Shown:
        """The same as a function."""
        rules: dict[Variant, Callable[[], shown.Shown]] = {
            "paper": lambda: shown.whole,
            "argmax": lambda: shown.argmax_kept,
            "topk": lambda: shown.top(self.top_k),
            "rounded": lambda: shown.rounded(self.step, self.top_k),
        }
        rule = rules[self.variant]()
        margin = self.step if self.variant == "rounded" else shown.MARGIN  # what is rounded is apart by a whole step
        return shown.keeping(rule, margin) if self.keeps else rule


class About(Record, frozen=True):
    """The file's header."""

    model: str
    """Its name, for messages."""
    base: str
    """Fingerprint of its weights."""
    tokenizer: str
    """Digest of its vocabulary."""
    shows: Shows = Shows()
    recipe: Fields = field(default_factory=dict[str, Any])

    @property
    def digest(self) -> str:
        """Of the recipe."""
        return digest(self.recipe)


@dataclass(frozen=True, slots=True, eq=False)
class Purifier:
    """A map and what it is for."""

    m: LowRank
    about: About
    _there: dict[tuple[torch.device, torch.dtype], LowRank] = dataclasses.field(default_factory=dict, repr=False)

    def shape(self, ids: Tensor, logits: Tensor) -> Tensor:
        """z' = (I + A B) z, as it is shown."""
        plain = logits if logits.dtype == torch.float64 else logits.float()
        return self.about.shows.rule()(applied(self._at(plain), plain), plain)

    def _at(self, like: Tensor) -> LowRank:
        """The map where `like` is, in its precision: copied there once, not for every token."""
        where = (like.device, like.dtype)
        if where not in self._there:
            self._there[where] = self.m.to(like)
        return self._there[where]

    def check(self, model: Open) -> None:
        """Raises `Misconfigured` where this was made for another tokenizer or other weights."""
        if vocabulary(model.tokenizer) != self.about.tokenizer:
            raise Misconfigured(
                f"this purifier was fitted for {self.about.model}, and {model.name} has another tokenizer: its numbers "
                "would move other tokens; fit one for this model (azeotrope fit)"
            )
        if fingerprint(model.net) != self.about.base:
            raise Misconfigured(
                f"this purifier was fitted for {self.about.model}, and {model.name} has other weights (another model, "
                "a fine-tuned or requantised one, or one it is folded into already); fit one for this model"
            )


def write(path: Path, m: LowRank, about: About) -> str:
    """The file, whole or not at all. -> the digest of its tensors."""
    tensors = {"a": m.a.detach().cpu().contiguous(), "b": m.b.detach().cpu().contiguous()}
    header = {"format": _FORMAT, "digest": digest_of(tensors), "recipe_digest": about.digest}
    with placed(path) as new:
        save_file(tensors, new, {**header, "about": encode(about).decode()})
    return header["digest"]


def read(place: str | Path) -> Purifier:
    """Of a file, or of the folder that `azeotrope fit` wrote. Raises `Misconfigured` with the cure."""
    path = Path(place).expanduser()
    return _read(path / FILE if path.is_dir() else path)


def _read(path: Path) -> Purifier:
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except FileNotFoundError:
        raise Misconfigured(f"there is no purifier {path}: azeotrope fit makes one") from None
    except (OSError, SafetensorError) as error:
        raise Misconfigured(f"cannot read the purifier {path}: {type(error).__name__}; fit it again") from None
    if header.get("format") != _FORMAT:
        raise Misconfigured(f"{path} is no purifier of this version ({_FORMAT}); fit it again")
    if set(tensors) != {"a", "b"} or header.get("digest") != digest_of(tensors):
        raise Misconfigured(f"the purifier {path} is damaged: its digest is not the one written; fit it again")
    return Purifier(LowRank(tensors["a"], tensors["b"]), decode(header.get("about", ""), About))


def vocabulary(tokenizer: Any) -> str:
    """A digest of which token has which id."""
    return _vocabulary(tuple(sorted(tokenizer.get_vocab().items())))


@lru_cache(4)
def _vocabulary(items: tuple[tuple[str, int], ...]) -> str:
    return digest(items)


_KNOWN: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def fingerprint(net: Any) -> str:
    """A digest of every tensor's name and shape and of the numbers at its ends, rounded to bfloat16.

    The same for one model in float32 and in bfloat16, wherever it is; another one for weights trained further or
    quantised. Of large tensors only the ends are read: it tells models apart, and is no proof against forgery.
    """
    if net not in _KNOWN:
        sha = hashlib.sha256()
        for name, value in sorted(net.state_dict().items()):
            if isinstance(value, Tensor):
                sha.update(f"{name}\0{tuple(value.shape)}\0".encode())
                sha.update(_ends(value.detach()))
        _KNOWN[net] = sha.hexdigest()
    return _KNOWN[net]


def _ends(value: Tensor) -> bytes:
    flat = value.reshape(-1)
    ends = torch.cat([flat[:_PROBE], flat[-_PROBE:]]).cpu()
    return (ends.bfloat16().float() if ends.is_floating_point() else ends).numpy().tobytes()
