"""Merkle trees of RFC 9162, section 2.1: root, inclusion and consistency proofs, and their verification. Pure.

Knows no ledger: it is given 32-byte hashes of leaves (`leaf_hash` makes them) or the roots of whole subtrees, so a log
of millions is extended and proven from what is stored of it. Proofs are made in two steps: which subtrees a proof
consists of (`inclusion`, `consistency`: ranges of leaves, no hash needed), then their roots, by whoever has them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

SIZE = 32
"""Bytes of a hash."""
EMPTY = hashlib.sha256(b"").digest()
"""The root of no leaves."""

Range = tuple[int, int]
"""Leaves [start, end): one subtree of the tree, complete unless it is the last."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry): an entry of the log as a leaf of the tree (2.1.1)."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, largest first; at most 63 hashes.

    Adding a leaf costs 1 hash on average, the root at most 62: nothing is hashed twice however often a head is made.
    """

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, root: bytes, level: int = 0) -> None:
        """Appends a complete subtree of 2^level leaves by its root; level 0: a leaf by its hash.

        Raises `ValueError` where such a subtree cannot begin.
        """
        if self.size & ((1 << level) - 1):
            raise ValueError(f"a subtree of {1 << level} leaves does not begin at leaf {self.size}")
        peaks, carry = self._peaks, self.size >> level
        while carry & 1:
            root = node_hash(peaks.pop(), root)
            carry >>= 1
        peaks.append(root)
        self.size += 1 << level

    def root(self, last: bytes | None = None) -> bytes:
        """The root of all leaves so far, 32 bytes (MTH of 2.1.1).

        `last` is the root of leaves still to come, fewer than the smallest subtree of these: the root with them.
        """
        peaks = self._peaks if last is None else [*self._peaks, last]
        if not peaks:
            return EMPTY
        *rest, root = peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes of leaves (MTH of 2.1.1)."""
    frontier = Frontier()
    for one in hashes:
        frontier.add(one)
    return frontier.root()


def inclusion(index: int, size: int) -> list[Range]:
    """Which subtrees' roots prove that leaf `index` is in the tree of `size` leaves, in a proof's order (2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end, downwards = 0, size, list[Range]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            downwards.append((middle, end))
            end = middle
        else:
            downwards.append((start, middle))
            start = middle
    return downwards[::-1]


def consistency(old: int, size: int) -> list[Range]:
    """Which subtrees' roots prove that the tree of `old` leaves is the beginning of that of `size` (2.1.4.1)."""
    if not 0 < old <= size:
        raise ValueError(f"a tree of {old} leaves is no beginning of one of {size}")
    start, end, downwards, whole = 0, size, list[Range](), True
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            downwards.append((middle, end))
            end = middle
        else:
            downwards.append((start, middle))
            start, whole = middle, False
    return ([] if whole else [(start, end)]) + downwards[::-1]


def included(entry: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Does the proof show that `entry` is leaf `index` of the tree of `size` leaves with this root (2.1.3.2)?"""
    if not 0 <= index < size or any(len(step) != SIZE for step in proof):
        return False
    node, last, hashed = index, size - 1, leaf_hash(entry)
    for step in proof:
        if not last:
            return False
        if node & 1 or node == last:
            hashed = node_hash(step, hashed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            hashed = node_hash(hashed, step)
        node, last = node >> 1, last >> 1
    return not last and hashed == root


def consistent(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """Does the proof show that the tree of `size` leaves begins with the tree of `old` leaves (2.1.4.2)?"""
    if not 0 < old <= size or any(len(step) != SIZE for step in proof):
        return False
    if old == size:
        return not proof and old_root == root
    steps = [old_root, *proof] if not old & (old - 1) else list(proof)
    if not steps:
        return False
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if not last:
            return False
        if node & 1 or node == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            after = node_hash(after, step)
        node, last = node >> 1, last >> 1
    return not last and before == old_root and after == root


def _split(leaves: int) -> int:
    """The largest power of two below `leaves`: how many are in the left subtree."""
    return 1 << (leaves - 1).bit_length() - 1
