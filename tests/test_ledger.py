"""The ledger: what it called durable is there, what it cannot write it says, what it holds tells nothing by itself."""

import asyncio
import hashlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import tracemalloc
import warnings
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.codec import encode
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.ledger import Entry, Ledger, canonical, count, export, tail
from azeotrope.ledger.entry import clean, new_salt, outcome_of
from azeotrope.ledger.tables import records
from azeotrope.types import Request, Step, Trace

REQUEST = Request.of("What is the capital of Peru?", temperature=0.5)
WITHHELD = Step("withhold", "withheld", "c0ffee", failures=("declined",))
TRACE = Trace(
    "r1", REQUEST, "", "Lima", "tiny", usage={"prompt_tokens": 7, "completion_tokens": 2}, lineage=(WITHHELD,)
)


def entry(request_id: str = "r1", trace: Trace = TRACE, customer: str = "acme", **other) -> Entry:
    return Entry.of(trace, request_id=request_id, customer=customer, policy="default", started=time.time(), **other)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def ids(path: Path) -> list[str]:
    found = list(export(path))
    assert [record["seq"] for record in found] == list(range(len(found)))
    return [record["request_id"] for record in found]


# ---- what is recorded


async def test_a_record_says_who_what_when_and_no_text(path: Path) -> None:
    before = datetime.now(UTC)
    async with Ledger(path) as ledger:
        await ledger.append(entry())
        (record,) = tail(path)
        held = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert {name: record[name] for name in ("seq", "request_id", "customer", "policy", "model", "outcome")} == {
        "seq": 0, "request_id": "r1", "customer": "acme", "policy": "default", "model": "tiny", "outcome": "withheld",
    }  # fmt: skip
    assert (record["finish"], record["tokens_in"], record["tokens_out"], record["reasoning"]) == ("stop", 7, 2, None)
    assert (record["lineage"][0]["name"], record["lineage"][0]["failures"]) == ("withhold", ["declined"])
    assert before <= datetime.fromisoformat(record["started"]) <= datetime.fromisoformat(record["finished"])
    assert b"Lima" not in held and b"Peru" not in held


async def test_equal_contents_have_unlike_digests_and_salts_stay_out_of_the_export(path: Path) -> None:
    async with Ledger(path) as ledger:
        await ledger.append(entry(), entry())
    first, second = export(path)
    for name in ("request", "answer", "leaf"):
        assert first[name] != second[name]
        assert first[name] != hashlib.sha256(b"Lima").hexdigest()
    assert "salt" not in first
    assert [len(record["salt"]) for record in export(path, with_salts=True)] == [64, 64]


async def test_with_its_salt_a_third_party_can_check_contents_and_leaf(path: Path) -> None:
    calls = ({"id": "c", "type": "function"},)
    said = Trace("x", REQUEST, "Think.", "Lima", "m", tool_calls=calls, lineage=(Step("semantic", "released"),))
    made = entry(trace=said)
    async with Ledger(path) as ledger:
        await ledger.append(entry(), made)
    _, record = export(path, with_salts=True)

    def key(purpose: bytes) -> bytes:
        return hashlib.sha256(bytes.fromhex(record["salt"]) + purpose).digest()

    asked = encode([REQUEST.messages, REQUEST.sampling, REQUEST.options])
    assert record["request"] == hashlib.sha256(key(b"request") + asked).hexdigest()
    assert record["reasoning"] == hashlib.sha256(key(b"reasoning") + b"Think.").hexdigest()
    assert record["answer"] == hashlib.sha256(key(b"answer") + b"Lima\0" + encode(calls)).hexdigest()
    header = b"\0\1" + b"\0\0\0\x08" + (1).to_bytes(8, "big")
    assert record["leaf"] == hashlib.sha256(key(b"leaf") + header + canonical(made)).hexdigest()


