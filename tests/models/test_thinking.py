"""Thinking: two calls become one response, and nothing of the first call is taken for an answer."""

import asyncio

import pytest

from azeotrope import Request, Scripted, Trace, ask, ask_all
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.models.thinking import ANSWER, THINK, Thinking
from azeotrope.types import Answer, Finish, Opened, Reasoning, ToolCall, Usage

LOGPROB = {"token": "4", "logprob": -0.1}
TOOL = {"type": "function", "function": {"name": "add"}}


def thinks(request: Request) -> bool:
    return any(THINK in str(m["content"]) for m in request.messages)


def rule(request: Request) -> Trace:
    if thinks(request):
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}}
        return Trace("think", request, "inner", " two and two", "m", finish="length", usage=usage, logprobs=(LOGPROB,))
    usage = {"prompt_tokens": 20, "completion_tokens": 1, "total_tokens": 21, "service": "x"}
    return Trace("answer", request, "", "4", "m", finish="stop", usage=usage, logprobs=(LOGPROB,))


async def test_the_first_call_is_the_reasoning_and_the_second_the_answer() -> None:
    trace = await ask(Thinking(Scripted(rule)), Request.of("2+2?"))
    assert (trace.id, trace.model) == ("think", "m")
    assert (trace.reasoning, trace.answer, trace.finish) == ("inner two and two", "4", "stop")
    assert trace.logprobs == (LOGPROB,), "logprobs of thoughts are nobody's"
    assert trace.usage == {
        "prompt_tokens": 30,
        "completion_tokens": 6,
        "total_tokens": 21,
        "service": "x",
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }


async def test_the_answers_form_is_asked_of_the_second_call_alone() -> None:
    model = Scripted(rule)
    sampling = {"temperature": 0.5, "max_tokens": 9, "stop": ["\n"]}
    options = {"tools": [TOOL], "tool_choice": "auto", "response_format": {"type": "json_object"}, "logprobs": True,
               "stream": True, "user": "u"}  # fmt: skip
    await ask(Thinking(model, thought_tokens=77), Request(Request.of("2+2?", "Be kind.").messages, sampling, options))
    first, second = model.asked
    assert (first.sampling, first.options) == ({"temperature": 0.5, "max_tokens": 77}, {"stream": True, "user": "u"})
    assert [m["role"] for m in first.messages] == ["system", "user"]
    assert first.messages[0]["content"] == f"Be kind.\n\n{THINK}"
    assert (second.sampling, second.options) == (sampling, options)
    assert second.messages == (
        *Request.of("2+2?", "Be kind.").messages,
        {"role": "assistant", "content": "inner two and two"},
        {"role": "user", "content": ANSWER},
    )


async def test_the_bound_keeps_the_name_the_client_gave_it() -> None:
    model = Scripted(rule)
    await ask(Thinking(model, thought_tokens=7), Request.of("?", max_completion_tokens=3))
    assert [r.sampling for r in model.asked] == [{"max_completion_tokens": 7}, {"max_completion_tokens": 3}]


async def test_a_model_that_had_no_thoughts_is_simply_asked() -> None:
    model = Scripted(lambda request: "  " if thinks(request) else "4")
    request = Request.of("2+2?")
    assert (await ask(Thinking(model), request)).answer == "4"
    assert model.asked[1] == request


async def test_a_tool_call_is_the_second_calls() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": "{}"}}

    def calls(request: Request) -> Trace:
        return Trace("t", request, "", "hm" if thinks(request) else "", tool_calls=(call,), finish="tool_calls")

    events = [e async for e in Thinking(Scripted(calls)).stream(Request.of("?"))]
    assert [type(e) for e in events] == [Opened, Reasoning, ToolCall, Finish]


async def test_every_choice_thinks_for_itself_under_its_own_seed() -> None:
    def counted(request: Request) -> Trace:
        seed = request.sampling["seed"]
        if thinks(request):
            return Trace("t", request, "", f"thought {seed}", usage={"completion_tokens": 1})
        return Trace("t", request, "", f"after {request.messages[-2]['content']}", usage={"completion_tokens": 10})

    model = Thinking(Scripted(counted, pieces=2))
    request = Request(Request.of("?").messages, {"seed": 5}, {"n": 3})
    traces = await ask_all(model, request)
    assert [(t.reasoning, t.answer) for t in traces] == [(f"thought {s}", f"after thought {s}") for s in (5, 6, 7)]
    assert traces[0].usage == {"completion_tokens": 33, "completion_tokens_details": {"reasoning_tokens": 3}}
    events = [e async for e in model.stream(request)]
    assert len([e for e in events if isinstance(e, Opened)]) == len([e for e in events if isinstance(e, Usage)]) == 1


async def test_thoughts_stream_before_the_second_call_begins() -> None:
    model = Scripted(rule, pieces=1)
    async for event in Thinking(model).stream(Request.of("2+2?")):
        if isinstance(event, Reasoning):
            assert len(model.asked) == 1
        if isinstance(event, Answer):
            assert len(model.asked) == 2


@pytest.mark.parametrize("n", [1, 3])
async def test_a_failure_in_either_call_is_the_responses(n: int) -> None:
    for failing in (True, False):

        def fails(request: Request, failing: bool = failing) -> str:
            if thinks(request) is failing:
                raise Unavailable("down")
            return "hm"

        with pytest.raises(Unavailable, match="down"):
            await ask(Thinking(Scripted(fails)), Request((*Request.of("?").messages,), {}, {"n": n}))


@pytest.mark.parametrize("n", [1, 3])
async def test_leaving_stops_every_call(n: int) -> None:
    open_calls, all_open = set[int](), asyncio.Event()

    class Endless:
        name = "endless"

        async def stream(self, request: Request):
            me = len(open_calls)
            open_calls.add(me)
            if len(open_calls) == n:
                all_open.set()
            try:
                yield Opened("e")
                await asyncio.Event().wait()
            finally:
                open_calls.discard(me)

    task = asyncio.create_task(ask(Thinking(Endless()), Request(Request.of("?").messages, {}, {"n": n})))
    await all_open.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not open_calls


def test_a_bound_below_one_is_refused() -> None:
    with pytest.raises(Misconfigured, match="at least 1"):
        Thinking(Scripted(rule), thought_tokens=0)
