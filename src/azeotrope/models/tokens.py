"""Exchanging a token of a response for another: which may be, where they stand, whether the text is read so again.

Knows no gradient and no defense. A token is exchanged for one of its own form alone, in which words are words and all
else is what it was: "\nStep 2: " for "\nPart 2: ", " add" for " sum"; and only where its words are whole in the text.
Where numbers stay, so do the words that name one or what is done with it, and whatever word would make another number
of its neighbours ("one hundred and five"). Of words, English ones are known.
"""

# tokenizers and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from azeotrope.models.open import Open
from azeotrope.models.pieces import pieces
from azeotrope.release.numbers import found as numbers_in
from azeotrope.release.numbers import numbers as named
from azeotrope.release.numbers import tidy

SIGNS = frozenset("+-−–*/=^%<>×÷·±√∑∫≤≥≠≈$#\\&_{}|~`@")
"""Of arithmetic and of markup: a word that hangs on one stays."""
OPERATORS = frozenset({
    "plus", "minus", "times", "divided", "multiplied", "negative", "positive", "percent", "cent", "squared", "cubed",
    "root", "trillion", "trillions", "quadrillion", "quadrillions",
})  # fmt: skip
"""Words that stay where numbers do, beside those that name one."""


class Vocabulary:
    """A tokenizer's tokens as they stand in the middle of a text."""

    def __init__(self, tokenizer: Any, size: int, numbers: bool) -> None:
        ids = range(min(size, len(tokenizer)))
        added, known = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}, dict[str, int]()
        self.numbers, self.pieces = numbers, pieces(tokenizer, ids)
        self.forms = torch.zeros(size, dtype=torch.long)
        """[V]; 0: never exchanged."""
        for token in ids:
            if token not in added and (form := _form(self.pieces[token], numbers)):
                self.forms[token] = known.setdefault(form, len(known) + 1)

    def alike(self, now: Tensor) -> Tensor:
        """[n] -> what may stand in the place of each, [n, V]: other tokens of its form."""
        forms = self.forms.to(now.device)
        found = (forms[None] == forms[now][:, None]) & (forms > 0)
        found[torch.arange(len(now), device=now.device), now] = False
        return found


@lru_cache(4)
def vocabulary(tokenizer: Any, size: int, numbers: bool) -> Vocabulary:
    """Read once for each tokenizer; `size`: how many tokens the net has logits for; `numbers`: these may change."""
    return Vocabulary(tokenizer, size, numbers)


_WORD = re.compile(r"[^\W\d_]+")


def _form(piece: str, numbers: bool) -> str | None:
    """A token with its words, and digits where these may change, blotted out; None where nothing of it may change."""
    core = piece.strip()
    words = _WORD.findall(core)
    if not core.isprintable() or "\ufffd" in core or any(len(word) < 2 for word in words):  # x and n are variables
        return None
    if not numbers and (not words or any(map(_counts, words))):
        return None
    form = _WORD.sub(lambda word: "W" if word[0][0].isupper() else "w", piece)
    return "".join("0" if c.isnumeric() else c for c in form) if numbers else form


@lru_cache(1 << 14)
def _counts(word: str) -> bool:
    """Whether it is a number in words or in Roman letters, has a sign for one, or says what is done with them."""
    return any(c.isnumeric() for c in word) or word.lower() in OPERATORS or bool(named(word.upper()))


def reckoning(text: str) -> list[object]:
    """The numbers that a text names, and its words that count, in order."""
    return [*(one.value for one in numbers_in(tidy(text))), *filter(_counts, _WORD.findall(text))]


class Word(NamedTuple):
    """A token that may change: its place among the ids, and its letters' place in the text."""

    at: int
    begin: int
    end: int


@dataclass(frozen=True)
class Spread:
    """A text among a response's tokens."""

    ids: tuple[int, ...]
    """Prompt, response and end."""
    start: int
    """Where the response begins."""
    text: str
    words: tuple[Word, ...]
    read: Callable[[str], list[int]]
    """The ids of the response with another text in it."""
    kept: list[object] | None = None
    """What the text reckons, and goes on to; None: that may change."""

    def put(self, place: int, token: int, piece: str) -> Spread | None:
        """With this token for word number `place`; None where the text would be read as others, or reckon otherwise."""
        word, core = self.words[place], piece.strip()
        text = self.text[: word.begin] + core + self.text[word.end :]
        ids = (*self.ids[: word.at], token, *self.ids[word.at + 1 :])
        if self.read(text) != list(ids[self.start :]) or (self.kept is not None and reckoning(text) != self.kept):
            return None
        by = len(core) - (word.end - word.begin)
        words = [one if one.begin < word.begin else one._replace(begin=one.begin + by, end=one.end + by)
                 for one in self.words]  # fmt: skip
        words[place] = word._replace(end=word.end + by)
        return replace(self, ids=ids, text=text, words=tuple(words))


def spread(
    model: Open, opening: str, response: Callable[[str], str], text: str, until: int, known: Vocabulary
) -> Spread:
    """`text` in `response(text)`, behind the prompt `opening`; words before `until` may change."""

    def read(changed: str) -> list[int]:
        return [*model.encode([response(changed)])[0], model.end]

    whole, core = response(text), text.strip()
    shift = whole.find(core) - text.find(core) if core else 0
    found = model.tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    prompt, free, words = model.encode([opening])[0], (known.forms > 0).tolist(), list[Word]()
    for at, (token, (begin, end)) in enumerate(zip(found["input_ids"], found["offset_mapping"], strict=True)):
        letters = known.pieces[token].strip() if free[token] else ""
        begin = whole.find(letters, begin, end) - shift
        end = begin + len(letters)
        if 0 <= begin < end <= until and _whole(text, begin, end, letters):
            words.append(Word(len(prompt) + at, begin, end))
    ids = (*prompt, *found["input_ids"], model.end)
    return Spread(ids, len(prompt), text, tuple(words), read, None if known.numbers else reckoning(text))


def size(model: Open) -> int:
    """How many tokens the net has a logit for."""
    return int(model.net.get_output_embeddings().weight.shape[0])


def _whole(text: str, begin: int, end: int, letters: str) -> bool:
    """Whether these letters stand there, and no word of theirs goes on outside, or hangs on a sign."""
    before, after = text[max(0, begin - 1) : begin], text[end : end + 1]
    holds = (letters[0].isalnum() and _holds(before)) or (letters[-1].isalnum() and _holds(after))
    return text[begin:end] == letters and not holds


def _holds(c: str) -> bool:
    return c.isalnum() or c in SIGNS
