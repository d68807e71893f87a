"""Heads: signed of what is durable, at an interval and on closing, stamped aside; never of another past."""

import asyncio
import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from azeotrope.errors import Misconfigured
from azeotrope.ledger import (
    Commitment,
    Ledger,
    Note,
    Signer,
    Signing,
    Spent,
    commitments,
    count,
    export,
    heads,
    newest,
    spent,
)
from azeotrope.ledger.entry import leaf
from azeotrope.ledger.heads import VARIABLE
from azeotrope.ledger.stamping import authorities, when
from azeotrope.ledger.tree import EACH
from azeotrope.math.merkle import leaf_hash, root

SIGNER = Signer(b"k" * 32)


def signing(**other) -> Signing:
    return Signing(SIGNER, **other)


def promise(mark: str = "feed", **other) -> Commitment:
    return Commitment(customer="acme", epoch=1, mark=mark, law="1a", commitment="ab" * 32, **other)


def leaves(path: Path) -> list[bytes]:
    with closing(sqlite3.connect(path)) as file:
        both = "SELECT seq, leaf FROM ledger_records UNION ALL SELECT seq, leaf FROM ledger_notes ORDER BY seq"
        found = file.execute(both).fetchall()
    assert [seq for seq, _ in found] == list(range(len(found)))
    return [entry for _, entry in found]


async def until(true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came")


async def head_of(path: Path, size: int) -> None:
    """Waits until a head of that size is there."""
    await until(lambda: any(head.size >= size for head in heads(path)))


# ---- what is signed


async def test_closing_signs_a_head_of_all_that_was_appended(path: Path, entry) -> None:
    async with Ledger(path, signing=signing()) as ledger:
        await ledger.append(entry("a"), entry("b"), Note.of(promise()), entry("c"))
        assert newest(path) is None
    head = newest(path)
    assert head is not None and head.genuine() and head.key == SIGNER.public.hex() and head.stamp is None
    assert (head.size, head.root) == (4, root([leaf_hash(one) for one in leaves(path)]).hex())


async def test_heads_come_at_the_interval_while_releases_go_on_and_not_without_any(path: Path, entry) -> None:
    async with Ledger(path, signing=signing(every=0.02)) as ledger:
        await ledger.append(entry())
        await head_of(path, 1)
        await asyncio.sleep(0.1)
        assert len(heads(path)) == 1
        await ledger.append(entry(), entry())
        await head_of(path, 3)
    assert [head.size for head in heads(path)] == [1, 3]
    assert [head.size for head in heads(path, last=1)] == [3]


async def test_an_empty_ledger_and_one_without_a_key_have_no_heads(path: Path, entry) -> None:
    async with Ledger(path, signing=signing()):
        pass
    assert heads(path) == []
    async with Ledger(path) as ledger:
        await ledger.append(entry())
    assert newest(path) is None


async def test_the_roots_of_a_long_log_are_right_however_it_was_interrupted(path: Path, entry) -> None:
    for more in (1, EACH - 2, 1, 1, 2 * EACH, 5):
        async with Ledger(path, signing=signing()) as ledger:
            await ledger.append(*(entry() for _ in range(more)))
    hashes = [leaf_hash(one) for one in leaves(path)]
    for head in heads(path):
        assert head.genuine() and head.root == root(hashes[: head.size]).hex()
    assert [head.size for head in heads(path)] == [1, EACH - 1, EACH, EACH + 1, 3 * EACH + 1, 3 * EACH + 6]


async def test_several_signers_share_one_ledger(path: Path, entry) -> None:
    async def write() -> None:
        async with Ledger(path, patience=300, signing=signing(every=0.01)) as ledger:
            for _ in range(15):
                await ledger.append(entry())
                await asyncio.sleep(0.005)

    await asyncio.gather(write(), write(), write())
    hashes, made = [leaf_hash(one) for one in leaves(path)], heads(path)
    assert made[-1].size == 45 == len(hashes)
    assert all(head.root == root(hashes[: head.size]).hex() for head in made)
    assert sorted({head.size for head in made}) == [head.size for head in made]


async def test_what_was_written_without_a_key_is_signed_once_there_is_one(path: Path, entry) -> None:
    async with Ledger(path) as ledger:
        await ledger.append(*(entry() for _ in range(EACH + 3)))
    async with Ledger(path, signing=signing()):
        pass
    head = newest(path)
    assert head is not None and head.root == root([leaf_hash(one) for one in leaves(path)]).hex()


# ---- never another past


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_records SET leaf = zeroblob(32) WHERE seq = 1",
        "DELETE FROM ledger_records WHERE seq = 1",
        "DELETE FROM ledger_records WHERE seq = 2",
        "UPDATE ledger_heads SET size = 2",
        "UPDATE ledger_heads SET root = zeroblob(32)",
        "UPDATE ledger_heads SET signature = zeroblob(64)",
        "UPDATE ledger_heads SET time = time + 1",
    ],
)
async def test_a_log_that_changed_is_not_signed_again(path: Path, entry, change: str) -> None:
    async with Ledger(path, signing=signing()) as ledger:
        await ledger.append(entry(), entry(), entry())
    with closing(sqlite3.connect(path)) as intruder:
        for (name,) in intruder.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            intruder.execute(f"DROP TRIGGER {name}")
        intruder.execute(change)
        intruder.commit()
    with pytest.raises(Misconfigured, match=r"was signed|damaged"):
        await Ledger(path, signing=signing()).__aenter__()
    assert len(heads(path)) == 1


