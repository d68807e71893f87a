"""Keep the first of traces whose reasoning is the same, or nearly.

Source: MinHash with banding (Broder 1997; Lee et al., arXiv 2107.06499) proposes pairs, the exact Jaccard similarity of
their word n-grams decides. What a defense repeats over many traces (a mark, a stock phrase) is repeated less after it.
Does not compare questions: two problems with one reasoning are one trace.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Annotated
from zlib import crc32

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from azeotrope.distill import Thief, Wash
from azeotrope.types import Record, Trace


class Config(Record, frozen=True):
    """How near is the same."""

    similarity: Annotated[float, Meta(gt=0, le=1)] = 0.8
    """Jaccard similarity of n-grams from which on two are one; 1: only the same n-grams."""
    n: Annotated[int, Meta(ge=1, le=20)] = 3
    """Words, numbers and signs in a row."""


HASHES, MISSED = 128, 1e-6
"""Of a pair as similar as asked for, the chance at most (down to a similarity of 0.11) that it is not compared."""
_PRIME = (1 << 61) - 1
_WORD = re.compile(r"\w+|[^\w\s]")
Grams = frozenset[tuple[str, ...]]


def wash(config: Config, thief: Thief) -> Wash:
    """Traces -> the first of each kind, in order; those without reasoning stay. What was dropped is on the bill."""

    async def deduplicated(traces: Sequence[Trace]) -> list[Trace]:
        kept = firsts([trace.reasoning for trace in traces], config, thief.seed)
        thief.bill.note(duplicates=len(traces) - len(kept))
        return [traces[at] for at in kept]

    return deduplicated


def firsts(texts: Sequence[str], config: Config, seed: int = 0) -> list[int]:
    """Places of the texts that no earlier kept one is like; empty ones are like nothing."""
    hashes = _Hashes(seed, rows(config.similarity))
    known: dict[tuple[int, bytes], list[Grams]] = {}
    kept: list[int] = []
    for at, text in enumerate(texts):
        found = grams(text, config.n)
        if not found:
            kept.append(at)
            continue
        bands = [known.setdefault(band, []) for band in enumerate(hashes.bands(found))]
        if any(similarity(found, other) >= config.similarity for band in bands for other in band):
            continue
        kept.append(at)
        for band in bands:
            band.append(found)
    return kept


def grams(text: str, n: int) -> Grams:
    """The text's n words in a row; of a shorter one, all it has."""
    words = _WORD.findall(text)
    return frozenset(zip(*(words[at:] for at in range(min(n, len(words)))), strict=False))


def similarity(a: Grams, b: Grams) -> float:
    """Jaccard: of all they have, the share that they have in common."""
    both = len(a & b)
    return both / (len(a) + len(b) - both)


def rows(similarity: float) -> int:
    """Hashes a band: as many as miss few enough pairs. A pair is missed by (1 - s^rows)^(HASHES / rows)."""
    fits = [rows for rows in range(1, 17) if (1 - similarity**rows) ** (HASHES // rows) <= MISSED]
    return max(fits, default=1)


class _Hashes:
    """MinHash signatures, cut into bands of so many rows."""

    def __init__(self, seed: int, rows: int) -> None:
        rng = random.Random(seed)  # noqa: S311 - hash functions, not secrets
        draws = [[rng.randrange(1, 1 << 32), rng.randrange(1 << 32)] for _ in range(HASHES)]
        self._rows = rows
        self._times, self._plus = np.array(draws, dtype=np.uint64).T[:, :, None]

    def bands(self, found: Grams) -> list[bytes]:
        """One key a band: equal in both where the band's minima are."""
        codes: NDArray[np.uint64] = np.array([_code(gram) for gram in found], dtype=np.uint64)
        minima = ((self._times * codes + self._plus) % np.uint64(_PRIME)).min(1)
        return [minima[at : at + self._rows].tobytes() for at in range(0, HASHES - self._rows + 1, self._rows)]


def _code(gram: tuple[str, ...]) -> int:
    """32 bits, the same in every process."""
    return crc32("\0".join(gram).encode("utf-8", "surrogatepass"))
