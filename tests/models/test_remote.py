"""What Remote sends, what it makes of an answer, how it leaves, and how it forwards raw bytes."""

import asyncio
import gzip
import json
import zlib
from contextlib import aclosing
from typing import Any

import pytest

from azeotrope.errors import Misconfigured, Refused, Unavailable
from azeotrope.models.patience import Patience
from azeotrope.models.remote import Remote
from azeotrope.streams import ask, ask_all
from azeotrope.types import Answer, Reasoning, Request

QUESTION = Request.of("what is 2+2?")
LIVE = Request(QUESTION.messages, {}, {"stream": True})
BOTH = pytest.mark.parametrize("request_", [QUESTION, LIVE], ids=["plain", "stream"])
KEY = "sk-operators-own"
SECRET = "the raw thought"
QUICK = Patience(retries=2, backoff=0.001, connect=60, idle=60, deadline=120)


def remote(upstream: Any, patience: Patience = QUICK, **settings: Any) -> Remote:
    return Remote(upstream.url, key=KEY, patience=patience, **settings)


async def fails(upstream: Any, request: Request = QUESTION, patience: Patience = QUICK) -> Unavailable | Refused:
    """The error that a call ends with; it quotes neither key nor content nor address."""
    async with remote(upstream, patience) as model:
        with pytest.raises((Unavailable, Refused)) as caught:
            await ask(model, request)
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    assert KEY not in shown and SECRET not in shown and "127.0.0.1" not in shown and len(str(caught.value)) > 20
    return caught.value


def good(upstream: Any) -> list[Any]:
    return upstream.json(upstream.completion({"content": "4"}))


# what is sent


async def test_what_is_sent_is_what_was_asked(upstream) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}
    options = {
        "tools": [{"type": "function"}],
        "response_format": {"type": "json_object"},
        "unheard_of": {"x": [1, None]},
    }
    async with remote(upstream) as model:
        await ask(model, Request((image,), {"temperature": 0.5}, {**options, "model": "named", "stream": False}))
    (asked,) = upstream.asked
    assert asked.json == {"messages": [image], "temperature": 0.5, "model": "named", **options}
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"


async def test_its_own_model_overrides_the_one_a_client_named_and_is_its_name(upstream) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with remote(upstream, model="ours") as model:
        await ask(model, Request(QUESTION.messages, {}, {"model": "theirs"}))
        assert model.name == "ours"
    assert upstream.asked[0].json["model"] == "ours"


async def test_a_stream_is_asked_to_end_with_its_usage(upstream) -> None:
    d = upstream.delta
    upstream.says(upstream.stream(d(content="4", finish="stop"), {"choices": [], "usage": {"total_tokens": 3}}))
    options = {"stream": True, "stream_options": {"include_usage": False, "other": 1}}
    async with remote(upstream) as model:
        trace = await ask(model, Request(QUESTION.messages, {}, options))
    assert upstream.asked[0].json["stream_options"] == {"include_usage": True, "other": 1}
    assert trace.usage == {"total_tokens": 3}


async def test_a_number_that_orjson_cannot_write_is_sent_all_the_same(upstream) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with remote(upstream) as model:
        await ask(model, Request(QUESTION.messages, {}, {"seed": 2**70, "user": "\ud800"}))
    assert upstream.asked[0].json["seed"] == 2**70


async def test_a_large_body_is_sent_whole_at_every_attempt(upstream) -> None:
    upstream.says(upstream.reply(b"", 503), good(upstream))
    async with remote(upstream) as model:
        await ask(model, Request.of("x" * 3_000_000))
    assert [len(asked.json["messages"][0]["content"]) for asked in upstream.asked] == [3_000_000] * 2
    assert upstream.asked[0].headers["content-type"] == "application/json"


# what comes back


