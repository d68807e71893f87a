"""The tree of RFC 9162: the published vectors of its reference log, and that proofs prove that and nothing else."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.math.merkle import (
    EMPTY,
    Frontier,
    consistency,
    consistent,
    included,
    inclusion,
    leaf_hash,
    node_hash,
    root,
)

# ---- the vectors of Certificate Transparency's reference implementation: entries, and roots of the first n

ENTRIES = [bytes.fromhex(entry) for entry in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [bytes.fromhex(known) for known in (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)]  # fmt: skip
HASHES = [leaf_hash(entry) for entry in ENTRIES]

INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def proof_of(ranges: list[tuple[int, int]], hashes: list[bytes]) -> list[bytes]:
    return [root(hashes[start:end]) for start, end in ranges]


def test_the_published_roots() -> None:
    assert [root(HASHES[:n]) for n in range(9)] == ROOTS


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_the_published_inclusion_proofs(index: int, size: int) -> None:
    proof = proof_of(inclusion(index, size), HASHES)
    assert [step.hex() for step in proof] == INCLUSION[index, size]
    assert included(ENTRIES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize(("old", "size"), CONSISTENCY)
def test_the_published_consistency_proofs(old: int, size: int) -> None:
    proof = proof_of(consistency(old, size), HASHES)
    assert [step.hex() for step in proof] == CONSISTENCY[old, size]
    assert consistent(old, size, ROOTS[old], ROOTS[size], proof)


# ---- the definitions of the RFC, word for word, as a second implementation


def mth(hashes: list[bytes]) -> bytes:
    """2.1.1, recursively."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def path(m: int, hashes: list[bytes]) -> list[bytes]:
    """2.1.3.1, recursively."""
    if len(hashes) == 1:
        return []
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return [*path(m, hashes[:k]), mth(hashes[k:])] if m < k else [*path(m - k, hashes[k:]), mth(hashes[:k])]


def subproof(m: int, hashes: list[bytes], whole: bool) -> list[bytes]:
    """2.1.4.1, recursively."""
    if m == len(hashes):
        return [] if whole else [mth(hashes)]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    if m <= k:
        return [*subproof(m, hashes[:k], whole), mth(hashes[k:])]
    return [*subproof(m - k, hashes[k:], False), mth(hashes[:k])]


def entries_of(size: int) -> list[bytes]:
    return [b"entry %d" % at for at in range(size)]


def hashes_of(size: int) -> list[bytes]:
    return [leaf_hash(entry) for entry in entries_of(size)]


@given(st.integers(1, 200), st.data())
def test_roots_and_proofs_are_those_of_the_definitions(size: int, data: st.DataObject) -> None:
    hashes, at = hashes_of(size), data.draw(st.integers(0, size - 1))
    assert root(hashes) == mth(hashes)
    assert proof_of(inclusion(at, size), hashes) == path(at, hashes)
    assert proof_of(consistency(at + 1, size), hashes) == subproof(at + 1, hashes, True)


def test_every_proof_of_every_small_tree_verifies() -> None:
    for size in range(1, 40):
        entries, hashes = entries_of(size), hashes_of(size)
        for at in range(size):
            assert included(entries[at], at, size, proof_of(inclusion(at, size), hashes), root(hashes))
            proof = proof_of(consistency(at + 1, size), hashes)
            assert consistent(at + 1, size, root(hashes[: at + 1]), root(hashes), proof)


# ---- nothing else verifies