@pytest.mark.parametrize("table", ["notes", "heads", "stamps", "subtrees"])
async def test_the_file_refuses_changes_of_evidence(path: Path, entry, authority, table: str) -> None:
    async with Ledger(path, signing=signing(authority=authority.url)) as ledger:
        await ledger.append(Note.of(promise()), *(entry() for _ in range(EACH)))
    name = f"ledger_{table}"
    with closing(sqlite3.connect(path)) as intruder:
        for change in (
            f"UPDATE {name} SET seq = seq + 7",
            f"DELETE FROM {name}",
            f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                intruder.execute(change)


async def test_a_record_takes_no_other_turn_than_its_salt(path: Path, entry) -> None:
    async with Ledger(path) as ledger:
        await ledger.append(entry(), Note.of(promise()))
    with closing(sqlite3.connect(path)) as intruder:
        for seq in (0, 5):
            columns = ", ".join(f"{seq}" if n == "seq" else n for n in ("seq", "leaf", "kind", "body"))
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                intruder.execute(f"INSERT INTO ledger_notes SELECT {columns} FROM ledger_notes")


# ---- notes


async def test_notes_are_leaves_beside_releases_and_are_listed_under_a_head(path: Path, entry) -> None:
    first, second = promise("0a"), promise("0b")
    async with Ledger(path, signing=signing()) as ledger:
        await ledger.append(Note.of(first), entry())
    async with Ledger(path, signing=signing()) as ledger:
        await ledger.append(Note.of(second), Note.of(Spent("0a", 3)), entry())
    older, newer = heads(path)
    assert (commitments(path), commitments(path, older), commitments(path, newer)) == (
        [first, second], [first], [first, second],
    )  # fmt: skip
    assert [(one.mark, one.index) for one in spent(path)] == [("0a", 3)]
    assert spent(path, older) == []
    assert count(path) == 2 and [record["seq"] for record in export(path)] == [1, 4]
    assert len(leaves(path)) == newer.size == 5


def test_a_note_and_a_release_never_have_one_leaf_and_salts_do_not_print() -> None:
    note = Note.of(promise())
    assert leaf(0, note.canonical(), b"k" * 32, b"\0\1") != leaf(0, note.canonical(), b"k" * 32, b"\0\2")
    assert note.salt.hex() not in repr(note) and repr(note.salt) not in repr(note)


# ---- time


async def test_heads_are_stamped_aside_and_again_only_after_a_while(path: Path, entry, authority) -> None:
    async with Ledger(path, signing=signing(every=0.02, authority=authority.url)) as ledger:
        await ledger.append(entry())
        await until(lambda: any(head.stamp for head in heads(path)))
        await ledger.append(entry())
        await head_of(path, 2)
        assert authority.asked == 1
    assert authority.asked == 2
    for head in heads(path):
        assert when(bytes.fromhex(head.stamp or ""), head.stamped, authorities(authority.roots)) == authority.time


async def test_an_authority_that_hangs_delays_neither_releases_nor_heads(path: Path, entry, authority) -> None:
    authority.mood = "hangs"
    told: list[str] = []
    async with Ledger(path, signing=signing(every=0.02, authority=authority.url), told=told.append) as ledger:
        await ledger.append(entry())
        await head_of(path, 1)
        await until(lambda: authority.asked > 0)
        await ledger.append(entry())
        await head_of(path, 2)
        assert all(head.stamp is None for head in heads(path))
        authority.mood = "honest"
        authority.hold.set()
    assert newest(path).stamp is not None and told == []


async def test_an_authority_that_hangs_does_not_keep_a_ledger_from_closing(
    path: Path, entry, authority, monkeypatch
) -> None:
    from azeotrope.ledger import signing as made

    monkeypatch.setattr(made, "_PATIENCE", 0.1)
    authority.mood = "hangs"
    told: list[str] = []
    async with asyncio.timeout(60):  # for ever, otherwise
        async with Ledger(path, signing=signing(authority=authority.url), told=told.append) as ledger:
            await ledger.append(entry())
    authority.hold.set()
    head = newest(path)
    assert head is not None and head.genuine() and head.size == 1 and head.stamp is None
    await until(lambda: bool(told))
    assert told[0].startswith("the head of 1 leaves is not time-stamped: ")


async def test_an_answer_after_the_ledger_was_closed_is_told_and_not_written(
    path: Path, entry, authority, monkeypatch
) -> None:
    from azeotrope.ledger import signing as made

    closed, ask = threading.Event(), made.stamping.ask

    def late(url: str, data: bytes, _: float) -> bytes:
        closed.wait(60)
        return ask(url, data, 60)

    monkeypatch.setattr(made, "_PATIENCE", 0.1)
    monkeypatch.setattr(made.stamping, "ask", late)
    told: list[str] = []
    async with Ledger(path, signing=signing(authority=authority.url), told=told.append) as ledger:
        await ledger.append(entry())
    closed.set()
    await until(lambda: bool(told))
    assert told == [
        "the head of 1 leaves is not time-stamped: the time-stamp authority answered after the ledger was closed"
    ]
    assert files(path) == ["ledger.db"]
    assert newest(path).stamp is None


async def test_a_clock_that_goes_back_changes_no_order(path: Path, entry, monkeypatch) -> None:
    from azeotrope.ledger import signing as made

    for at in (2_000_000_000_000_000, 1_000_000_000_000_000, 1_000_000_000_000_001):
        monkeypatch.setattr(made, "now", lambda at=at: at)
        async with Ledger(path, signing=signing()) as ledger:
            await ledger.append(entry())
    assert [head.size for head in heads(path)] == [1, 2, 3]
    last = newest(path)
    assert last is not None and last.size == 3 and last.genuine()
    assert last.root == root([leaf_hash(one) for one in leaves(path)]).hex()


@pytest.mark.parametrize("mood", ["refuses", "nonsense", "broken", "of something else"])
async def test_what_the_authority_did_not_do_is_told_and_nothing_else_suffers(
    path: Path, entry, authority, mood
) -> None:
    authority.mood = mood
    told: list[str] = []
    async with Ledger(path, signing=signing(authority=authority.url), told=told.append) as ledger:
        await ledger.append(entry())
    head = newest(path)
    assert head is not None and head.stamp is None
    assert len(told) == 1 and told[0].startswith("the head of 1 leaves is not time-stamped: ")


async def test_a_head_that_cannot_be_written_is_told_and_signed_later(path: Path, entry) -> None:
    told: list[str] = []
    signs = Ledger(path, patience=0.05, signing=signing(every=0.1), told=told.append)
    async with Ledger(path, patience=60) as ledger, signs:  # who appends waits for who signs, however slow the disk
        size = 0
        while not told:  # until the lock comes between a record and its head
            await ledger.append(entry())
            size += 1
            with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                await until(lambda size=size: bool(told) or any(head.size == size for head in heads(path)))
                other.execute("ROLLBACK")
        await head_of(path, size)
    assert all(why.startswith("no head could be signed: ") and "locked" in why for why in told)


async def test_nothing_is_left_running(path: Path, entry, authority) -> None:
    before = set(threading.enumerate())
    async with Ledger(path, signing=signing(authority=authority.url)) as ledger:
        await ledger.append(entry())
    assert left(before) == []


def left(before: set[threading.Thread]) -> list[str]:
    """Threads that came since, but for those of the loop's executor and of the authority, which end in their own time.

    Other tests' threads are none of a ledger's: one that failed may have left some.
    """
    ours = [thread for thread in threading.enumerate() if thread not in before]
    return [one.name for one in ours if not one.name.startswith("asyncio_") and "process_request" not in one.name]


async def test_who_is_cancelled_while_a_ledger_opens_leaves_nothing_open(path: Path, monkeypatch) -> None:
    from azeotrope.ledger import writing

    loop, begun, go, opened = asyncio.get_running_loop(), asyncio.Event(), threading.Event(), writing.opened

    def slowly(*where, **how):
        loop.call_soon_threadsafe(begun.set)
        go.wait(60)
        return opened(*where, **how)

    monkeypatch.setattr(writing, "opened", slowly)
    before = set(threading.enumerate())
    opening = asyncio.create_task(Ledger(path, signing=signing()).__aenter__())
    await begun.wait()
    opening.cancel()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert left(before) == []
    assert files(path) == ["ledger.db"]


def files(path: Path) -> list[str]:
    """SQLite's own stand beside the ledger's for as long as a connection is open."""
    return sorted(file.name for file in path.parent.iterdir() if file.name.startswith(path.name))


# ---- keys


def test_a_key_is_made_once_read_only_by_its_owner_and_never_printed(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ledger.key"
    made = Signer.make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Signer.read(path).public == made.public
    assert path.read_text().strip() not in repr(made)
    with pytest.raises(Misconfigured, match="never overwritten"):
        Signer.make(path)
    path.chmod(0o640)
    with pytest.raises(Misconfigured, match="others may read"):
        Signer.read(path)


async def test_whatever_keeps_a_head_from_being_signed_is_told_by_its_kind_and_releases_go_on(
    path: Path, entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours or of the log's: its name is told, not its words; nothing is refused and the next turn signs."""
    told: list[str] = []
    whole = Signer.sign

    def broken(*_: object) -> None:
        raise ValueError("words that nobody should read")

    monkeypatch.setattr(Signer, "sign", broken)
    async with Ledger(path, signing=signing(every=0.02), told=told.append) as ledger:
        await ledger.append(entry("a"))
        await until(lambda: len(told) > 1)
        await ledger.append(entry("b"))
        assert set(told) == {"no head could be signed: ValueError"} and heads(path) == []
        monkeypatch.setattr(Signer, "sign", whole)
        await until(lambda: [head.size for head in heads(path)] == [2])
    assert count(path) == 2


def test_a_key_that_is_none_is_told_without_being_told(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "key"
    for wrong in ("", "abc", "zz" * 32, "ab" * 31, "é" * 64):
        path.write_text(wrong)
        path.chmod(0o600)
        with pytest.raises(Misconfigured, match="holds no signing key") as caught:
            Signer.read(path)
        assert not wrong or wrong not in str(caught.value)
    with pytest.raises(Misconfigured, match="No such file"):
        Signer.read(tmp_path / "none")
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(Misconfigured, match=VARIABLE):
        Signer.read(None)
    monkeypatch.setenv(VARIABLE, os.urandom(32).hex())
    assert Signer.read(None).sign(1, b"r" * 32, 0).genuine()