async def test_a_plain_answer(upstream) -> None:
    upstream.says(
        upstream.json(upstream.completion({"content": "4", "reasoning": SECRET}, {"content": "<think>a</think>5"}))
    )
    async with remote(upstream) as model:
        first, second = await ask_all(model, Request(QUESTION.messages, {}, {"n": 2}))
    assert (first.id, first.model, first.created, first.usage["total_tokens"]) == ("c1", "m", 7, 12)
    assert (first.reasoning, first.answer, first.finish) == (SECRET, "4", "stop")
    assert (second.reasoning, second.answer) == ("a", "5")


async def test_a_streamed_answer_comes_as_it_is_written_and_the_connection_is_used_again(upstream) -> None:
    d, more = upstream.delta, asyncio.Event()
    chunks = (d(role="assistant"), d(reasoning=SECRET), d(content="fo"), more, d(content="ur"), d(finish="stop"))
    upstream.says(upstream.stream(*chunks))
    seen = []
    async with remote(upstream) as model:
        async with aclosing(model.stream(LIVE)) as events:
            async for event in events:
                seen += [event] if isinstance(event, Reasoning | Answer) else []
                if isinstance(event, Answer):
                    more.set()  # the upstream goes on only once this piece has arrived
        again = await ask(model, LIVE)
    assert seen == [Reasoning(SECRET), Answer("fo"), Answer("ur")]
    assert (again.reasoning, again.answer, again.finish) == (SECRET, "four", "stop")
    assert upstream.connections == 1


async def test_hidden_reasoning_of_a_rewriter_is_not_its_output(upstream) -> None:
    for message in ({"content": "out", "reasoning_content": SECRET}, {"content": f"{SECRET}</think>out"}):
        upstream.says(upstream.json(upstream.completion(message)))
        async with remote(upstream) as model:
            assert (await ask(model, QUESTION)).answer == "out"


@BOTH
async def test_an_answer_cut_by_its_length_says_so(upstream, request_: Request) -> None:
    d = upstream.delta
    upstream.says(
        upstream.stream(d(content="2+2 is"), d(finish="length"))
        if request_ is LIVE
        else upstream.json(upstream.completion({"content": "2+2 is"}, finish="length"))
    )
    async with remote(upstream) as model:
        assert (await ask(model, request_)).finish == "length"


async def test_a_server_that_answers_the_other_way_is_understood(upstream) -> None:
    d = upstream.delta
    upstream.says(
        upstream.json(upstream.completion({"content": "4"})), upstream.stream(d(content="4"), d(finish="stop"))
    )
    async with remote(upstream) as model:
        assert (await ask(model, LIVE)).answer == "4"
        assert (await ask(model, QUESTION)).answer == "4"


async def test_done_may_be_missing_after_a_finish_reason(upstream) -> None:
    d = upstream.delta
    upstream.says(upstream.stream(d(content="4"), d(finish="stop"), upstream.END, done=False))
    async with remote(upstream) as model:
        assert (await ask(model, LIVE)).answer == "4"


async def test_a_connection_left_open_after_done_does_not_hold_the_answer(upstream) -> None:
    d = upstream.delta
    done = b"data: [DONE]\n\n"
    upstream.says(upstream.stream(d(content="4"), d(finish="stop"), done, upstream.HANG, done=False))
    async with remote(upstream) as model:
        assert (await ask(model, LIVE)).answer == "4"
        await upstream.left()


@pytest.mark.parametrize("packing", ["gzip", "deflate", "identity"])
@BOTH
async def test_a_compressed_body_is_unpacked(upstream, request_: Request, packing: str) -> None:
    d = upstream.delta
    live = b"".join(map(upstream.event, [d(content="4"), d(finish="stop")])) + b"data: [DONE]\n\n"
    body = live if request_ is LIVE else json.dumps(upstream.completion({"content": "4"})).encode()
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}[packing](body)
    kind = "text/event-stream" if request_ is LIVE else "application/json"
    upstream.says(upstream.reply(packed, kind=kind, Content_Encoding=packing))
    async with remote(upstream) as model:
        assert (await ask(model, request_)).answer == "4"