def test_the_outcome_is_what_became_of_the_reasoning_in_the_end() -> None:
    absent, opened = Step("b", "absent"), Step("c", "opened")
    assert outcome_of((Step("a", "released"), WITHHELD, absent), False) == "withheld"
    assert outcome_of((opened,), True) == "opened"
    assert outcome_of((absent,), False) == "absent"
    assert (outcome_of((), True), outcome_of((), False)) == ("opened", "absent")


def test_tokens_count_once_a_response_and_nonsense_is_unknown() -> None:
    assert entry().tokens_out == 2
    assert entry(choice=1).tokens_out is None
    for nonsense in (-1, 2**63, True, "12", 1.5, None):
        assert entry(trace=replace(TRACE, usage={"completion_tokens": nonsense})).tokens_out is None


def test_the_salt_does_not_print() -> None:
    made = entry()
    assert made.salt.hex() not in repr(made) and repr(made.salt) not in repr([made])


@given(st.text(st.characters()))
def test_any_name_a_client_or_upstream_sends_can_be_stored(name: str) -> None:
    stored = clean(name)
    assert "\0" not in stored
    assert len(stored.encode()) <= 500 * 10
    assert clean(stored) == stored or len(stored) > 500


numbers = st.none() | st.integers(0, 2**63 - 1)
entries = st.builds(
    Entry,
    request_id=st.text(), customer=st.text(), policy=st.text(), model=st.text(), started=st.integers(0, 2**62),
    finished=st.integers(0, 2**62), outcome=st.just("released"), finish=st.text(), choice=st.integers(0, 9),
    tokens_in=numbers, tokens_out=numbers, lineage=st.text(), request=st.none() | st.binary(min_size=32, max_size=32),
    salt=st.just(b"s" * 32),
)  # fmt: skip


@given(entries)
def test_the_canonical_encoding_can_be_read_back_field_by_field(made: Entry) -> None:
    data, read = canonical(made), []
    while data:
        size = int.from_bytes(data[:4], "big")
        read.append(data[4 : 4 + size])
        data = data[4 + size :]
    fields = astuple(made)[:-1]
    assert len(read) == len(fields) == 15
    for got, field in zip(read, fields, strict=True):
        if isinstance(field, int):
            assert (len(got), int.from_bytes(got, "big")) == (8, field)
        else:
            assert got == (field.encode() if isinstance(field, str) else field or b"")


def test_columns_and_fields_keep_one_order() -> None:
    assert [column.name for column in records.columns] == ["seq", "leaf", *Entry.__struct_fields__[:-1]]
    assert Entry.__struct_fields__[-1] == "salt"


# ---- the sequence


async def test_the_sequence_is_dense_and_one_append_stays_together(path: Path) -> None:
    async with Ledger(path, room=8) as ledger:
        await asyncio.gather(*(ledger.append(*(entry(f"{i}/{k}") for k in range(3))) for i in range(60)))
    found = ids(path)
    assert len(found) == 180
    for at in range(0, 180, 3):
        first = found[at].split("/")[0]
        assert found[at : at + 3] == [f"{first}/{k}" for k in range(3)]


async def test_several_writers_share_one_file_even_while_it_is_made(path: Path) -> None:
    async def write(name: int) -> None:
        async with Ledger(path, patience=300) as ledger:
            await asyncio.gather(*(ledger.append(entry(f"{name}/{i}")) for i in range(20)))

    await asyncio.gather(*(write(name) for name in range(4)))
    assert sorted(ids(path)) == sorted(f"{n}/{i}" for n in range(4) for i in range(20))


