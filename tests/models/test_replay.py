"""Recorded and remembered answers: found again, never invented, never half written."""

from pathlib import Path

import pytest

from azeotrope import Cached, Replay, Request, Scripted, Trace, ask
from azeotrope.errors import Unavailable
from azeotrope.types import Step

ONE, TWO = Request.of("one?"), Request.of("two?", temperature=0.5)
TRACE = Trace("t", ONE, "why", "1", logprobs=({"token": "1"},), usage={"total_tokens": 3}, lineage=(Step("s"),))


async def test_a_data_set_is_a_model() -> None:
    model = Replay([TRACE, Trace("u", TWO, "because", "2")])
    assert await ask(model, ONE) == TRACE
    assert (await ask(model, TWO)).answer == "2"


async def test_a_request_never_recorded_is_not_answered() -> None:
    with pytest.raises(Unavailable, match="no trace was recorded"):
        await ask(Replay([TRACE]), TWO)


async def test_a_remembered_answer_is_asked_for_once(tmp_path: Path) -> None:
    scripted = Scripted(lambda _: TRACE)
    assert await ask(Cached(scripted, tmp_path), ONE) == TRACE
    assert await ask(Cached(scripted, tmp_path), ONE) == TRACE
    assert len(scripted.asked) == 1
    await ask(Cached(scripted, tmp_path), TWO)
    assert len(scripted.asked) == 2


async def test_two_models_do_not_share_a_memory(tmp_path: Path) -> None:
    await ask(Cached(Scripted(lambda _: "a", name="a"), tmp_path), ONE)
    assert (await ask(Cached(Scripted(lambda _: "b", name="b"), tmp_path), ONE)).answer == "b"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"id": 3}', b"\xff\xfe"])
async def test_a_damaged_memory_is_asked_for_again(tmp_path: Path, damage: bytes) -> None:
    scripted = Scripted(lambda _: TRACE)
    await ask(Cached(scripted, tmp_path), ONE)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    assert await ask(Cached(scripted, tmp_path), ONE) == TRACE
    assert len(scripted.asked) == 2
    assert await ask(Cached(scripted, tmp_path), ONE) == TRACE
    assert len(scripted.asked) == 2


async def test_failures_are_not_remembered(tmp_path: Path) -> None:
    def fails(_: Request) -> str:
        raise Unavailable("down")

    with pytest.raises(Unavailable):
        await ask(Cached(Scripted(fails), tmp_path), ONE)
    assert not list(tmp_path.iterdir())
    assert (await ask(Cached(Scripted(lambda _: "up"), tmp_path), ONE)).answer == "up"


async def test_what_cannot_be_kept_is_answered_all_the_same(tmp_path: Path) -> None:
    scripted = Scripted(lambda _: "a")
    (folder := tmp_path / "file").write_text("a file stands where the folder should be")
    for _ in range(2):
        assert (await ask(Cached(scripted, folder), ONE)).answer == "a"
    assert len(scripted.asked) == 2
