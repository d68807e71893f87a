"""Exchanging a token of a response for another: which may be, where they stand, whether the text is read so again.

Knows no gradient and no defense. A token is exchanged for one of its own form alone, in which words are words and all
else is what it was: "\nStep 2: " for "\nPart 2: ", " add" for " sum"; and only where its words are whole in the text.
"""

# tokenizers and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from azeotrope.models.open import Open
from azeotrope.release.numbers import numbers as named

SIGNS = frozenset("+-−–*/=^%<>×÷·±√∑∫≤≥≠≈$#\\&_{}|~`@")
"""Of arithmetic and of markup: a word that hangs on one stays."""


class Vocabulary:
    """A tokenizer's tokens as they stand in the middle of a text."""

    def __init__(self, tokenizer: Any, size: int, numbers: bool) -> None:
        anchor = tokenizer("a", add_special_tokens=False)["input_ids"][-1:]
        before = str(tokenizer.decode(anchor))
        ids = range(min(size, len(tokenizer)))
        told = tokenizer.batch_decode([[*anchor, token] for token in ids], clean_up_tokenization_spaces=False)
        special, known = set(tokenizer.all_special_ids), dict[str, int]()
        self.pieces = [text[len(before) :] if text.startswith(before) else "" for text in told]
        self.forms = torch.zeros(size, dtype=torch.long)
        """[V]; 0: never exchanged."""
        for token in ids:
            if token not in special and (form := _form(self.pieces[token], numbers)):
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


def _counts(word: str) -> bool:
    """Whether it is a number in words, or has a sign for one."""
    return any(c.isnumeric() for c in word) or bool(named(word))


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

    def put(self, place: int, token: int, piece: str) -> Spread | None:
        """With this token for word number `place`; None where the text would then be read as other tokens."""
        word, core = self.words[place], piece.strip()
        text = self.text[: word.begin] + core + self.text[word.end :]
        ids = (*self.ids[: word.at], token, *self.ids[word.at + 1 :])
        if self.read(text) != list(ids[self.start :]):
            return None
        by = len(core) - (word.end - word.begin)
        words = [one if one.begin < word.begin else one._replace(begin=one.begin + by, end=one.end + by)
                 for one in self.words]  # fmt: skip
        words[place] = word._replace(end=word.end + by)
        return Spread(ids, self.start, text, tuple(words), self.read)


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
    return Spread(ids, len(prompt), text, tuple(words), read)


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