async def test_a_new_ledger_is_opened_while_another_process_makes_it(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked by another process"):
            await Ledger(path, patience=0.05).__aenter__()
        opening = asyncio.create_task(Ledger(path, patience=30).__aenter__())
        await asyncio.sleep(0.1)
        assert not opening.done()
        other.execute("COMMIT")
        ledger = await opening
    await ledger.append(entry())
    await ledger.__aexit__()
    assert ids(path) == ["r1"]


async def test_a_ledger_goes_on_where_it_stopped(path: Path) -> None:
    for name in ("first", "second"):
        async with Ledger(f"sqlite:///{path}") as ledger:
            await ledger.append(entry(name))
    assert ids(path) == ["first", "second"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_records SET customer = 'nobody'",
        "DELETE FROM ledger_records",
        "UPDATE ledger_salts SET salt = x'00'",
        "DELETE FROM ledger_salts",
        "INSERT OR REPLACE INTO ledger_salts VALUES (0, x'00')",
        "INSERT OR REPLACE INTO ledger_records SELECT * FROM ledger_records",
        "INSERT INTO ledger_salts VALUES (7, x'00')",
    ],
)
async def test_the_file_itself_refuses_changes_losses_and_gaps(path: Path, change: str) -> None:
    async with Ledger(path) as ledger:
        await ledger.append(entry())
    before = list(export(path, with_salts=True))
    with closing(sqlite3.connect(path)) as intruder, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        intruder.execute(change)
    assert list(export(path, with_salts=True)) == before


# ---- durability

WRITER = """
import asyncio, os, sys
from azeotrope.ledger import Entry, Ledger
from azeotrope.types import Request, Trace
trace = Trace("t", Request.of("q"), "", "a")
async def one(ledger, who):
    for i in range(100_000):
        name = f"{who}/{i}"
        await ledger.append(Entry.of(trace, request_id=name, customer="c", policy="p", started=0.0))
        os.write(1, name.encode() + b"\\n")
async def main():
    async with Ledger(sys.argv[1]) as ledger:
        await asyncio.gather(*(one(ledger, who) for who in range(16)))
asyncio.run(main())
"""


@pytest.mark.parametrize("moment", [1, 37, 1500])
def test_what_was_acknowledged_survives_kill_9(path: Path, moment: int) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    told = [writer.stdout.readline() for _ in range(moment)]
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate()
    told += rest.splitlines(keepends=True)
    acknowledged = {line.decode().strip() for line in told if line.endswith(b"\n")}
    assert writer.returncode == -signal.SIGKILL and len(acknowledged) >= moment
    assert acknowledged <= set(ids(path))
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


DISK = """
import asyncio, os, resource, sys
from azeotrope.errors import Unavailable
from azeotrope.ledger import Entry, Ledger
from azeotrope.types import Request, Trace
trace = Trace("t", Request.of("q"), "", "a")
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
async def main():
    told, refused = [], 0
    async with Ledger(sys.argv[1]) as ledger:
        async def one(name):
            nonlocal refused
            try:
                await ledger.append(Entry.of(trace, request_id=name, customer="c", policy="p", started=0.0))
                told.append(name)
            except Unavailable as error:
                assert "cannot be written" in str(error), error
                refused += 1
        await one("before")
        limit(os.path.getsize(sys.argv[1] + "-wal") + 200_000)
        for i in range(1000):
            await asyncio.gather(*(one(f"{i}/{k}") for k in range(8)))
            if refused >= 16:
                break
        limit(resource.RLIM_INFINITY)
        await one("after")
    print(refused, *told)
asyncio.run(main())
"""


