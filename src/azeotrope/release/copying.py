"""How much of one text stands word for word in another. Linear time and memory; knows no defense."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

GRAM = 5
FRESH, LONG = 0.4, 40
"""Share of new runs that a text of at least `LONG` runs must have."""
BLOCK = 60
"""Letters in a row (blanks and signs aside) that, shared with the original, show a copy that was only spaced out."""


def shares_run(ours: list[str], theirs: list[str], length: int) -> bool:
    """Whether `length` words in a row of `ours` stand in `theirs`. O(n) but for texts that already look alike."""
    if length < GRAM:
        return not _grams(ours, length).isdisjoint(_grams(theirs, length))
    flags = list(map(_grams(theirs, GRAM).__contains__, _runs(ours, GRAM)))
    if flags.count(True) <= length - GRAM:
        return False
    if max((sum(1 for _ in same) for hit, same in groupby(flags) if hit), default=0) <= length - GRAM:
        return False
    return not _grams(ours, length).isdisjoint(_grams(theirs, length))


def overlap(ours: list[str], theirs: list[str]) -> float:
    """Share of the five-word runs of `ours` that stand in `theirs`, in [0, 1]; a shorter text is one run."""
    size = min(GRAM, len(ours))
    if not size:
        return 0.0
    runs = list(_runs(ours, size))
    return sum(map(_grams(theirs, size).__contains__, runs)) / len(runs)


def overlaps(ours: list[str], theirs: list[str]) -> tuple[float, float]:
    """`overlap` of ours in theirs, and of theirs in ours; for most rewrites, which share no run, at half the price."""
    if min(len(ours), len(theirs)) >= GRAM and _grams(ours, GRAM).isdisjoint(_runs(theirs, GRAM)):
        return 0.0, 0.0
    return overlap(ours, theirs), overlap(theirs, ours)


def spaced_out(ours: list[str], theirs: list[str]) -> bool:
    """Whether two texts (as words) share twice `BLOCK` letters in a row (blanks and signs aside): a disguised copy.

    Exact for shared runs of 2 * BLOCK - 1 letters and more, never true below BLOCK.
    """
    mine, other = "".join(ours), "".join(theirs)
    blocks = {other[i : i + BLOCK] for i in range(0, len(other) - BLOCK + 1, BLOCK)}
    return bool(blocks) and not blocks.isdisjoint([mine[i : i + BLOCK] for i in range(len(mine) - BLOCK + 1)])


def repeats_itself(ours: list[str]) -> bool:
    """Whether fewer than `FRESH` of a text's five-word runs are new: a model that got stuck in a loop."""
    runs = len(ours) - GRAM + 1
    return runs >= LONG and len(_grams(ours, GRAM)) < FRESH * runs


def _grams(tokens: list[str], size: int) -> set[tuple[str, ...]]:
    return set(_runs(tokens, size))


def _runs(tokens: list[str], size: int) -> Iterator[tuple[str, ...]]:
    return zip(*[tokens[i:] for i in range(size)], strict=False)
