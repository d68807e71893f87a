"""Evidence: what proves a release is believed by whoever has nothing else, and nothing that was altered is."""

import asyncio
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.ledger import Ledger, Signer, Signing, heads
from azeotrope.ledger.checking import SELF_ASSERTED, Finding, Known, check, opened
from azeotrope.ledger.evidence import Proof, Release, line
from azeotrope.ledger.proving import prove, reveal, whole
from azeotrope.ledger.stamping import authorities
from azeotrope.ledger.tree import EACH


def said(proof: Proof, **known) -> dict[str, Finding]:
    return {finding.what: finding for finding in check([line(proof)], Known(**known))[0]}


# ---- proofs


def test_a_release_is_proven_to_whoever_has_the_key_and_the_file_only(path: Path, verdict, fill, signer) -> None:
    fill(path, "a", "b", "feed", "c")
    for name in ("a", "b", "c", "feed"):
        data = line(prove(path, name))
        assert verdict(data)
        assert not verdict(data, key="ab" * 32)
        assert b"Lima" not in data and b"Peru" not in data
    findings = said(prove(path, "b"))
    assert "release b (choice 0) to acme" in findings["inclusion"].said and findings["inclusion"].holds
    assert (
        "nobody said" in findings["signature"].said
        and signer.sign(0, bytes(32), 0).key_id in findings["signature"].said
    )
    assert findings["time"].holds is None and SELF_ASSERTED in findings["time"].said
    assert '"customer":"acme"' in said(prove(path, "feed"))["inclusion"].said


def test_the_log_that_only_grew_is_shown_by_an_older_head(path: Path, verdict, fill) -> None:
    for names in ("abc", "de", "fghij"):
        fill(path, *names)
    older, _, newest = heads(path)
    proof = prove(path, "d", since=older.size)
    assert proof.earlier is not None and proof.earlier.head == older and proof.head == newest
    assert said(proof)["consistency"].holds and verdict(line(proof), head=older)
    assert not verdict(line(prove(path, "d")), head=older)
    assert verdict(line(prove(path, "d")), head=newest)
    assert prove(path, "a", at=5).head.size == 5
    with pytest.raises(Misconfigured, match="no head of 4 leaves"):
        prove(path, "a", since=4)


def test_every_leaf_of_a_log_with_stored_subtrees_is_proven(path: Path, verdict, entry, signer) -> None:
    async def grow(more: int) -> None:
        async with Ledger(path, signing=Signing(signer)) as ledger:
            await ledger.append(*(entry(f"{more}/{i}") for i in range(more)))

    for more in (700, 2 * EACH, 3):
        asyncio.run(grow(more))
    for name in ("700/0", "700/699", "2048/0", "2048/323", "2048/324", "2048/2047", "3/0", "3/2"):
        for since in (None, 700, 700 + 2 * EACH):
            assert verdict(line(prove(path, name, since=since)))


def test_the_oldest_time_stamp_that_covers_a_release_is_shown(path: Path, fill, authority) -> None:
    fill(path, "a")
    fill(path, "b", authority=authority.url)
    fill(path, "c", authority=authority.url)
    trusted = tuple(authorities(authority.roots))
    assert [bool(head.stamp) for head in heads(path)] == [False, True, True]
    proof = prove(path, "a")
    assert proof.head.size == 2
    assert said(proof, authorities=trusted)["time"].holds is True
    unknown = said(proof)["time"]
    assert unknown.holds is None and SELF_ASSERTED in unknown.said
    stranger = (type(authority)().root,)
    assert said(proof, authorities=stranger)["time"].holds is False
    moved = replace(proof, head=replace(proof.head, stamp=heads(path)[2].stamp))
    assert said(moved)["time"].holds is False
    assert said(replace(proof, head=replace(proof.head, stamp="00")))["time"].holds is False


def test_no_byte_of_a_proof_can_change(path: Path, verdict, fill) -> None:
    fill(path, "a", "b", "c")
    fill(path, "d", "e")
    data, chance = line(prove(path, "b", at=5, since=3)), random.Random(1)
    assert verdict(data)
    for at in range(len(data)):
        assert not verdict(data[:at] + bytes([data[at] ^ chance.randint(1, 255)]) + data[at + 1 :])
        assert not verdict(data[:at]) and not verdict(data[:at] + data[at + 1 :])
    assert not verdict(data + data) and not verdict(b"") and not verdict(data + b"\n")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(at=st.integers(0, 1 << 20), flip=st.integers(1, 255))
