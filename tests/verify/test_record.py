"""What is on record of earlier runs: found under every name of a suspect, and told in the claim."""

import asyncio
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from azeotrope.keys import OPERATOR
from azeotrope.models import shipped
from azeotrope.verify import Outcome, SideFile, Suspect, opened
from azeotrope.verify.records import NOTHING, REFUSED
from azeotrope.verify.sealing import check, sealed
from azeotrope.verify.signing import holds

from .conftest import MASTER

Judge = Callable[..., Outcome]
WEIGHTS = Path(shipped.__file__).parent.parent / "weights" / "steps"


def silent(_: object) -> str:
    return "?"


def found(spec: str | Path) -> Suspect:
    async def go() -> Suspect:
        async with opened(spec) as suspect:
            return suspect

    return asyncio.run(go())


def by_spelling(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def test_a_neutral_repeat_tells_of_the_operators_run(judge: Judge, tmp_path: Path) -> None:
    book = SideFile(tmp_path / "spent.jsonl")
    first = judge(silent, book=book).evidence
    assert "earlier run" not in first.claim
    assert {(one.available, one.unspent, one.earlier) for one in first.marks} == {(8, 8, 0)}
    neutral = judge(silent, book=SideFile(tmp_path / "spent.jsonl"), neutral=True).evidence
    assert neutral.verdict == NOTHING
    assert "an earlier run asked about some of these marks" in neutral.claim
    assert {(one.available, one.unspent, one.earlier, one.again) for one in neutral.marks} == {(8, 0, 8, 0)}
    assert holds(check(sealed(neutral, None)))
    book = SideFile(tmp_path / "spent.jsonl")
    third = judge(silent, book=book, names=("acme", "bob", "carol"), neutral=True, again=True).evidence
    assert {one.customer: one.earlier for one in third.marks} == {OPERATOR: 16, "acme": 16, "bob": 16, "carol": 0}


@pytest.mark.parametrize("spelled", ["#m", "/#m", "/", "#another", ""])
def test_an_address_is_one_suspect_whatever_stands_behind_it(spelled: str) -> None:
    address = "http://127.0.0.1:9/v1"
    suspect = found(f"{address}{spelled}")
    assert suspect.id == by_spelling(address)
    assert by_spelling(f"{address}{spelled}".rstrip("/")) in suspect.ids


def test_copies_of_weights_are_one_suspect(tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(WEIGHTS, copy)
    (copy / ".cache").mkdir()
    (copy / ".cache" / "fetched.lock").write_text("today")
    here, there = found(WEIGHTS), found(copy)
    assert here.id == there.id == here.content[:16]
    assert there.also == (by_spelling(str(copy.resolve())),)
    weights = max(copy.glob("*.safetensors"), key=lambda path: path.stat().st_size)
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\1\0")
    assert found(copy).id != here.id


@pytest.mark.parametrize("id_of", [lambda copy: by_spelling(str(copy.resolve())), lambda copy: found(copy).id])
def test_notes_under_either_id_count(judge: Judge, tmp_path: Path, id_of: Callable[[Path], str]) -> None:
    copy, book = tmp_path / "elsewhere", SideFile(tmp_path / "spent.jsonl")
    shutil.copytree(WEIGHTS, copy)
    asyncio.run(book.spend(MASTER.operator().mark, range(8), id_of(copy), disclosed=False))
    outcome = judge(copy, book=book, names=()).evidence
    assert (outcome.verdict, outcome.marks[0].probes, outcome.marks[0].earlier) == (REFUSED, 0, 8)