def test_a_full_disk_is_told_and_forgiven_once_there_is_room(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", DISK, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refused, *told = done.stdout.split()
    assert int(refused) >= 16
    assert told[0] == "before" and told[-1] == "after" and len(told) > 8
    assert set(told) <= set(ids(path))


async def test_a_locked_database_is_told_and_forgiven_and_can_be_read_meanwhile(path: Path) -> None:
    async with Ledger(path, patience=0.05) as ledger:
        await ledger.append(entry("before"))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            results = await asyncio.gather(*(ledger.append(entry("x")) for _ in range(3)), return_exceptions=True)
            assert [type(result) for result in results] == [Unavailable] * 3
            assert "locked" in str(results[0])
            assert ids(path) == ["before"]
            other.execute("ROLLBACK")
        await ledger.append(entry("after"))
    assert ids(path) == ["before", "after"]


async def test_a_lock_that_goes_in_time_is_waited_out(path: Path) -> None:
    async with Ledger(path, patience=30) as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            append = asyncio.create_task(ledger.append(entry("waited")))
            await asyncio.sleep(0)
            other.execute("ROLLBACK")
        await append
    assert ids(path) == ["waited"]


async def test_cancelled_appends_keep_their_room_until_settled_and_harm_nobody(path: Path) -> None:
    async with Ledger(path, patience=30, room=2) as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            leaving = [asyncio.create_task(ledger.append(entry("gone"))) for _ in range(5)]
            staying = asyncio.create_task(ledger.append(entry("stayed")))
            await asyncio.sleep(0)
            for task in leaving:
                task.cancel()
            assert await asyncio.gather(*leaving, return_exceptions=True) != [None] * 5
            assert not staying.done()
            other.execute("ROLLBACK")
        await staying
        await ledger.append(entry("next"))
    assert ids(path) == ["gone", "gone", "stayed", "next"]


async def test_one_unstorable_entry_fails_alone(path: Path) -> None:
    bad = [replace(entry(), model="\ud800"), replace(entry(), tokens_in=-1), replace(entry(), tokens_in=2**64)]
    async with Ledger(path) as ledger:
        results = await asyncio.gather(
            ledger.append(entry("a")), *(ledger.append(one) for one in bad), ledger.append(entry("b")),
            return_exceptions=True,
        )  # fmt: skip
    assert [type(result) for result in results[1:4]] == [UnicodeEncodeError, OverflowError, OverflowError]
    assert (results[0], results[4], ids(path)) == (None, None, ["a", "b"])


async def test_closing_settles_what_is_queued_and_then_refuses(path: Path) -> None:
    ledger = Ledger(path)
    with pytest.raises(Unavailable, match="closed"):
        await ledger.append(entry())
    async with ledger:
        queued = [asyncio.create_task(ledger.append(entry(str(i)))) for i in range(50)]
        await asyncio.sleep(0)
    await asyncio.gather(*queued)
    assert len(ids(path)) == 50
    with pytest.raises(Unavailable, match="closed"):
        await ledger.append(entry())


# ---- opening


async def test_only_the_owner_reads_the_files(path: Path) -> None:
    async with Ledger(path) as ledger:
        await ledger.append(entry())
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}


async def test_a_newer_schema_is_neither_written_nor_read(path: Path) -> None:
    async with Ledger(path):
        pass
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE ledger_schema SET version = 3")
        file.commit()
    with pytest.raises(Misconfigured, match="schema 3"):
        await Ledger(path).__aenter__()
    with pytest.raises(Misconfigured, match="schema 3"):
        count(path)


