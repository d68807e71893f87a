"""A thief's scan: the n-grams that recur in a customer's traces and not in reference text. Knows no mark."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"\w+")
LONGEST = 4


def counted(texts: Iterable[str]) -> Counter[str]:
    """In how many texts each n-gram of words stands, n from 1 to LONGEST."""
    out: Counter[str] = Counter()
    for text in texts:
        words = _WORD.findall(text.lower())
        out.update({" ".join(words[at : at + n]) for n in range(1, LONGEST + 1) for at in range(len(words) - n + 1)})
    return out


def suspicious(found: Counter[str], size: int, reference: Counter[str], reference_size: int, top: int) -> list[str]:
    """The `top` n-grams that stand in more texts than the reference makes likely, by a Poisson law's deviations."""

    def excess(gram: str) -> float:
        expected = size * (reference[gram] + 0.5) / (reference_size + 1)
        return (found[gram] - expected) / math.sqrt(expected)

    recurring = [gram for gram, times in found.items() if times > 1]
    return sorted(recurring, key=lambda gram: (-excess(gram), gram))[:top]


def traces_until_found(
    texts: Sequence[str], reference: Counter[str], reference_size: int, secrets: Iterable[str], top: int = 100
) -> int | None:
    """The number of texts (25, 50, ...) at which an n-gram with a secret word is among the top; None if never."""
    words = {word for secret in secrets for word in _WORD.findall(secret.lower())}
    size = 25
    while True:
        size = min(size, len(texts))
        shown = suspicious(counted(texts[:size]), size, reference, reference_size, top)
        if any(word in words for gram in shown for word in gram.split()):
            return size
        if size == len(texts):
            return None
        size *= 2
