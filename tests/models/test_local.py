"""The embedded model, real: SmolLM2-135M on llama.cpp in this process. Generations are kept tiny."""

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from azeotrope import Request, ask, ask_all, withholding
from azeotrope.errors import Misconfigured, Refused
from azeotrope.models.local import Engine, Local
from azeotrope.models.opening import opened
from azeotrope.models.thinking import Thinking
from azeotrope.types import Answer, Reasoning

_spec = importlib.util.spec_from_file_location("gguf_files", Path(__file__).with_name("gguf_files.py"))
assert _spec and _spec.loader
files = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(files)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[Local]:
    async with Local(engine=Engine(threads=1, context=512)) as model:
        yield model


def question(**sampling: object) -> Request:
    """Greedy, and each time from the first token: a prompt half remembered is summed in another order."""
    return Request.of("Say hello.", max_tokens=4, temperature=0, cache_prompt=False, **sampling)


async def test_it_answers_and_counts(model: Local) -> None:
    assert model.licence == "apache-2.0"
    trace = await ask(model, question())
    assert trace.answer and not trace.reasoning
    assert (trace.model, trace.finish) == ("SmolLM2-135M-Instruct.Q4_1", "length")
    assert trace.usage and trace.usage["completion_tokens"] == 4


async def test_streamed_or_whole_it_says_the_same(model: Local) -> None:
    streamed = Request(question().messages, question().sampling, {"stream": True})
    async with aclosing(model.stream(streamed)) as stream:
        pieces = [e.text async for e in stream if isinstance(e, Answer)]
    assert len(pieces) > 1
    assert "".join(pieces) == (await ask(model, question())).answer


async def test_logprobs_are_the_answers_tokens(model: Local) -> None:
    request = Request(question().messages, question().sampling, {"logprobs": True, "top_logprobs": 2})
    trace = await ask(model, request)
    assert trace.logprobs is not None and len(trace.logprobs) == 4
    assert "".join(record["token"] for record in trace.logprobs) == trace.answer


async def test_thinking_gives_it_a_reasoning_channel_that_a_defense_withholds(model: Local) -> None:
    teacher = Thinking(model, thought_tokens=6)
    request = Request(question().messages, question().sampling, {"n": 2, "stream": True})
    traces = await ask_all(teacher, request)
    assert len(traces) == 2 and all(t.reasoning and t.answer for t in traces)
    assert traces[0].usage and traces[0].usage["completion_tokens_details"]["reasoning_tokens"] == 12
    events = [event async for event in withholding()(teacher).stream(request)]
    assert not [event for event in events if isinstance(event, Reasoning)]


async def test_a_prompt_beyond_the_context_is_refused(model: Local) -> None:
    with pytest.raises(Refused):
        await ask(model, Request.of("word " * 600, max_tokens=1))


async def test_its_port_is_on_the_loopback_behind_a_key(model: Local) -> None:
    address = model._remote._url  # type: ignore[union-attr]
    assert address.host == "127.0.0.1"
    async with aiohttp.ClientSession() as session:
        for headers in ({}, {"Authorization": "Bearer guess"}):
            async with session.post(address / "chat/completions", json={"messages": []}, headers=headers) as response:
                assert response.status == 401


async def test_leaving_in_the_midst_of_an_answer_ends_at_once() -> None:
    async with opened("local") as model:
        endless = Request(Request.of("Count to a million.").messages, {"max_tokens": 4000}, {"stream": True})
        async with aclosing(model.stream(endless)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    break
    with pytest.raises(Misconfigured, match="inside `async with"):
        await ask(model, endless)


async def test_two_at_once_and_again_after_leaving(model: Local) -> None:
    other = Local(engine=Engine(threads=1, parallel=1, context=64))
    for _ in range(2):
        async with other:
            both = await asyncio.gather(ask(model, question()), ask(other, question()))
            assert all(trace.answer for trace in both)


async def test_damaged_weights_are_an_error_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="not a whole GGUF file"):
        Local(files.write(tmp_path / "m.gguf", b"GGUF"))
    whole_but_no_model = files.write(tmp_path / "m.gguf")
    with pytest.raises(Misconfigured, match="the engine cannot load"):
        async with Local(whole_but_no_model):
            pass


async def test_without_the_engine_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(Misconfigured, match=r"pip install 'azeotrope\[local\]'"):
        Local()


@pytest.mark.parametrize("wrong", [{"threads": -1}, {"parallel": 0}, {"context": 1}])
async def test_an_engine_that_cannot_run_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        Engine(**wrong)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Engine)