async def test_a_real_connection_cut_anywhere_gives_the_same_trace(upstream) -> None:
    d = upstream.delta
    whole = upstream.stream(
        d(reasoning="zwei 🙂"), d(content="vier é"), d(finish="stop"), upstream.event(d()).replace(b"\n", b"\r\n")
    )
    raw = b"".join(whole)
    async with remote(upstream) as model:
        upstream.says(whole)
        expected = await ask(model, LIVE)
        assert (expected.reasoning, expected.answer) == ("zwei 🙂", "vier é")
        for step in (1, 2, 3, 5, 7, 11, 64, 200):
            upstream.says([raw[at : at + step] for at in range(0, len(raw), step)])
            assert await ask(model, LIVE) == expected


# leaving


async def test_closing_the_stream_closes_the_connection(upstream) -> None:
    d = upstream.delta
    upstream.says(upstream.stream(d(reasoning="a"), upstream.HANG, done=False))
    async with remote(upstream) as model:
        async with aclosing(model.stream(LIVE)) as events:
            async for event in events:
                if isinstance(event, Reasoning):
                    break
        await upstream.left()


@BOTH
async def test_cancelling_closes_the_connection(upstream, request_: Request) -> None:
    upstream.says([upstream.HANG])
    async with remote(upstream) as model:
        task = asyncio.create_task(ask(model, request_))
        await upstream.heard()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await upstream.left()


async def test_many_at_once_wait_for_nobody(upstream) -> None:
    go_on = asyncio.Event()
    upstream.says([go_on, *good(upstream)])
    async with remote(upstream) as model:
        calls = [asyncio.create_task(ask(model, QUESTION)) for _ in range(150)]
        await upstream.heard(150)  # past aiohttp's usual limit of 100 connections
        go_on.set()
        traces = await asyncio.gather(*calls)
    assert {trace.answer for trace in traces} == {"4"}


# forwarding and the rest


async def test_forwarding_hands_on_raw_bytes_with_our_key(upstream) -> None:
    odd = b"data: {not json\n\ndata: \xff\n\n"
    theirs = {"X-Request-Id": "r1", "AUTHORIZATION": "Bearer a customer's", "api-key": "a customer's"}
    upstream.says([*upstream.stream(odd, done=False), upstream.END])
    async with (
        remote(upstream) as model,
        model.forward(b'{"stream": true, "any": "thing"}', live=True, headers=theirs) as passed,
    ):
        body = b"".join([chunk async for chunk in passed.chunks()])
        assert (passed.status, passed.headers["Content-Type"], body) == (200, "text/event-stream", odd)
    (asked,) = upstream.asked
    assert asked.body == b'{"stream": true, "any": "thing"}'
    assert (asked.headers["authorization"], asked.headers["x-request-id"]) == (f"Bearer {KEY}", "r1")
    assert "customer" not in repr(asked.headers)


async def test_forwarding_asks_for_the_model_that_is_set_and_changes_nothing_else(upstream) -> None:
    upstream.says(*[upstream.json(upstream.completion({"content": "4"}))] * 2)
    body = b'{ "n" : 12345678901234567890123, "m\\u006fdel":"dear", "x": [1.0,  {"model": "\\u00e9"}], "Model": 7}'
    for name in (None, "cheap"):
        async with remote(upstream, model=name) as model, model.forward(body, live=False):
            pass
    as_it_was, asked = (one.body for one in upstream.asked)
    assert as_it_was == body
    assert asked == b'{"n":12345678901234567890123,"x":[1.0,  {"model": "\\u00e9"}],"model":"cheap"}'