async def test_what_is_no_ledger_is_refused_with_its_reason(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, by any means\n" * 100)
    (tmp_path / "other.db").touch()
    for where, why in [
        (text, "not a database"),
        (tmp_path, "cannot"),
        (text / "ledger.db", "cannot write"),
        (":memory:", "outlive"),
        ("sqlite://", "outlive"),
        ("nosuch://host/db", "no driver"),
    ]:
        with pytest.raises(Misconfigured, match=why):
            await Ledger(where).__aenter__()
    with pytest.raises(Misconfigured, match="no ledger at"):
        count(tmp_path / "missing.db")
    with pytest.raises(Misconfigured, match="no such table"):
        count(tmp_path / "other.db")
    assert text.read_text().startswith("not a database") and not (tmp_path / "missing.db").exists()


async def test_a_read_only_ledger_cannot_be_opened_for_writing_but_read(path: Path) -> None:
    async with Ledger(path) as ledger:
        await ledger.append(entry())
        read_only = f"sqlite:///file:{path}?mode=ro&uri=true"
        with pytest.raises(Misconfigured, match="readonly"):
            await Ledger(read_only).__aenter__()
        assert count(read_only) == 1


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(Misconfigured) as caught:
        count("postgresql+psycopg://ledger:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(caught.value)


# ---- reading


async def test_readers_choose_by_customer_and_time_and_see_what_comes_while_they_read(path: Path) -> None:
    async with Ledger(path) as ledger:
        await ledger.append(*(entry(f"a{i}", customer="acme") for i in range(1500)))
        middle = datetime.now(UTC)
        await ledger.append(entry("z", customer="zeta"))
        reading = export(path)
        next(reading)
        await ledger.append(entry("late", customer="zeta"))
        assert len(list(reading)) == 1501
    assert [r["request_id"] for r in export(path, customer="zeta")] == ["z", "late"]
    assert [r["request_id"] for r in export(path, since=middle)] == ["z", "late"]
    assert [r["seq"] for r in export(path, after=1499)] == [1500, 1501]
    assert (count(path), count(path, customer="acme"), count(path, since=middle, customer="acme")) == (1502, 1500, 0)
    assert [r["request_id"] for r in tail(path, 2)] == ["z", "late"]
    assert [r["request_id"] for r in tail(path, 1, customer="acme")] == ["a1499"]
    assert tail(path, 0) == []


async def test_an_export_holds_one_page_in_memory(path: Path) -> None:
    async def grow(more: int) -> None:
        async with Ledger(path) as ledger:
            await ledger.append(*(entry() for _ in range(more)))

    def peak() -> int:
        tracemalloc.start()
        assert sum(1 for _ in export(path)) == count(path)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    await grow(2500)
    peak()  # what is kept for ever, such as compiled statements, is kept now
    small = peak()
    await grow(4000)
    assert peak() < small * 1.3


async def test_the_command_line_reads(path: Path) -> None:
    async with Ledger(path) as ledger:
        await ledger.append(entry("r1"), entry("r2", customer="zeta"))
    run = CliRunner().invoke
    at = ["--ledger", str(path)]
    assert run(app, ["ledger", "count", *at]).output == "2\n"
    assert run(app, ["ledger", "count", *at, "--since", "2999-01-01"]).output == "0\n"
    (line,) = run(app, ["ledger", "tail", *at, "-n", "1"]).output.splitlines()
    assert line.split()[2:] == ["zeta", "tiny", "withhold", "withheld", "stop", "7/2", "tokens", "r2"]
    exported = [json.loads(line) for line in run(app, ["ledger", "export", *at]).output.splitlines()]
    assert exported == list(export(path))
    salted = run(app, ["ledger", "export", *at, "--customer", "acme", "--with-salts"]).output.splitlines()
    assert [sorted(json.loads(line).keys() - exported[0].keys()) for line in salted] == [["salt"]]


def test_export_ends_quietly_when_its_reader_leaves(path: Path) -> None:
    async def fill() -> None:
        async with Ledger(path) as ledger:
            await ledger.append(*(entry(str(i)) for i in range(3000)))

    asyncio.run(fill())
    command = [sys.executable, "-m", "azeotrope", "ledger", "export", "--ledger", path]
    exporting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert exporting.stdout is not None and exporting.stderr is not None
    assert json.loads(exporting.stdout.readline())["request_id"] == "0"
    exporting.stdout.close()
    assert exporting.stderr.read() == b""
    exporting.stderr.close()
    assert exporting.wait() == 141


def test_no_salt_is_drawn_twice_not_even_by_a_child() -> None:
    ours = [new_salt() for _ in range(1000)]
    read, write = os.pipe()
    with warnings.catch_warnings():  # a test process may have threads; the child only draws and leaves
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os.write(write, b"".join(new_salt() for _ in range(100)))
        os._exit(0)
    os.waitpid(child, 0)
    drawn = os.read(read, 3200)
    os.close(read), os.close(write)
    theirs = [drawn[i : i + 32] for i in range(0, 3200, 32)]
    everything = ours + theirs + [new_salt() for _ in range(300)]
    assert len(set(everything)) == 1400 and {len(salt) for salt in everything} == {32}
