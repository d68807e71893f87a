"""Unmodified clients against the gateway: the openai SDK, sync and async, and curl."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

POLICIES = {
    "default": {"defense": "withhold", "top_logprobs": 2},
    "buffer": {"defense": "withhold", "streaming": "buffer", "top_logprobs": 2},
    "terse": {"defense": "terse", "reasoning_field": "reasoning"},
    "none": {"defense": "none"},
}
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}
RAW = "Two and two: SECRET-9c that is four."
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}
TOKEN = {"token": "4", "logprob": -0.1, "bytes": [52], "top_logprobs": [{"token": "4", "logprob": -0.1, "bytes": [52]}]}


@pytest.fixture
async def gate(house) -> AsyncIterator[Any]:
    async with house(POLICIES) as gate:
        yield gate


def client(gate: Any, policy: str = "default") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=gate.url, api_key=gate.keys[policy], max_retries=0)


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_whole_response(policy, gate, upstream) -> None:
    upstream.says(upstream.json(upstream.completion({"role": "assistant", "reasoning_content": RAW, "content": "4"})))
    async with client(gate, policy) as sdk:
        said = await sdk.chat.completions.create(**ASK)
    assert (said.choices[0].message.content, said.choices[0].finish_reason) == ("4", "stop")
    assert said.usage is not None and said.usage.total_tokens == 12
    assert said.model == "m" and said.object == "chat.completion" and said.created == 7
    assert ("SECRET-9c" in said.model_dump_json()) is (policy == "none")
    if policy == "terse":
        assert said.choices[0].message.model_extra["reasoning"]


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_stream(policy, gate, upstream) -> None:
    up, usage = upstream, {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    last = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [], "usage": usage}
    up.says(up.stream(up.delta(role="assistant", content=""), up.delta(reasoning_content=RAW), up.delta(content="The "),
                      up.delta(content="answer: 4"), up.delta(finish="stop"), last))  # fmt: skip
    async with client(gate, policy) as sdk:
        stream = await sdk.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})
        chunks = [chunk async for chunk in stream]
    answer = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert answer == "The answer: 4"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == 12
    assert chunks[0].choices[0].delta.role == "assistant"
    assert ("SECRET-9c" in str(chunks)) is (policy == "none")


async def test_usage_in_a_stream_only_for_who_asks(gate, upstream) -> None:
    up = upstream
    up.says(up.stream(up.delta(content="4"), up.delta(finish="stop"), up.completion(usage={"total_tokens": 3})))
    async with client(gate) as sdk:
        chunks = [c async for c in await sdk.chat.completions.create(**ASK, stream=True)]
    assert all(chunk.usage is None for chunk in chunks)
    assert up.asked[0].json["stream_options"] == {"include_usage": True}, "the gateway counts all the same"


async def test_tool_calls_whole_and_streamed(gate, upstream) -> None:
    up = upstream
    tools = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    up.says(
        up.json(up.completion({"content": None, "tool_calls": [CALL], "reasoning": RAW}, finish="tool_calls")),
        up.stream(
            up.delta(reasoning=RAW),
            up.delta(tool_calls=[{"index": 0, **CALL, "function": {"name": "add", "arguments": ""}}]),
            up.delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a":'}}]),
            up.delta(tool_calls=[{"index": 0, "function": {"arguments": " 2}"}}]),
            up.delta(finish="tool_calls"),
        ),
    )
    async with client(gate, "terse") as sdk:
        whole = await sdk.chat.completions.create(**ASK, tools=tools)
        async with sdk.chat.completions.stream(**ASK, tools=tools) as stream:
            final = await stream.get_final_completion()
    for said in (whole, final):
        (call,) = said.choices[0].message.tool_calls or []
        assert (call.id, call.function.name, json.loads(call.function.arguments)) == ("call_1", "add", {"a": 2})
        assert said.choices[0].finish_reason == "tool_calls"
    assert whole.choices[0].message.content is None
    assert up.asked[0].json["tools"] == tools


async def test_tool_call_deltas_come_after_the_reasoning_before_them(gate, upstream) -> None:
    up = upstream
    call = up.delta(tool_calls=[{"index": 0, **CALL}])
    up.says(up.stream(up.delta(reasoning=RAW), call, up.delta(finish="tool_calls")))
    async with client(gate, "terse") as sdk:
        chunks = [c async for c in await sdk.chat.completions.create(**ASK, stream=True)]
    kinds = ["call" if c.choices[0].delta.tool_calls else "reasoning" for c in chunks[1:-1]]
    assert kinds == ["reasoning", "call"]


async def test_several_choices_whole_and_streamed(gate, upstream) -> None:
    up = upstream
    up.says(
        up.json(up.completion({"content": "4", "reasoning": RAW}, {"content": "four", "reasoning": RAW})),
        up.stream(
            up.delta(index=1, reasoning=RAW), up.delta(index=0, reasoning=RAW), up.delta(index=1, content="four"),
            up.delta(index=1, finish="stop"), up.delta(index=0, content="4"), up.delta(index=0, finish="length"),
        ),
    )  # fmt: skip
    async with client(gate) as sdk:
        whole = await sdk.chat.completions.create(**ASK, n=2)
        chunks = [c async for c in await sdk.chat.completions.create(**ASK, n=2, stream=True)]
    assert [(c.index, c.message.content) for c in whole.choices] == [(0, "4"), (1, "four")]
    texts, ends = {0: "", 1: ""}, {}
    for chunk in chunks:
        choice = chunk.choices[0]
        texts[choice.index] += choice.delta.content or ""
        if choice.finish_reason:
            ends[choice.index] = choice.finish_reason
    assert (texts, ends) == ({0: "4", 1: "four"}, {0: "length", 1: "stop"})


async def test_logprobs_of_released_tokens_only(gate, upstream) -> None:
    up = upstream
    secret = TOKEN | {"token": "SECRET-9c", "bytes": list(b"SECRET-9c")}
    body = up.completion({"content": "4", "reasoning": RAW})
    body["choices"][0]["logprobs"] = {"content": [TOKEN], "reasoning_content": [secret]}
    chunk = up.delta(content="4")
    chunk["choices"][0]["logprobs"] = {"content": [TOKEN]}
    thought = up.delta(reasoning="SECRET-9c")
    thought["choices"][0]["logprobs"] = {"content": [secret]}
    up.says(up.json(body), up.stream(thought, chunk, up.delta(finish="stop")))
    async with client(gate) as sdk:
        whole = await sdk.chat.completions.create(**ASK, logprobs=True, top_logprobs=2)
        chunks = [c async for c in await sdk.chat.completions.create(**ASK, logprobs=True, stream=True)]
    assert [t.token for t in whole.choices[0].logprobs.content] == ["4"]
    tokens = [t.token for c in chunks if c.choices[0].logprobs for t in c.choices[0].logprobs.content or []]
    assert tokens == ["4"]
    assert "SECRET-9c" not in whole.model_dump_json() + str(chunks)


async def test_everything_unknown_reaches_the_upstream_untouched(gate, upstream) -> None:
    up = upstream
    up.says(up.json(up.completion({"content": '{"n": 4}'})))
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + base64.b64encode(b"x").decode()}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "?"}, picture]}]
    shape = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    extra = {
        "guided_x": {"deep": [1, None, {"é": 1.5}]},
        "reasoning_effort": "low",
        "stop": ["\n\n"],
        "logit_bias": {"5": 1},
    }
    async with client(gate) as sdk:
        await sdk.chat.completions.create(
            model="m", messages=messages, response_format=shape, temperature=0.25, extra_body=extra
        )
    assert (
        up.asked[0].json == {"model": "m", "messages": messages, "response_format": shape, "temperature": 0.25} | extra
    )


async def test_raw_response_and_error_classes(gate, upstream) -> None:
    up = upstream
    up.says(up.json({"error": {"message": "no such model", "code": "model_not_found"}}, 404), up.json({}, 429),
            up.json(up.completion({"content": "4"})))  # fmt: skip
    async with client(gate) as sdk:
        with pytest.raises(openai.NotFoundError, match="404, model_not_found"):
            await sdk.chat.completions.create(**ASK)
        with pytest.raises(openai.RateLimitError):
            await sdk.chat.completions.create(**ASK)
        async with sdk.chat.completions.with_streaming_response.create(**ASK) as response:
            assert response.headers["x-request-id"].startswith("req_")
            assert (await response.parse()).choices[0].message.content == "4"
        with pytest.raises(openai.BadRequestError, match="echo") as refused:
            await sdk.chat.completions.create(**ASK, extra_body={"echo": True})
        assert refused.value.param == "echo"
    wrong = openai.AsyncOpenAI(base_url=gate.url, api_key="az-wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        await wrong.chat.completions.create(**ASK)
    await wrong.close()


async def test_an_error_in_the_midst_of_a_stream_raises_in_the_sdk(gate, upstream) -> None:
    up, seen = upstream, asyncio.Event()
    up.says(up.stream(up.delta(reasoning=RAW), up.delta(content="The answer"), seen, up.RST, done=False))
    async with client(gate) as sdk:
        stream = await sdk.chat.completions.create(**ASK, stream=True)
        with pytest.raises(openai.APIError, match="upstream"):
            async for _ in stream:
                seen.set()


async def test_models(gate, upstream) -> None:
    upstream.says(upstream.json({"object": "list", "data": [{"id": "m", "object": "model", "root": "/secret/path"}]}))
    async with client(gate) as sdk:
        assert [model.id for model in (await sdk.models.list()).data] == ["m"]
    status, body = await gate.get("/v1/models", Authorization=f"Bearer {gate.keys['default']}")
    assert (status, b"/secret" in body) == (200, False)
    assert (await gate.get("/v1/models"))[0] == 401


async def test_the_synchronous_sdk(gate, upstream) -> None:
    up = upstream
    up.says(up.json(up.completion({"content": "4"})), up.stream(up.delta(content="4"), up.delta(finish="stop")))

    def talk() -> tuple[Any, str]:
        with openai.OpenAI(base_url=gate.url, api_key=gate.keys["default"], max_retries=0) as sdk:
            whole = sdk.chat.completions.create(**ASK)
            stream = sdk.chat.completions.create(**ASK, stream=True)
            return whole.choices[0].message.content, "".join(c.choices[0].delta.content or "" for c in stream)

    assert await asyncio.to_thread(talk) == ("4", "4")


async def test_curl(gate, upstream) -> None:
    up = upstream
    up.says(up.stream(up.delta(reasoning=RAW), up.delta(content="4"), up.delta(finish="stop")))
    curl = await asyncio.create_subprocess_exec(
        "curl", "-sN", "-i", f"{gate.url}/chat/completions", "-H", f"Authorization: Bearer {gate.keys['default']}",
        "-H", "Content-Type: application/json", "-d", json.dumps({**ASK, "stream": True}),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await curl.communicate()
    head, _, body = out.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200")
    for line in ("content-type: text/event-stream", "cache-control: no-cache, no-transform", "x-accel-buffering: no"):
        assert line in head.lower()
    assert body.endswith("data: [DONE]\n\n") and "SECRET-9c" not in body