@pytest.mark.parametrize("body", [b"[]", b"{", b"", b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}"])
async def test_forwarding_what_is_no_object_under_another_name_is_refused(upstream, body) -> None:
    async with remote(upstream, model="cheap") as model:
        with pytest.raises(Refused, match="JSON object"):
            async with model.forward(body, live=False):
                pass
    assert not upstream.asked


@BOTH
async def test_no_other_spelling_names_another_model(upstream, request_) -> None:
    upstream.says(*[upstream.json(upstream.completion({"content": "4"}))] * 2)
    options = {**request_.options, "Model": "dear", "model": "dear"}
    async with remote(upstream, model="cheap") as model:
        await ask(model, Request(request_.messages, {}, options))
    asked = upstream.asked[0].json
    assert {name: value for name, value in asked.items() if name.casefold() == "model"} == {"model": "cheap"}


async def test_forwarding_leaves_a_packed_body_packed(upstream) -> None:
    packed = gzip.compress(b'{"choices": []}')
    upstream.says(upstream.reply(packed, Content_Encoding="gzip"))
    async with remote(upstream) as model, model.forward(b"{}", live=False) as passed:
        assert b"".join([chunk async for chunk in passed.chunks()]) == packed
        assert passed.headers["Content-Encoding"] == "gzip"


async def test_forwarding_tries_again_refuses_and_breaks_off_as_a_stream_does(upstream) -> None:
    bad = upstream.reply(b"", 503)
    part = [upstream.head(Content_Length="99") + b"part", upstream.RST]
    upstream.says(
        bad,
        [upstream.FIN],
        upstream.json({"error": {"message": "no"}}, 400),
        upstream.reply(b"<", kind="text/html"),
        part,
    )
    async with remote(upstream) as model:
        with pytest.raises(Refused):
            async with model.forward(b"{}", live=False):
                pass
        with pytest.raises(Unavailable):
            async with model.forward(b"{}", live=False):
                pass
        got = []
        with pytest.raises(Unavailable):
            async with model.forward(b"{}", live=False) as passed:
                async for chunk in passed.chunks():
                    got.append(chunk)
    assert b"".join(got) in (b"part", b"") and len(upstream.asked) == 5


async def test_leaving_a_forward_closes_the_connection(upstream) -> None:
    upstream.says(upstream.stream(b"data: {}\n\n", upstream.HANG, done=False))
    async with remote(upstream) as model:
        async with model.forward(b"{}", live=True) as passed, aclosing(passed.chunks()) as chunks:
            assert await anext(chunks)
        await upstream.left()


async def test_models_are_listed(upstream) -> None:
    upstream.says(upstream.json({"object": "list", "data": [{"id": "m", "object": "model"}]}))
    async with remote(upstream) as model:
        assert await model.models() == [{"id": "m", "object": "model"}]
    assert (upstream.asked[0].method, upstream.asked[0].path) == ("GET", "/v1/models")


@pytest.mark.parametrize("script", [b"[]", b"{", b'{"data": 3}', b"\xff"])
async def test_a_list_of_models_that_is_none(upstream, script: bytes) -> None:
    upstream.says(upstream.reply(script))
    async with remote(upstream) as model:
        with pytest.raises(Unavailable):
            await model.models()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host:8000",
        "ftp://host/v1",
        "http://",
        "http://u:p@host/v1",
        "http://host/v1?key=x",
        "http://[",
        "http://h:99999",
    ],
)
def test_a_url_that_cannot_be_right_is_refused_early(url: str) -> None:
    with pytest.raises(Misconfigured, match="base_url"):
        Remote(url)


@pytest.mark.parametrize("key", ["a\r\nX: y", " a", "a ", "schlüssel", "a\x00"])
def test_a_key_that_no_header_carries_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Remote("http://host/v1", key=key)
    assert key.strip() not in str(caught.value).split()


async def test_the_path_is_v1_where_none_is_given_and_kept_otherwise(upstream) -> None:
    upstream.says(good(upstream))
    root = f"http://127.0.0.1:{upstream.port}"
    for url in (root, f"{root}/", f"{root}/api/v3/", f"{root}/v1"):
        async with Remote(url) as model:
            await ask(model, QUESTION)
    assert [asked.path.removesuffix("/chat/completions") for asked in upstream.asked] == [
        "/v1",
        "/v1",
        "/api/v3",
        "/v1",
    ]
    assert "authorization" not in upstream.asked[0].headers


async def test_outside_its_block_it_says_how_to_use_it() -> None:
    with pytest.raises(Misconfigured, match="async with"):
        await ask(Remote("http://host/v1"), QUESTION)
