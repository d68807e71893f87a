"""A stored log: whatever was done to it is found by its last signed head, whoever kept or sent it."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.ledger import heads
from azeotrope.ledger.proving import whole


def tampered(log: bytes, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Every byte changed; bytes removed and put in; the end cut off; lines removed, doubled, swapped with any other."""
    for at in range(len(log)):
        yield "byte changed", log[:at] + bytes([log[at] ^ chance.randint(1, 255)]) + log[at + 1 :]
    for at in range(0, len(log), 7):
        yield "truncated", log[:at]
        yield "byte removed", log[:at] + log[at + 1 :]
        yield "byte inserted", log[:at] + bytes([chance.randint(0, 255)]) + log[at:]
    lines = log.splitlines(keepends=True)
    for one in range(len(lines)):
        yield "line removed", b"".join(lines[:one] + lines[one + 1 :])
        yield "line doubled", b"".join(lines[: one + 1] + lines[one:])
        for other in range(one):
            swapped = list(lines)
            swapped[one], swapped[other] = lines[other], lines[one]
            yield "lines swapped", b"".join(swapped)


def test_every_tampering_with_a_stored_log_is_found(
    path: Path, verdict, fill, record_property: Callable[..., None]
) -> None:
    fill(path, "a", "feed", "b", "c", "spent", "d", "e")
    log = b"".join(whole(path))
    assert verdict(log) and log.count(b"\n") == 8
    tried: dict[str, int] = {}
    missed: list[str] = []
    for kind, changed in tampered(log, random.Random(1)):
        tried[kind] = tried.get(kind, 0) + 1
        if changed != log and verdict(changed):
            missed.append(kind)
    record_property("tried", tried)
    assert missed == [] and sum(tried.values()) > 1.4 * len(log) and len(tried) == 7


def test_a_log_put_together_anew_is_found_by_the_head_somebody_holds(path: Path, verdict, fill, tmp_path: Path) -> None:
    """Who has the key can sign another past: not one that leads to or from a head that was given away."""
    fill(path, "a", "b", "c")
    held = heads(path)[0]
    fill(path, "d")
    assert verdict(whole(path), head=held)
    other = tmp_path / "other.db"
    fill(other, "a", "b", "c", "d")
    assert verdict(whole(other)) and not verdict(whole(other), head=held)
    short = tmp_path / "short.db"
    fill(short, "a", "b")
    assert verdict(whole(short)) and not verdict(whole(short), head=held)


COLUMNS = {
    "ledger_records": (
        "seq", "request_id", "customer", "policy", "model", "started", "finished", "outcome", "finish", "choice",
        "tokens_in", "tokens_out", "lineage", "request", "reasoning", "answer",
    ),
    "ledger_notes": ("seq", "kind", "body"),
    "ledger_salts": ("salt",),
    "ledger_heads": ("size", "root", "time", "key", "signature"),
}  # fmt: skip


def test_every_changed_column_of_the_database_is_found(path: Path, verdict, fill) -> None:
    fill(path, "a", "feed", "b")
    changes = {"INTEGER": "{0} + 10", "BIGINT": "{0} + 1", "TEXT": "{0} || '!'", "BLOB": "zeroblob(length({0}))"}
    found = 0
    for table, columns in COLUMNS.items():
        for column in columns:
            with closing(sqlite3.connect(path, isolation_level=None)) as intruder:
                types = {name: kind for _, name, kind, *_ in intruder.execute(f"PRAGMA table_info({table})")}
                before = path.read_bytes()
                intruder.execute("PRAGMA synchronous = OFF")
                intruder.execute("BEGIN")
                for (name,) in intruder.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                    intruder.execute(f"DROP TRIGGER {name}")
                first = intruder.execute(f"SELECT min(seq) FROM {table}").fetchone()
                intruder.execute(f"UPDATE {table} SET {column} = {changes[types[column]].format(column)} "
                                 "WHERE seq = ?", first)  # fmt: skip
                intruder.execute("COMMIT")
            with pytest.raises((Misconfigured, AssertionError)):
                assert verdict(whole(path))
            path.write_bytes(before)
            found += 1
    assert found == sum(map(len, COLUMNS.values())) == 25 and verdict(whole(path))


def test_no_byte_of_the_database_file_changes_the_log_unnoticed(path: Path, verdict, fill) -> None:
    """Most bytes of the file are free space, and changing them changes nothing; the rest is found."""
    fill(path, "a", "feed", "b", "spent", "c")
    before, log, chance, harmless, found = path.read_bytes(), b"".join(whole(path)), random.Random(1), 0, 0
    places = [at for at in range(len(before)) if before[at]]
    for at in chance.sample(places, 150):
        changed = bytearray(before)
        changed[at] ^= chance.randint(1, 255)
        path.write_bytes(changed)
        try:
            now = b"".join(whole(path))
        except (Misconfigured, Unavailable):
            found += 1
            continue
        assert now == log or not verdict(now)
        harmless, found = harmless + (now == log), found + (now != log)
    assert found > 50 and harmless + found == 150


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@given(data=st.data())
def test_a_log_is_read_as_it_was_written_or_not_at_all(verdict, signer, data: st.DataObject) -> None:
    value = data.draw(st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                                   lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
    head = signer.sign(1, b"r" * 32, 5)
    first = b'{"head":' + encode(head) + b',"kind":"azeotrope log 1"}\n'
    assert not verdict([first, encode(value) + b"\n"])


@pytest.mark.parametrize("version", [None, "two", b"\x02"])
def test_a_schema_that_is_no_number_is_damage_and_told(path: Path, fill, version: object) -> None:
    fill(path, "a")
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("DROP TABLE ledger_schema")
        file.execute("CREATE TABLE ledger_schema (version)")
        file.execute("INSERT INTO ledger_schema VALUES (?)", (version,))
    with pytest.raises(Misconfigured, match="damaged: its schema is no number"):
        list(whole(path))
