"""Adds a keyed bias to some tokens: each customer's text, and a student's, says their green ones too often.

Source: Kirchenbauer et al. (arXiv 2301.10226, section 3): the last `context` tokens and the key decide which tokens are
green, a share gamma of them, and delta is added to their logits. Each token is green by itself with probability gamma,
so that the null law of distinct (context, token) pairs is exactly binomial, given that the hash is a random function.
Detection is `evidence`: pure, over de-duplicated pairs, for repeated text is no new evidence. Its null is over keys: it
holds for every text that was made without the key, whatever it says, in whatever order, and however its pairs hang
together, for distinct pairs are coloured independently. A text that was prompted by green text is not made without the
key (whoever continues or quotes it repeats its pairs), so prompts are left out, and should be of no marked source.
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
from azeotrope.math.stats.tails import log_binomial_tail
from azeotrope.models.gate import Gate
from azeotrope.protocols import Given, OpenModel, Shape
from azeotrope.types import Greenness, Record


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


_KEPT = 512
"""Contexts whose green list is kept, of all keys together, so that a batch does not hash the vocabulary anew each time:
78 MB at 152,000 tokens, however many customers there are."""


def shape(config: Config, given: Given) -> _Greening:
    """The shape, which sees the teacher first: where its answers start. Raises `Misconfigured` without a key."""
    if given.key is None:
        raise Misconfigured("greenlist needs a customer's key: name customer and master key (azeotrope keys new)")
    return _Greening(config, given.key)


class Pairs:
    """The distinct (context, token) pairs of some texts: gathered once, scored for any number of keys."""

    def __init__(self, texts: Iterable[Sequence[int]], context: int) -> None:
        """`texts`: token ids. A pair lies within one text: what stands before it, such as a prompt, is no context."""
        pairs = sorted({tuple(ids[at - context : at + 1]) for ids in texts for at in range(context, len(ids))})
        places = {said: at for at, said in enumerate(dict.fromkeys(pair[:-1] for pair in pairs))}
        self.context, self.contexts = context, list(places)
        self.at = torch.tensor([places[pair[:-1]] for pair in pairs], dtype=torch.int64)
        """[P], each pair's place among the contexts."""
        self.tokens = torch.tensor([pair[-1] for pair in pairs], dtype=torch.int64)
        """[P]"""

    def __len__(self) -> int:
        return len(self.tokens)


def evidence(texts: Iterable[Sequence[int]], key: Key, config: Config) -> Greenness:
    """Token ids of texts that a suspect wrote (prompts left out) -> how green, and how likely that is by chance."""
    return scored(Pairs(texts, config.context), key, config)


def scored(pairs: Pairs, key: Key, config: Config) -> Greenness:
    """`evidence` of pairs that were gathered before, with as long a context as the key's lists have."""
    assert pairs.context == config.context, f"pairs have contexts of {pairs.context}, the lists of {config.context}"
    green = _Lists(key, config).count(pairs) if len(pairs) else 0
    return Greenness(green, len(pairs), log_binomial_tail(green, len(pairs), config.gamma))


class _Greening:
    def __init__(self, config: Config, key: Key) -> None:
        self._config, self._lists = config, _Lists(key, config)

    def of(self, teacher: OpenModel) -> Shape:
        """The shape for this teacher. Raises `Misconfigured` where it cannot be told where its answers start."""
        weights = getattr(teacher, "weights", teacher)
        tokenizer, dialect = (getattr(weights, name, None) for name in ("tokenizer", "dialect"))
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
        """Which of all tokens are green after this context, [V]."""
        return _green(self._seed(context), size, self._bound)

    def count(self, pairs: Pairs) -> int:
        """How many of the pairs are green."""
        seeds = torch.tensor([_signed(self._seed(context)) for context in pairs.contexts])
        return int((_mixed(seeds[pairs.at] + (pairs.tokens + 1) * _signed(_STEP)) < self._bound).sum())

    def _seed(self, context: Sequence[int]) -> int:
        """64 secret bits of a context."""
        said = b"".join(token.to_bytes(8, signed=True) for token in context)
        return int.from_bytes(hmac.digest(self._key, said, "sha256")[:8])


_STEP = 0x9E3779B97F4A7C15
_ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
"""SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""


@lru_cache(maxsize=_KEPT)
def _green(seed: int, size: int, bound: int) -> Tensor:
    return _mixed(torch.arange(1, size + 1) * _signed(_STEP) + _signed(seed)) < bound


def _mixed(value: Tensor) -> Tensor:
    """The upper 53 bits of each 64 that go in, in arithmetic that wraps."""
    for shift, factor in _ROUNDS:
        value = (value ^ _shifted(value, shift)) * _signed(factor)
    return _shifted(value ^ _shifted(value, 31), 11)


def _signed(value: int) -> int:
    """The 64 bits as torch's integers have them."""
    return value - (1 << 64) if value >> 63 else value


def _shifted(value: Tensor, by: int) -> Tensor:
    """A shift to the right that fills with zeros."""
    return (value >> by) & ((1 << (64 - by)) - 1)