def altered(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    """The proof with one bit flipped, a step lost, doubled, added, cut short or moved; never the same."""
    kind = data.draw(st.sampled_from(["flip", "lose", "double", "add", "cut", "swap"]))
    if kind == "add" or not proof:
        return data.draw(st.sampled_from([[*proof, EMPTY], [EMPTY, *proof]]))
    at = data.draw(st.integers(0, len(proof) - 1))
    changed = list(proof)
    if kind == "flip":
        bit = data.draw(st.integers(0, 255))
        changed[at] = (int.from_bytes(proof[at]) ^ 1 << bit).to_bytes(32)
    elif kind == "lose" or (kind == "swap" and len(proof) == 1):
        del changed[at]
    elif kind == "double":
        changed.insert(at, proof[at])
    elif kind == "cut":
        changed[at] = proof[at][:-1]
    else:
        other = (at + 1) % len(proof)
        changed[at], changed[other] = changed[other], changed[at]
    return changed


@given(st.integers(1, 130), st.data())
def test_an_altered_inclusion_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    at, entries, hashes = data.draw(st.integers(0, size - 1)), entries_of(size), hashes_of(size)
    proof, top = proof_of(inclusion(at, size), hashes), root(hashes)
    assert included(entries[at], at, size, proof, top)
    assert not included(entries[at], at, size, altered(proof, data), top)
    assert not included(entries[at] + b"!", at, size, proof, top)
    assert not included(entries[at], at, size, proof, leaf_hash(top))
    elsewhere = data.draw(st.integers(-2, size + 2).filter(lambda index: index != at))
    assert not included(entries[at], elsewhere, size, proof, top)


@given(st.integers(1, 130), st.data())
def test_an_altered_consistency_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    old, hashes = data.draw(st.integers(1, size)), hashes_of(size)
    proof, before, after = proof_of(consistency(old, size), hashes), root(hashes[:old]), root(hashes)
    assert consistent(old, size, before, after, proof)
    assert not consistent(old, size, before, after, altered(proof, data))
    assert not consistent(old, size, leaf_hash(before), after, proof)
    assert not consistent(old, size, before, leaf_hash(after), proof)


@given(st.integers(2, 100), st.data())
def test_a_log_that_changed_its_past_cannot_be_made_consistent(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size - 1))
    changed = data.draw(st.integers(0, old - 1))
    before, hashes = root(hashes_of(old)), hashes_of(size)
    hashes[changed] = leaf_hash(b"another past")
    assert not consistent(old, size, before, root(hashes), proof_of(consistency(old, size), hashes))


def test_a_node_is_no_leaf() -> None:
    left, right = HASHES[:2]
    assert node_hash(left, right) != leaf_hash(left + right)
    assert not included(left + right, 0, 1, [], root(HASHES[:2]))


# ---- growing


@given(st.lists(st.integers(0, 40), max_size=6))
def test_a_frontier_gives_every_root_on_the_way(steps: list[int]) -> None:
    frontier, hashes = Frontier(), hashes_of(sum(steps))
    for step in steps:
        for one in hashes[frontier.size : frontier.size + step]:
            frontier.add(one)
        assert frontier.root() == mth(hashes[: frontier.size])


@given(st.integers(0, 5), st.integers(0, 6), st.integers(0, 31))
def test_a_frontier_takes_whole_subtrees(level: int, subtrees: int, rest: int) -> None:
    each = 1 << level
    hashes, frontier = hashes_of(subtrees * each + rest), Frontier()
    for at in range(subtrees):
        frontier.add(mth(hashes[at * each : (at + 1) * each]), level)
    for one in hashes[subtrees * each :]:
        frontier.add(one)
    assert (frontier.size, frontier.root()) == (len(hashes), mth(hashes))


def test_a_subtree_begins_only_where_it_can() -> None:
    frontier = Frontier()
    frontier.add(HASHES[0])
    with pytest.raises(ValueError, match="does not begin at leaf 1"):
        frontier.add(ROOTS[2], 1)


@pytest.mark.parametrize("wrong", [(-1, 3), (3, 3), (0, 0)])
def test_there_is_no_proof_for_what_is_not_there(wrong: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion(*wrong)
    assert not included(b"", *wrong, [], EMPTY)


@pytest.mark.parametrize("wrong", [(0, 3), (4, 3), (-1, 3)])
def test_there_is_no_consistency_with_what_is_no_beginning(wrong: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no beginning"):
        consistency(*wrong)
    assert not consistent(*wrong, EMPTY, EMPTY, [])
