"""Adds a keyed bias to some tokens: each customer's text, and a student's, says their green ones too often.

Source: Kirchenbauer et al. (arXiv 2301.10226, section 3): the last `context` tokens and the key decide which tokens are
green, a share gamma of them, and delta is added to their logits. Each token is green by itself with probability gamma,
so that the null law of distinct (context, token) pairs is exactly binomial, given that the hash is a random function.
Detection is `evidence`: pure, over de-duplicated pairs, for repeated text is no new evidence.
Does not defend against paraphrase, other tokenizers or translation, and costs quality where one token is right: text of
low entropy carries next to no mark at a small delta. It stops where the answer starts unless `until` says otherwise.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Literal, cast

import torch
from msgspec import Meta
from torch import Tensor

from azeotrope.errors import Misconfigured
from azeotrope.keys import Key
from azeotrope.models.gate import Gate
from azeotrope.protocols import Given, OpenModel, Shape
from azeotrope.types import Record


class Config(Record, frozen=True):
    """How strong, and how it is keyed."""

    gamma: Annotated[float, Meta(gt=0, lt=1)] = 0.25
    """Share of tokens that are green."""
    delta: Annotated[float, Meta(ge=0)] = 2.0
    """Added to their logits."""
    context: Annotated[int, Meta(ge=1, le=8)] = 1
    """Tokens that decide which are green: fewer survive editing better, more are harder to find out."""
    until: Literal["answer", "end"] = "answer"
    """answer: shaping stops where the answer starts; end: everything is shaped."""


class Evidence(Record, frozen=True):
    """What a text says of one key."""

    green: int
    scored: int
    """Distinct (context, token) pairs."""
    p_value: float
    """P(at least so many green), of a text that was made without the key: the exact binomial tail."""


_KEPT = 512
"""Contexts whose green list is kept, of all keys together, so that a batch does not hash the vocabulary anew each time:
78 MB at 152,000 tokens, however many customers there are."""


def shape(config: Config, given: Given) -> _Greening:
    """The shape, which sees the teacher first: where its answers start. Raises `Misconfigured` without a key."""
    if given.key is None:
        raise Misconfigured("greenlist needs a customer's key: name customer and master key (azeotrope keys new)")
    return _Greening(config, given.key)


def evidence(texts: Iterable[Sequence[int]], key: Key, config: Config) -> Evidence:
    """Token ids of texts that a suspect wrote (prompts left out) -> how far they are greener than chance allows."""
    from scipy.stats import binom

    lists = _Lists(key, config)
    pairs = {tuple(ids[at - config.context : at + 1]) for ids in texts for at in range(config.context, len(ids))}
    green = sum(lists.holds(pair[:-1], pair[-1]) for pair in pairs)
    return Evidence(green, len(pairs), float(binom.sf(green - 1, len(pairs), config.gamma)))


class _Greening:
    def __init__(self, config: Config, key: Key) -> None:
        self._config, self._lists = config, _Lists(key, config)

    def of(self, teacher: OpenModel) -> Shape:
        """The shape for this teacher. Raises `Misconfigured` where it cannot be told where its answers start."""
        tokenizer, dialect = (getattr(teacher, name, None) for name in ("tokenizer", "dialect"))
        if self._config.until == "end":
            return self._shaped
        if tokenizer is None or dialect is None:
            raise Misconfigured(
                f"{teacher.name} does not say where its answers start: set until = 'end' to shape everything"
            )
        gate = Gate(tokenizer, dialect)

        def gated(ids: Tensor, logits: Tensor) -> Tensor:
            answering = torch.tensor(gate(ids), device=logits.device)[:, None]
            return torch.where(answering, logits, self._shaped(ids, logits))

        return gated

    def _shaped(self, ids: Tensor, logits: Tensor) -> Tensor:
        """[B, T], [B, V] -> [B, V]. A row shorter than its context is left alone."""
        assert ids.ndim == logits.ndim == 2 and len(ids) == len(logits), (
            f"ids are [B, T] and logits [B, V]; got {list(ids.shape)}, {list(logits.shape)}"
        )
        if ids.shape[1] < self._config.context:
            return logits
        contexts = cast(list[list[int]], ids[:, -self._config.context :].tolist())
        green = torch.stack([self._lists.green(context, logits.shape[1]) for context in contexts])
        return logits + self._config.delta * green.to(logits)


class _Lists:
    """One key's green lists."""

    def __init__(self, key: Key, config: Config) -> None:
        self._key = key.bytes(f"green list {config.context}")
        self._bound = int(config.gamma * 2**53)

    def green(self, context: Sequence[int], size: int) -> Tensor:
        """`holds` of all tokens at once, [V]."""
        return _green(self._seed(context), size, self._bound)

    def holds(self, context: Sequence[int], token: int) -> bool:
        """Whether a token is green after this context."""
        return _mixed(self._seed(context) + (token + 1) * _STEP) >> 11 < self._bound

    def _seed(self, context: Sequence[int]) -> int:
        """64 secret bits of a context."""
        said = b"".join(token.to_bytes(8, signed=True) for token in context)
        return int.from_bytes(hmac.digest(self._key, said, "sha256")[:8])


_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
"""SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""


@lru_cache(maxsize=_KEPT)
def _green(seed: int, size: int, bound: int) -> Tensor:
    """In 64-bit arithmetic that wraps."""
    value = torch.arange(1, size + 1) * _signed(_STEP) + _signed(seed)
    for shift, factor in _ROUNDS:
        value = (value ^ _shifted(value, shift)) * _signed(factor)
    return _shifted(value ^ _shifted(value, 31), 11) < bound


def _mixed(value: int) -> int:
    value &= _MASK
    for shift, factor in _ROUNDS:
        value = (value ^ value >> shift) * factor & _MASK
    return value ^ value >> 31


def _signed(value: int) -> int:
    """The 64 bits as torch's integers have them."""
    return value - (1 << 64) if value >> 63 else value


def _shifted(value: Tensor, by: int) -> Tensor:
    """A shift to the right that fills with zeros."""
    return (value >> by) & ((1 << (64 - by)) - 1)
