"""Rendering: what a client reads from our frames is what the events said, however they were cut."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope import Request, Trace
from azeotrope.errors import Unavailable
from azeotrope.gateway.outbox import Outbox
from azeotrope.gateway.wire import chat
from azeotrope.models.sse import Decoder
from azeotrope.models.wire_in import Reader
from azeotrope.streams import collect, play
from azeotrope.types import Extra, Finish, Opened, Usage

ASK = Request.of("?")
TOKEN = {"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}
texts = st.text(st.characters(exclude_categories=["Cs"]))


def frames(events: Any, usage: bool = True, alternatives: int | None = None) -> list[dict[str, Any]]:
    writer = chat.Frames("reasoning_content", "chatcmpl-x", 7, usage=usage, alternatives=alternatives)
    return [orjson.loads(m.data) for m in Decoder().feed(b"".join(writer.of(event) for event in events))]


@given(texts, texts, st.integers(0, 5), st.booleans())
def test_a_reader_of_our_stream_sees_the_trace(reasoning: str, answer: str, pieces: int, called: bool) -> None:
    calls = ({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},) if called else ()
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    trace = Trace("r1", ASK, reasoning, answer, "m", calls, usage=usage, created=5)
    writer = chat.Frames("reasoning_content", "x", 7, usage=True)
    stream = b"".join(writer.of(event) for event in play(trace, pieces=pieces)) + chat.DONE
    reader = Reader("off")
    events = [*reader.feed(stream), *reader.close()]
    (seen,) = collect(ASK, events)
    assert (seen.reasoning, seen.answer, seen.tool_calls) == (trace.reasoning, trace.answer, trace.tool_calls)
    assert (seen.id, seen.model, seen.created, seen.usage, seen.finish) == ("r1", "m", 5, usage, "stop")


@given(texts, texts)
def test_a_reader_of_our_whole_response_sees_the_trace(reasoning: str, answer: str) -> None:
    trace = Trace("r1", ASK, reasoning, answer, "m", usage={"total_tokens": 3}, created=5)
    (seen,) = collect(ASK, Reader("off").whole(chat.completion([trace], "reasoning", "x", 7)))
    assert (seen.reasoning, seen.answer, seen.id, seen.created) == (reasoning, answer, "r1", 5)


def test_each_choice_is_greeted_once_and_first() -> None:
    got = frames([*play(Trace("r", ASK, "", "ab"), 1, 1), *play(Trace("r", ASK, "", "c"), 0)])
    first = {}
    for frame in got:
        first.setdefault(frame["choices"][0]["index"], frame["choices"][0]["delta"])
    assert first == {1: {"role": "assistant", "content": ""}, 0: {"role": "assistant", "content": ""}}
    assert sum("role" in frame["choices"][0]["delta"] for frame in got) == 2


def test_frames_carry_logprobs_extras_and_the_envelope() -> None:
    trace = Trace("r", ASK, "", "a", logprobs=(TOKEN,), finish="length")
    opening = [Opened("r", "m", 5, {"system_fingerprint": "fp"}), Extra({"refusal": "no"})]
    got = frames([*opening, *list(play(trace))[1:]], alternatives=0)
    assert all(f["system_fingerprint"] == "fp" and f["object"] == "chat.completion.chunk" for f in got)
    assert [f["choices"][0]["delta"].get("refusal") for f in got] == [None, "no", None, None]
    assert got[2]["choices"][0]["logprobs"] == {"content": [TOKEN]}
    assert got[3]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("asked", [None, 0, 2, 5])
def test_alternatives_that_nobody_asked_for_are_not_shown(asked: int | None) -> None:
    volunteered = [{"token": str(i), "logprob": -float(i), "bytes": [48 + i]} for i in range(4)]
    trace = Trace("r", ASK, "", "a", logprobs=({**TOKEN, "top_logprobs": volunteered},))
    whole = orjson.loads(chat.completion([trace], "reasoning", "x", 7, asked))["choices"][0]["logprobs"]
    streamed = [f["choices"][0].get("logprobs") for f in frames(play(trace), alternatives=asked)]
    shown = [record for logprobs in streamed if logprobs for record in logprobs["content"]]
    if asked is None:
        assert whole is None and not shown
    else:
        assert shown == whole["content"] == [{**TOKEN, "top_logprobs": volunteered[:asked]}]


def test_an_answer_without_text_or_identity_is_still_a_response() -> None:
    got = frames([Opened(""), Finish("stop")])
    assert [f["choices"][0]["delta"] for f in got] == [{"role": "assistant", "content": ""}, {}]
    assert (got[0]["id"], got[0]["created"]) == ("chatcmpl-x", 7)
    assert frames([Opened("r"), Usage({"total_tokens": 1})], usage=False) == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": {}}', b'{"choices": 1}', b'{"choices": ['])
def test_what_is_no_completion_is_known_as_such(body) -> None:
    with pytest.raises(Unavailable):
        chat.check_completion(body)


async def test_the_outbox_joins_what_is_ready_and_holds_up_the_maker() -> None:
    outbox = Outbox(4, 60.0, b"pulse")
    assert not outbox.put(b"ab")
    assert outbox.put(b"cde"), "above its bound the maker is to wait"
    room = asyncio.create_task(outbox.room())
    await asyncio.sleep(0)
    assert not room.done()
    assert await outbox.take() == b"abcde"
    await room
    outbox.put(b"x")
    outbox.close(Unavailable("gone"))
    assert await outbox.take() == b"x"
    with pytest.raises(Unavailable, match="gone"):
        await outbox.take()


async def test_the_outbox_pulses_only_while_nothing_leaves() -> None:
    outbox = Outbox(100, 0.01, b"pulse")
    assert await outbox.take() == b"pulse"
    outbox.put(b"x")
    await asyncio.sleep(0.03)
    assert await outbox.take() == b"x", "no pulse piles up behind what waits"
    outbox.close()
    assert await outbox.take() == b""
