"""The ledger on a PostgreSQL server: several writers at a time, signed heads, proofs, and nothing can be changed.

The server's programs come in a package (`pgserver`); it listens on a socket in a folder of its own and on no address.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from azeotrope.errors import Misconfigured
from azeotrope.ledger import (
    Ledger,
    Note,
    Signing,
    Spent,
    commitments,
    count,
    export,
    heads,
    newest,
    per_customer,
    spent,
)
from azeotrope.ledger.checking import Known, check
from azeotrope.ledger.evidence import line
from azeotrope.ledger.proving import prove, whole

from .conftest import PROMISE, SIGNER


def programs() -> Path:
    """Where initdb and postgres are."""
    found = find_spec("pgserver")  # its own code, which changes users and permissions, is not run
    assert found and found.submodule_search_locations, "pip install pgserver"
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Its address without a database. Root may not run it, so root hands it to nobody."""
    who = {"user": "nobody"} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    data = folder / "data"
    try:
        data.mkdir(mode=0o700)
        if who:
            owner = pwd.getpwnam("nobody")
            for path in (folder, data):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        made = [programs() / "initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-E", "utf8", "-D", data]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **who)
        started = [programs() / "postgres", "-D", data, "-k", folder, "-h", "", "-F"]
        with subprocess.Popen(started, cwd=folder, stderr=subprocess.DEVNULL, **who) as process:
            address = f"postgresql+psycopg://postgres@/postgres?host={folder}"
            try:
                _until_it_answers(address, process)
                yield f"postgresql+psycopg://postgres@/{{}}?host={folder}"
            finally:
                process.send_signal(signal.SIGINT)  # "fast": a client that is still there is sent away
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _until_it_answers(address: str, process: subprocess.Popen[bytes]) -> None:
    engine = create_engine(address)
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            engine.connect().close()
            break
        except SQLAlchemyError:
            time.sleep(0.1)
    engine.dispose()


@pytest.fixture
def dsn(server: str, request: pytest.FixtureRequest) -> str:
    """A fresh database."""
    name = f"ledger_{abs(hash(request.node.name))}"
    engine = create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.format(name)


def test_several_gateways_write_one_log_and_every_proof_holds(dsn: str, entry: Callable[..., object]) -> None:
    told: list[str] = []

    async def write(who: str) -> None:
        async with Ledger(dsn, signing=Signing(SIGNER, every=0.05), told=told.append) as ledger:
            for k in range(0, 40, 8):
                await asyncio.gather(*(ledger.append(entry(f"{who}/{k + i}", customer=who)) for i in range(8)))
            await ledger.append(Note.of(PROMISE), Note.of(Spent(PROMISE.mark, 3)))

    asyncio.run(write("first"))
    old = newest(dsn)
    writers = [threading.Thread(target=asyncio.run, args=(write(f"w{i}"),)) for i in range(3)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert told == [] and old is not None and old.size == 42
    assert (count(dsn), len(commitments(dsn)), len(spent(dsn))) == (160, 4, 4)
    assert per_customer(dsn) == dict.fromkeys(("first", "w0", "w1", "w2"), 40)
    assert sorted({row["request_id"] for row in export(dsn, customer="w1")}) == sorted(f"w1/{k}" for k in range(40))
    known = Known(SIGNER.public.hex(), old)
    assert newest(dsn).size == 168  # type: ignore[union-attr]
    for name in ("first/0", "w2/39", PROMISE.mark):
        findings, _ = check([line(prove(dsn, name, since=old.size))], known)
        assert {one.what: one.holds for one in findings if one.holds is not None} == {
            "inclusion": True, "signature": True, "consistency": True, "earlier signature": True, "your head": True,
        }  # fmt: skip
    assert [one.holds for one in check(whole(dsn), known)[0] if one.holds is not None] == [True] * 3
    assert [one.size for one in heads(dsn)] == sorted({one.size for one in heads(dsn)})


async def test_what_was_changed_behind_its_back_is_found(dsn: str, entry: Callable[..., object]) -> None:
    async with Ledger(dsn, signing=Signing(SIGNER)) as ledger:
        await ledger.append(*(entry(f"r{i}") for i in range(5)))
    engine = create_engine(dsn)
    with engine.begin() as connection:
        connection.execute(text("UPDATE ledger_records SET customer = 'other' WHERE request_id = 'r2'"))
    engine.dispose()
    (log, *_), _ = check(whole(dsn), Known(SIGNER.public.hex()))
    assert (log.what, log.holds) == ("log", False)
    with pytest.raises(Misconfigured, match="is not what was signed: the ledger is damaged"):
        prove(dsn, "r2")
    assert prove(dsn, "r1").leaf.seq == 1


async def test_a_server_that_is_gone_is_told_without_a_password(server: str) -> None:
    with pytest.raises(Misconfigured, match="cannot open the ledger"):
        await Ledger(server.format("none")).__aenter__()
    away = "postgresql+psycopg://me:hunter2@/x?host=/nowhere/at/all"
    with pytest.raises(Misconfigured) as caught:
        await Ledger(away).__aenter__()
    assert "hunter2" not in str(caught.value)
