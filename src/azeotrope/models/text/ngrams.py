"""Runs of words in many texts, and which of them recur more often than reference text makes likely. Knows no mark."""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

WORD = re.compile(r"\w+")
LENGTHS = range(1, 5)
"""Words of an n-gram, where nothing else is asked for."""
NOISE = 1.0
"""Deviations."""


def grams(text: str, lengths: range = LENGTHS) -> set[str]:
    """The text's n-grams: words in small letters, one blank between."""
    words = WORD.findall(text.lower())
    return {" ".join(words[at : at + n]) for n in lengths for at in range(len(words) - n + 1)}


def counted(texts: Iterable[str], lengths: range = LENGTHS) -> Counter[str]:
    """In how many texts each n-gram stands."""
    out: Counter[str] = Counter()
    for text in texts:
        out.update(grams(text, lengths))
    return out


def excess(times: int, size: int, reference: int, reference_size: int) -> float:
    """How far `times` of `size` texts lies above what the reference's rate makes likely: a Poisson law's deviations."""
    expected = size * (reference + 0.5) / (reference_size + 1)
    return (times - expected) / math.sqrt(expected)


def suspicious(found: Counter[str], size: int, reference: Counter[str], reference_size: int, top: int) -> list[str]:
    """The `top` n-grams, of those in more than one text, by their excess over the reference."""

    def rank(gram: str) -> tuple[float, str]:
        return -excess(found[gram], size, reference[gram], reference_size), gram

    return sorted((gram for gram, times in found.items() if times > 1), key=rank)[:top]


def distinct(texts: Sequence[str], reference: Sequence[str], lengths: range, top: int) -> list[str]:
    """The `top` suspicious n-grams, each ranked by the texts that no more suspicious one before it stands in.

    So a sentence that recurs is one find, not as many as it has n-grams; what lies within `NOISE` is none. Lazy greedy:
    ranks only fall.
    """
    there, of = counted(reference, lengths), dict[str, list[int]]()
    for at, text in enumerate(texts):
        for gram in grams(text, lengths):
            of.setdefault(gram, []).append(at)

    def rank(gram: str, times: int) -> tuple[float, str, int]:
        return -excess(times, len(texts), there[gram], len(reference)), gram, times

    waiting = [rank(gram, len(members)) for gram, members in of.items() if len(members) > 1]
    heapq.heapify(waiting)
    found, taken = list[str](), set[int]()
    while waiting and len(found) < top:
        high, gram, times = heapq.heappop(waiting)
        if -high < NOISE:
            break
        left = [at for at in of[gram] if at not in taken]
        if len(left) == times:
            found.append(gram)
            taken.update(left)
        elif len(left) > 1:
            heapq.heappush(waiting, rank(gram, len(left)))
    return found
