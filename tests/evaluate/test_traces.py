"""Recorded responses: asked once, shared by models and processes, kept through kills and torn writes."""

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.evaluate.store import Store
from azeotrope.evaluate.traces import recorded
from azeotrope.models.fake import Scripted
from azeotrope.protocols import OpenModel
from azeotrope.streams import ask, ask_all
from azeotrope.types import Request, Step, Trace


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def teacher() -> Scripted:
    return Scripted(lambda request: ("think", f"of {request.messages[0]['content']}"), name="teacher")


async def test_what_was_asked_is_not_asked_again(tmp_path, store) -> None:
    model = teacher()
    first = await ask(recorded(model, store, "t"), Request.of("1"))
    again = await ask(recorded(model, store, "t"), Request.of("1"))
    assert again == first == await ask(teacher(), Request.of("1"))
    assert len(model.asked) == 1
    other = Store(tmp_path)
    assert await ask(recorded(model, other, "t"), Request.of("1")) == first, "another process's store"
    other.close()
    assert len(model.asked) == 1 and len(store) == 1


async def test_another_model_or_another_seed_is_another_response(store) -> None:
    model = teacher()
    for identity, request in (("t", Request.of("1")), ("u", Request.of("1")), ("t", Request.of("1", seed=1))):
        await ask(recorded(model, store, identity), request)
    assert len(model.asked) == 3


async def test_those_who_ask_the_same_at_once_share_one_answer(store) -> None:
    model = teacher()
    memory = recorded(model, store, "t")
    found = await asyncio.gather(*(ask(memory, Request.of(str(n % 10))) for n in range(200)))
    assert len(model.asked) == 10
    assert [trace.answer for trace in found] == [f"of {n % 10}" for n in range(200)]


async def test_a_defended_response_is_kept_with_its_lineage(store) -> None:
    steps = (Step("terse", "withheld", failures=("unavailable",)),)
    said = Trace("i", Request(()), "r", "a", "m", usage={"completion_tokens": 3}, finish="length", lineage=steps)
    model = Scripted(lambda request: said)
    first = await ask(recorded(model, store, "t"), Request.of("1"))
    assert await ask(recorded(model, store, "t"), Request.of("1")) == first
    assert (first.lineage, first.usage, first.finish) == (steps, {"completion_tokens": 3}, "length")


async def test_failures_and_several_choices_are_not_remembered(store) -> None:
    down = True

    def rule(request):
        if down:
            raise Unavailable("down")
        return "up"

    model = Scripted(rule)
    memory = recorded(model, store, "t")
    with pytest.raises(Unavailable):
        await ask(memory, Request.of("1"))
    down = False
    assert (await ask(memory, Request.of("1"))).answer == "up"
    two = Request.of("2").__class__(Request.of("2").messages, {}, {"n": 2})
    await ask_all(memory, two)
    await ask_all(memory, two)
    assert len(model.asked) == 4 and len(store) == 1


async def test_whoever_leaves_disturbs_nobody(store) -> None:
    memory = recorded(Scripted(lambda request: "late", seconds=0.05), store, "t")
    leaving, staying = (asyncio.create_task(ask(memory, Request.of("1"))) for _ in range(2))
    await asyncio.sleep(0.01)
    leaving.cancel()
    assert (await staying).answer == "late"


async def test_logits_are_passed_on_for_open_models_only(store) -> None:
    class Seen(Scripted):
        def shaped(self, shape):
            return self

        def logits(self, ids):
            return [ids]

    memory = recorded(Seen(lambda request: "x"), store, "t")
    assert isinstance(memory, OpenModel) and memory.logits(3) == [3]
    assert not isinstance(recorded(teacher(), store, "t"), OpenModel)


def test_two_who_want_the_same_share_the_work(tmp_path) -> None:
    ours, theirs = Store(tmp_path), Store(tmp_path)
    assert ours.claim(["a", "b"]) == ({}, {"a", "b"})
    assert theirs.claim(["a", "b", "c"]) == ({}, {"c"})
    said = Trace("i", Request(()), "r", "x")
    ours.keep([("a", said)])
    assert theirs.claim(["a", "b"]) == ({"a": said}, set())
    ours.give_up("b")
    assert theirs.claim(["b"]) == ({}, {"b"})
    theirs.close()
    assert ours.claim(["c"]) == ({}, {"c"}), "who leaves gives his claims up"
    ours.close()


WRITER = textwrap.dedent("""
    import os, signal, sqlite3, sys, time
    from pathlib import Path
    from azeotrope.evaluate.store import Store
    from azeotrope.types import Request, Trace
    folder, name, most = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    store = Store(folder)
    while not (folder / "go").exists():
        (folder / f"{name}.ready").touch()
        time.sleep(0.01)
    for n in range(most):
        found, mine = store.claim([f"{n}"])
        if mine:
            store.keep([(f"{n}", Trace(name, Request(()), "r" * 200, str(n)))])
    store.claim(["never answered"])
    os.kill(os.getpid(), signal.SIGKILL)
""")


def test_two_writers_that_are_killed_lose_nothing_and_leave_no_claim(tmp_path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, name, "300"]) for name in ("a", "b")]
    while not all((tmp_path / f"{name}.ready").exists() for name in ("a", "b")):
        assert all(writer.poll() is None for writer in writers)
        time.sleep(0.01)
    (tmp_path / "go").touch()
    assert [writer.wait(600) for writer in writers] == [-9, -9]
    store = Store(tmp_path)
    found = store.known(map(str, range(300)))
    assert {key: trace.answer for key, trace in found.items()} == {str(n): str(n) for n in range(300)}
    assert {trace.id for trace in found.values()} <= {"a", "b"}
    assert store.claim(["never answered"]) == ({}, {"never answered"})
    store.close()


@settings(max_examples=15)
@given(cut=st.integers(0, 4000))
def test_a_torn_write_loses_the_last_responses_only(tmp_path_factory, cut) -> None:
    folder = tmp_path_factory.mktemp("torn")
    store = Store(folder)
    for n in range(8):
        store.keep([(str(n), Trace(str(n), Request(()), "r" * 900, ""))])
    journal = (folder / "traces.db-wal").read_bytes()
    copy = folder / "copy"
    copy.mkdir()
    (copy / "traces.db").write_bytes((folder / "traces.db").read_bytes())
    (copy / "traces.db-wal").write_bytes(journal[: len(journal) - cut])
    store.close()
    again = Store(copy)
    found = sorted(int(key) for key in again.known(map(str, range(8))))
    assert found == list(range(len(found))), "what is lost is the last"
    assert len(found) >= 7 - cut // 900
    again.keep([("new", Trace("new", Request(()), "", ""))])
    assert "new" in again.known(["new"])
    again.close()


def test_a_store_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "traces.db").write_bytes(os.urandom(4096))
    with pytest.raises(Misconfigured, match="move the folder away"):
        Store(tmp_path)
