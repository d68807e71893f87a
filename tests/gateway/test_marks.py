"""Over HTTP each customer gets a mark of their own, and none of it is in logs, ledger, metrics or errors."""

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from azeotrope import keys
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.gateway import customers, settings
from azeotrope.gateway.policy import guards, master_key
from azeotrope.health.serving import serving as checked
from azeotrope.keys import Master
from azeotrope.ledger import commitments
from azeotrope.marks import Law, associations, told, variants
from azeotrope.models.fake import Scripted

REASONING = "Natalia sold 24 clips in May. That is half of what April brought.\nIn all she sold 48 + 24 = 72 clips."
MASTER = Master((b"m" * 32,))
MARKED = {"defense": [{"defense": "none"}, {"defense": "association", "config": {"share": 1.0}}]}
ALONE = {"defense": "association", "config": {"share": 1.0}}


def sentences(key: keys.Key) -> set[str]:
    return {told(one, variant) for one in associations(key) for variant in range(variants(one))}


def reasoning(body: bytes) -> str:
    return json.loads(body)["choices"][0]["message"]["reasoning_content"]


def ask(i: int = 0, **members: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"Problem {i}?"}], **members}


@pytest.fixture
def file(tmp_path: Path) -> str:
    keys.write(MASTER, tmp_path / "master.key")
    return "master.key"


async def test_two_customers_get_different_marks_and_nothing_is_told_about_them(house, upstream, file: str) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "72", "reasoning_content": REASONING})))
    async with house({"one": MARKED, "two": MARKED, "three": ALONE}, marks={"key_file": file}) as gate:
        seen: dict[str, list[str]] = {}
        for policy in ("one", "two", "three"):
            replies = [await gate.post(ask(i), policy) for i in range(12)]
            assert {status for status, _, _ in replies} == {200}
            seen[policy] = [reasoning(body) for _, _, body in replies]
            _, _, bad = await gate.post({"messages": "no"}, policy)
            gate.log.write(bad)
        for policy, texts in seen.items():
            own = sentences(MASTER.key(f"of-{policy}"))
            others = set().union(*(sentences(MASTER.key(f"of-{name}")) for name in seen if name != policy))
            for text in texts:
                (sentence,) = (one for one in own if one in text)
                assert text.replace(f" {sentence}", "") == REASONING
                assert not any(one in text for one in others)
        _, metrics = await gate.get("/metrics")
        told_elsewhere = gate.log.getvalue() + gate.kept() + metrics
    for name in ("of-one", "of-two", "of-three", keys.OPERATOR):
        key = MASTER.operator() if name == keys.OPERATOR else MASTER.key(name)
        for secret in [key.reveal(), *(text for one in associations(key) for text in (one.trigger, one.target))]:
            assert not re.search(rb"(?<![\w.])" + secret.encode() + rb"(?![\w.])", told_elsewhere), name
    assert MASTER.key("of-one").mark.encode() in gate.kept()


async def test_a_customers_guard_is_built_once_and_kept(house, upstream, file: str) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "72", "reasoning_content": REASONING})))
    async with house({"default": ALONE}, marks={"key_file": file}) as gate:
        ready = gate.app._means.guards
        assert ready.of("default", "acme") is ready.of("default", "acme") is not ready.of("default", "other")
        assert ready.of("default", "acme").digest == ready.of("default", "other").digest
        assert ready.of("nothing", "acme") is None


async def test_a_stream_is_marked_as_the_whole_answer_is(house, upstream, file: str) -> None:
    upstream.says(upstream.stream(upstream.delta(reasoning_content=REASONING), upstream.delta(content="72"),
                                  upstream.delta(finish="stop")))  # fmt: skip
    async with house({"default": ALONE}, marks={"key_file": file}) as gate:
        _, _, body = await gate.post(ask(stream=True))
        chunks = [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: {")]
        text = "".join(choice["delta"].get("reasoning_content") or "" for one in chunks for choice in one["choices"])
        assert any(sentence in text for sentence in sentences(MASTER.key("of-default")))


async def test_the_environments_master_key_does_as_well(house, upstream) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "72", "reasoning_content": REASONING})))
    async with house({"default": ALONE}, env={keys.VARIABLE: MASTER.text()}) as gate:
        _, _, body = await gate.post(ask())
        assert any(sentence in reasoning(body) for sentence in sentences(MASTER.key("of-default")))


