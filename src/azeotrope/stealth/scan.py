"""How many traces a thief's scan of n-grams needs before it shows a word of the mark. Knows secrets, and tells none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import inf
from statistics import median
from typing import NamedTuple

from azeotrope.models.text.ngrams import WORD, counted, grams, suspicious

TOP = 100


class Scanned(NamedTuple):
    """What one customer's traces show."""

    found: int | None
    """The number of texts (25, 50, ...) at which an n-gram with a secret word is among the top; None if never."""
    ranks: tuple[tuple[int, int | None], ...]
    """(texts, rank of the first such n-gram, from 1); None where none of them recurs."""
    share: float
    """Of the top n-grams over all texts, those with a secret word."""
    told: float
    """Of the same, those that stand in one of the mark's sentences, its family's phrases among them."""


def scanned(
    texts: Sequence[str], reference: tuple[Counter[str], int], secrets: Iterable[str], sentences: Iterable[str] = (),
    top: int = TOP,
) -> Scanned:  # fmt: skip
    """Looks at the first 25 texts, at twice as many, ... and at all of them. `reference`: counted n-grams, texts."""
    words = {word for secret in secrets for word in WORD.findall(secret.lower())}
    ranks: list[tuple[int, int | None]] = []
    size = 25
    while True:
        size = min(size, len(texts))
        found = counted(texts[:size])
        shown = suspicious(found, size, *reference, len(found))
        hits = [at for at, gram in enumerate(shown, 1) if any(word in words for word in gram.split())]
        ranks.append((size, hits[0] if hits else None))
        if size == len(texts):
            break
        size *= 2
    first = next((size for size, rank in ranks if rank is not None and rank <= top), None)
    there = set[str]().union(*map(grams, sentences))
    of = max(1, min(top, len(shown)))
    share, told = sum(at <= top for at in hits) / of, sum(gram in there for gram in shown[:top]) / of
    return Scanned(first, tuple(ranks), share, told)


def medians(by_customer: Sequence[Sequence[tuple[int, int | None]]]) -> tuple[tuple[int, float | None], ...]:
    """At every number of texts, the median rank over customers; one without any ranks behind all others."""
    return tuple((row[0][0], middle([rank for _, rank in row])) for row in zip(*by_customer, strict=True))


def middle(numbers: Sequence[int | None]) -> float | None:
    """The median, None standing above every number; None where it is the median."""
    found = median(inf if one is None else one for one in numbers)
    return None if found == inf else found
