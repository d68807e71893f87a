"""How many traces a thief's scan of n-grams needs before it shows a word of the mark. Knows secrets, and tells none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from azeotrope.models.text.ngrams import WORD, counted, suspicious


def traces_until_found(
    texts: Sequence[str], reference: Counter[str], reference_size: int, secrets: Iterable[str], top: int = 100
) -> int | None:
    """The number of texts (25, 50, ...) at which an n-gram with a secret word is among the top; None if never."""
    words = {word for secret in secrets for word in WORD.findall(secret.lower())}
    size = 25
    while True:
        size = min(size, len(texts))
        shown = suspicious(counted(texts[:size]), size, reference, reference_size, top)
        if any(word in words for gram in shown for word in gram.split()):
            return size
        if size == len(texts):
            return None
        size *= 2
