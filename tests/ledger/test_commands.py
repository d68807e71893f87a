"""`azeotrope ledger` as evidence: from a key to a checked text, by commands alone."""

import json
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from azeotrope.cli import app
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.ledger import Signer, export, newest

Run = Callable[..., Result]


@pytest.fixture
def run(path: Path, monkeypatch) -> Run:
    """Runs `azeotrope ledger ...` beside the ledger; its own errors are raised."""
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("AZEOTROPE_LEDGER", path.name)
    monkeypatch.delenv("AZEOTROPE_LEDGER_KEY", raising=False)

    def called(*words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(app, ["ledger", *words])
        if isinstance(done.exception, (Misconfigured, Unavailable)):
            raise done.exception
        assert done.exit_code == code, done.output
        return done

    return called


def test_from_a_key_to_a_checked_text(run: Run, path: Path, fill) -> None:
    fill(path, "req_1", "req_2", "feed", sign=False)
    public = run("key", "ledger.key").stdout.strip()
    assert stat.S_IMODE(Path("ledger.key").stat().st_mode) == 0o600
    assert run("key", "ledger.key").stdout.strip() == public
    (head,) = run("sign", "--key", "ledger.key").stdout.splitlines()
    assert json.loads(head)["size"] == 3 and json.loads(head)["key"] == public
    Path("head.json").write_text(head + "\n")
    assert run("heads").stdout.splitlines() == [head] == run("heads", "-n", "1").stdout.splitlines()

    run("prove", "req_2", "-o", "proof.json")
    run("reveal", "req_2", "--content", "answer", "-o", "answer.json")
    Path("answer.txt").write_text("Lima\n")
    Path("wrong.txt").write_text("Quito\n")
    with_key = ("check", "proof.json", "--key", public, "--head", "head.json")
    said = run(*with_key, "--opening", "answer.json", "--text", "answer.txt").stdout
    assert "yes inclusion: leaf 1 of 3: release req_2" in said and "yes your head:" in said
    assert "the text without its last line break is the answer of leaf 1" in said
    assert "?   time:" in said and "time is self-asserted" in said and "NO" not in said
    refused = run(*with_key, "--opening", "answer.json", "--text", "wrong.txt", code=1)
    assert "NO  content: the text is not the answer" in refused.stdout and "this is no evidence" in refused.stderr
    assert run("check", "proof.json", "--key", "ab" * 32, code=1)

    run("prove", "feed", "-o", "promise.json")
    assert "commitment" in run("check", "promise.json", "--key", public).stdout


def test_a_whole_log_is_exported_and_checked(run: Run, path: Path, fill, signer) -> None:
    fill(path, "a", "feed", "b")
    log = run("export", "--checkable").stdout
    Path("log.jsonl").write_text(log)
    key = signer.public.hex()
    assert "yes log: 3 leaves, 3 of them signed" in run("check", "log.jsonl", "--key", key).stdout
    Path("log.jsonl").write_text(log.replace('"customer":"acme"', '"customer":"acne"', 1))
    assert "NO  log:" in run("check", "log.jsonl", "--key", key, code=1).stdout
    assert log.count("\n") == 4 and "salt" not in log and "Lima" not in log
    with pytest.raises(Misconfigured, match="whole log"):
        run("export", "--checkable", "--customer", "acme")


def test_a_time_stamp_is_checked_against_the_authorities_one_trusts(
    run: Run, path: Path, fill, authority, monkeypatch
) -> None:
    fill(path, "a", sign=False)
    monkeypatch.setenv("AZEOTROPE_LEDGER_KEY", "6b" * 32)
    run("sign", "--authority", authority.url)
    run("prove", "a", "-o", "proof.json")
    trusting = run("check", "proof.json", "--authorities", str(authority.roots)).stdout
    assert "yes time: " in trusting and "an authority you trust" in trusting
    assert "self-asserted" in run("check", "proof.json").stdout
    authority.mood = "broken"
    fill(path, "b", sign=False)
    done = run("sign", "--authority", authority.url, code=3)
    assert "not time-stamped" in done.stderr and newest(path).size == 2


@pytest.fixture
def older(path: Path, fill) -> Path:
    """A ledger as schema 1 made it: releases and salts, and nothing else."""
    fill(path, "a", "b", sign=False)
    with closing(sqlite3.connect(path)) as file:
        for table in ("notes", "heads", "stamps", "subtrees"):
            file.execute(f"DROP TABLE ledger_{table}")
        file.execute("DROP TRIGGER ledger_records_next")
        file.execute(
            "CREATE TRIGGER ledger_records_next BEFORE INSERT ON ledger_records "
            "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), -1) + 1 FROM ledger_records) "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
        file.execute("UPDATE ledger_schema SET version = 1")
        file.commit()
    return path


def test_a_ledger_of_the_first_schema_is_read_and_then_written(run: Run, older: Path, fill, verdict) -> None:
    assert run("count").stdout == "2\n" and run("heads").stdout == ""
    with pytest.raises(Unavailable, match="no signed head yet"):
        run("prove", "a")
    with pytest.raises(Unavailable, match="no signed head yet"):
        run("export", "--checkable")
    fill(older, "feed", "c")
    assert [record["seq"] for record in export(older)] == [0, 1, 3]
    for name in ("a", "feed", "c"):
        assert verdict(run("prove", name).stdout_bytes)


def test_what_is_asked_wrongly_is_told(run: Run, path: Path, fill) -> None:
    run("key", "ledger.key")
    with pytest.raises(Misconfigured, match="no ledger at"):
        run("sign", "--key", "ledger.key")
    fill(path, "a")
    for words, why in [
        (("sign",), "AZEOTROPE_LEDGER_KEY"),
        (("sign", "--key", "none"), "cannot read the signing key"),
        (("prove", "nobody"), "no release nobody"),
        (("reveal", "a", "--content", "thoughts"), "no content 'thoughts'"),
        (("check", "none"), "cannot read none"),
        (("check", str(path)), "not as it was written|cut off"),
        (("check", "proof.json", "--opening", "proof.json"), "go together"),
        (("check", "proof.json", "--head", "proof.json"), "not as it was written"),
        (("prove", "a", "-o", "nowhere/proof.json"), "cannot write"),
    ]:
        run("prove", "a", "-o", "proof.json")
        with pytest.raises(Misconfigured, match=why):
            run(*words)


def test_no_command_prints_a_secret(run: Run, path: Path, fill) -> None:
    fill(path, "a")
    signer = Signer.make(path.parent / "ledger.key")
    printed = "".join(
        run(*words).output
        for words in [("key", "ledger.key"), ("sign", "--key", "ledger.key"), ("heads",), ("prove", "a"),
                      ("export", "--checkable"), ("reveal", "a", "--content", "answer")]
    )  # fmt: skip
    salts = [record["salt"] for record in export(path, with_salts=True)]
    assert signer.public.hex() in printed
    assert (path.parent / "ledger.key").read_text().strip() not in printed
    assert not any(salt in printed for salt in salts)