def table(policies: dict[str, Any], **tables: Any) -> settings.Settings:
    return settings.check({"upstream": {"base_url": "http://127.0.0.1:9/v1"}, "policies": policies, **tables}, "test")


def test_a_marking_policy_without_a_master_key_is_refused_with_the_cure(tmp_path: Path) -> None:
    read = table({"default": ALONE})
    assert master_key(read, {}) is None
    with pytest.raises(Misconfigured, match=r"policy 'default': association needs a master key: .*keys new"):
        guards(read, Scripted(lambda _: "4"), None, None)
    named = table({"default": ALONE}, marks={"key_file": str(tmp_path / "none")})
    with pytest.raises(Misconfigured, match="azeotrope keys new"):
        master_key(named, {})
    keys.write(MASTER, tmp_path / "master.key")
    (tmp_path / "master.key").chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):
        master_key(table({"default": ALONE}, marks={"key_file": str(tmp_path / "master.key")}), {})
    assert master_key(table({"default": {"defense": "withhold"}}), {keys.VARIABLE: "rubbish"}) is None


@pytest.mark.parametrize(("chain", "why"), [
    (["withhold", "association"], "nothing to mark"), (["association", "terse"], "would not survive"),
])  # fmt: skip
def test_a_chain_that_loses_the_mark_is_refused_at_the_start(chain: list[str], why: str) -> None:
    read = table({"default": {"defense": [{"defense": name} for name in chain]}})
    with pytest.raises(Misconfigured, match=f"policy 'default': .*{why}"):
        guards(read, Scripted(lambda _: "4"), None, MASTER)


def test_an_epoch_that_is_not_there_is_refused() -> None:
    read = table({"default": ALONE}, marks={"epoch": 3})
    with pytest.raises(Misconfigured, match="no epoch 3"):
        guards(read, Scripted(lambda _: "4"), None, MASTER)


async def test_the_doctor_says_what_is_missing(tmp_path: Path) -> None:
    config = tmp_path / "azeotrope.toml"
    config.write_text('[upstream]\nbase_url = "http://127.0.0.1:9/v1"\n[policies.default]\ndefense = "association"\n')
    customers.add(tmp_path / "customers.json", "acme")
    (finding,) = [one for one in await checked(config, {}) if one.name == "defenses"]
    assert finding.state == "broken"
    assert "azeotrope keys new" in finding.said + finding.cure


async def test_a_keys_commitment_is_in_the_ledger_before_anything_marked_leaves_and_only_once(
    house, upstream, file: str
) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "72", "reasoning_content": REASONING})))
    tables = {"marks": {"key_file": file}}
    async with house({"default": ALONE, "plain": {"defense": "none"}}, **tables) as gate:
        dsn = gate.folder / "ledger.db"
        await gate.post(ask(), "plain")
        assert commitments(dsn) == []
        for i in range(3):
            await gate.post(ask(i))
        found = commitments(dsn)
    keys_ = [MASTER.operator(), MASTER.key("of-default")]
    assert [one.commitment for one in found] == [keys.commitment(key, Law().digest).hex() for key in keys_]
    assert [(one.customer, one.mark) for one in found] == [(key.customer, key.mark) for key in keys_]
    (dsn.parent / "customers.json").unlink()
    async with house({"again": ALONE}, **tables) as gate:
        await gate.post(ask(), "again")
        assert len(commitments(dsn)) == 3, "the operator's stands there already"
    with sqlite3.connect(dsn) as book:
        (first,) = book.execute("select min(seq) from ledger_notes").fetchone()
        (marked,) = book.execute("select min(seq) from ledger_records where lineage like '%association%'").fetchone()
    book.close()
    assert first < marked


async def test_where_the_promise_cannot_be_written_nothing_marked_leaves(house, upstream, file: str) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "72", "reasoning_content": REASONING})))
    async with house({"default": ALONE}, marks={"key_file": file}) as gate:

        async def full(*_: Any) -> None:
            raise Unavailable("the disk is full")

        real, gate.app._means.ledger.append = gate.app._means.ledger.append, full
        assert (await gate.post(ask()))[0] == 503
        gate.app._means.ledger.append = real
        assert (await gate.post(ask()))[0] == 200
        assert len(commitments(gate.folder / "ledger.db")) == 2, "it was not taken for written"