def test_no_byte_of_a_time_stamp_can_change_what_it_says(path: Path, fill, authority, at: int, flip: int) -> None:
    if not path.exists():
        fill(path, "a", "b", "c", authority=authority.url)
    proof, trusted = prove(path, "b"), tuple(authorities(authority.roots))
    stamp = bytearray.fromhex(proof.head.stamp or "")
    stamp[at % len(stamp)] ^= flip
    found = said(replace(proof, head=replace(proof.head, stamp=stamp.hex())), authorities=trusted)["time"]
    assert found.holds is False or found == said(proof, authorities=trusted)["time"]  # not all of DER is signed


@pytest.mark.parametrize("wrong", [
    b"\n", b"{}\n", b"[]\n", b"null\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"kind":"azeotrope proof 1"}\n',
    b'{"kind":"azeotrope proof 2"}\n', b"SQLite format 3\0" + bytes(84) + b"\n",
])  # fmt: skip
def test_what_is_no_evidence_is_refused(wrong: bytes) -> None:
    with pytest.raises(Misconfigured, match="the first line"):
        check([wrong], Known())


def test_proofs_do_not_travel_between_leaves_and_heads(path: Path, verdict, fill) -> None:
    fill(path, "a", "b", "c", "d")
    fill(path, "e", "f")
    one, other = prove(path, "a"), prove(path, "b")
    assert not verdict(line(replace(one, leaf=other.leaf)))
    assert not verdict(line(replace(one, proof=other.proof)))
    assert not verdict(line(replace(one, head=prove(path, "a", at=4).head)))
    assert not verdict(line(replace(one, leaf=replace(one.leaf, customer="zeta"))))
    assert not verdict(line(replace(one, leaf=replace(one.leaf, seq=1))))
    forged = Signer(b"f" * 32).sign(one.head.size, bytes.fromhex(one.head.root), one.head.time)
    assert verdict(line(replace(one, head=forged)), key=None) and not verdict(line(replace(one, head=forged)))


def test_what_is_not_there_or_not_signed_yet_is_told(path: Path, entry, signer) -> None:
    async def main(signing: Signing | None) -> None:
        async with Ledger(path, signing=signing) as ledger:
            await ledger.append(entry("a" if signing is None else "b"))

    asyncio.run(main(None))
    for ask in (lambda: prove(path, "a"), lambda: list(whole(path))):
        with pytest.raises(Unavailable, match="ledger sign"):
            ask()
    asyncio.run(main(Signing(signer)))
    asyncio.run(main(None))
    with pytest.raises(Misconfigured, match="no release nobody"):
        prove(path, "nobody")
    with pytest.raises(Misconfigured, match=r"no release a \(choice 1\)"):
        prove(path, "a", choice=1)
    with pytest.raises(Unavailable, match="no such signed head covers 1 leaves"):
        prove(path, "a", at=1)


# ---- contents


def test_one_content_is_opened_and_no_other(path: Path, fill, entry) -> None:
    fill(path, "a", "b")
    proof = prove(path, "a")
    texts = {"answer": b"Lima", "reasoning": b"It is by the sea."}
    for content, text in texts.items():
        opening = reveal(path, "a", content)
        assert opened(proof, opening, text).holds and opened(proof, opening, text + b"\n").holds
        for wrong in (b"Quito", text[:-1], b"", text + b"\n\n"):
            assert not opened(proof, opening, wrong).holds
        assert not opened(prove(path, "b"), opening, text).holds
        for other in {"answer", "reasoning", "request"} - {content}:
            assert not opened(proof, replace(opening, content=other), texts.get(other, b"")).holds
    assert isinstance(proof.leaf, Release)
    asked = entry("a").salt  # a salt of somebody else opens nothing
    assert not opened(proof, replace(reveal(path, "a", "answer"), key=asked.hex()), b"Lima").holds


def test_a_content_that_was_not_released_has_no_key(path: Path, entry) -> None:
    async def main() -> None:
        async with Ledger(path) as ledger:
            await ledger.append(replace(entry("a"), reasoning=None))

    asyncio.run(main())
    with pytest.raises(Misconfigured, match="no reasoning was released with a"):
        reveal(path, "a", "reasoning")
    with pytest.raises(Misconfigured, match="no release nobody"):
        reveal(path, "nobody", "answer")
