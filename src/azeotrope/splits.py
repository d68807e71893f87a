"""Which split a question belongs to, and whether splits are disjoint. Pure functions; knows no task.

A question's split is a hash of it: no size, order or seed moves it to another, and no two splits can share it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence

from azeotrope.codec import digest
from azeotrope.errors import Misconfigured
from azeotrope.protocols import Split, Task
from azeotrope.release import problem as text_of
from azeotrope.types import Problem

SPLITS: tuple[Split, ...] = ("train", "proxy", "validation", "test", "shifted")
Shares = Mapping[Split, int]
"""Sixteenths, in the splits' order."""
ALL: Shares = {"train": 8, "proxy": 5, "validation": 1, "test": 2}
WITHOUT_TEST: Shares = {"train": 11, "proxy": 4, "validation": 1}
"""Where the test has a source of its own."""


def split_of(key: str, shares: Shares = ALL) -> Split:
    """Where a question goes. `key` says what it asks; `identity` makes one of its text."""
    assert sum(shares.values()) == 16, f"shares are sixteenths; got {dict(shares)}"
    at = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[3] % 16
    for split, share in shares.items():
        if at < share:
            return split
        at -= share
    raise AssertionError("sixteen sixteenths are all")


def identity(text: str) -> str:
    """Digest of what is asked, however its letters are cased, composed and spaced."""
    return digest(" ".join(unicodedata.normalize("NFKC", text).casefold().split()))


def disjoint(task: Task) -> None:
    """Raises `Misconfigured`, naming both problems, where one question stands in two splits of the task."""
    seen: dict[str, tuple[Split, Problem]] = {}
    for split in SPLITS:
        for problem in task.problems(split):
            first, other = seen.setdefault(identity(text_of(problem.request)), (split, problem))
            if first != split:
                raise Misconfigured(
                    f"{task.name}: {other.id} ({first}) and {problem.id} ({split}) ask the same; "
                    "take the question out of one of the splits"
                )


def apart(splits: Mapping[Split, Sequence[Problem]]) -> dict[Split, tuple[Problem, ...]]:
    """Each question once: it stays where it is judged rather than where it is learned (the last of `SPLITS`)."""
    seen: set[str] = set()
    out: dict[Split, tuple[Problem, ...]] = {}
    for split in reversed(SPLITS):
        kept: list[Problem] = []
        for problem in splits.get(split, ()):
            key = identity(text_of(problem.request))
            if key not in seen:
                seen.add(key)
                kept.append(problem)
        out[split] = tuple(kept)
    return out
