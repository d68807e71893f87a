"""The gateway's ledger as evidence: what a client got is proven by the id in the response, and no key is seen."""

from pathlib import Path
from typing import Any

import pytest

from azeotrope.errors import Misconfigured
from azeotrope.gateway.serving import signing
from azeotrope.gateway.settings import Book, check
from azeotrope.health.serving import serving as looked_into
from azeotrope.ledger import Signer, newest
from azeotrope.ledger.checking import Known, opened
from azeotrope.ledger.checking import check as checked
from azeotrope.ledger.evidence import line
from azeotrope.ledger.proving import prove, reveal

ASK = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}
SECRET = "5ec2e7" * 10 + "beef"


@pytest.fixture
def book(tmp_path: Path) -> dict[str, Any]:
    key = tmp_path / "ledger.key"
    key.write_text(SECRET)
    key.chmod(0o600)
    return {"dsn": f"sqlite:///{tmp_path / 'ledger.db'}", "key_file": "ledger.key"}


async def test_a_response_is_proven_by_its_id(house, upstream, book) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4", "reasoning": "Two and two."})))
    async with house(ledger=book) as gate:
        _, headers, _ = await gate.post(ASK)
    path, request = gate.folder / "ledger.db", headers["x-request-id"]
    proof = prove(path, request)
    findings, _ = checked([line(proof)], Known(key=Signer(bytes.fromhex(SECRET)).public.hex()))
    assert [finding.what for finding in findings if finding.holds] == ["inclusion", "signature"]
    assert "of-default" in findings[0].said and "withheld" in findings[0].said
    assert opened(proof, reveal(path, request, "answer"), b"4").holds
    assert SECRET.encode() not in gate.kept() and SECRET not in str(gate.lines())


async def test_heads_come_while_it_serves(house, upstream, book) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with house(ledger=book | {"head_seconds": 0.02}) as gate:
        await gate.post(ASK)
        await gate.until(lambda: newest(gate.folder / "ledger.db") is not None)


async def test_an_authority_that_is_down_is_logged_and_nothing_else(house, upstream, book) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with house(ledger=book | {"time_authority": "http://127.0.0.1:1/tsr"}) as gate:
        status, _, _ = await gate.post(ASK)
    told = [entry for entry in gate.lines() if entry["event"] == "ledger_evidence"]
    assert status == 200 and len(told) == 1 and "not time-stamped" in told[0]["why"]
    assert newest(gate.folder / "ledger.db").stamp is None


def test_a_key_is_read_from_where_it_is_said_to_be(tmp_path: Path, book) -> None:
    public = Signer(bytes.fromhex(SECRET)).public
    small = {"upstream": {"base_url": "http://h/v1"}, "policies": {"default": {"defense": "withhold"}}}
    of_a_file = signing(check(small | {"ledger": book}, "test", tmp_path).ledger, {})
    of_a_variable = signing(Book(key_env="LEDGER_KEY", head_seconds=5), {"LEDGER_KEY": SECRET})
    assert of_a_file is not None and of_a_file.signer.public == public and of_a_file.every == 60
    assert of_a_variable is not None and of_a_variable.signer.public == public and of_a_variable.every == 5
    assert signing(Book(), {}) is None
    assert SECRET not in repr(of_a_file)


@pytest.mark.parametrize(
    ("book", "why"),
    [
        (Book(key_env="LEDGER_KEY"), "LEDGER_KEY .key of the ledger. is not set"),
        (Book(key_env="A", key_file="b"), "the ledger: give key_env or key_file, not both"),
        (Book(key_env="SHORT"), "SHORT holds no signing key"),
        (Book(time_authority="https://t/tsr"), "name the .ledger.'s key_file"),
        (Book(key_env="GOOD", time_authority="t.example"), "begins with http"),
        (Book(key_env="GOOD", head_seconds=0), "more than 0"),
    ],
)
def test_what_cannot_sign_is_refused_with_its_cure(book: Book, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        signing(book, {"SHORT": "abc", "GOOD": SECRET})


def test_a_key_in_the_settings_is_refused() -> None:
    table = {"upstream": {"base_url": "http://h/v1"}, "policies": {"default": {"defense": "withhold"}}}
    with pytest.raises(Misconfigured, match=r"\[ledger\] holds a key") as caught:
        check(table | {"ledger": {"key": SECRET}}, "test")
    assert SECRET not in str(caught.value)


async def test_the_doctor_says_who_signs(tmp_path: Path, book) -> None:
    path = tmp_path / "gateway.toml"
    body = '[upstream]\nbase_url = "http://127.0.0.1:1/v1"\n[policies.default]\ndefense = "withhold"\n[ledger]\n'
    for more, state, said in [
        ("", "ok", "no key signs"), ('key_file = "ledger.key"\n', "ok", "time is self-asserted"),
        ('key_file = "none.key"\n', "broken", "cannot read the key"),
    ]:  # fmt: skip
        path.write_text(body + more)
        (found,) = [finding for finding in await looked_into(path, {}) if finding.name == "evidence"]
        assert found.state == state and said in found.said
