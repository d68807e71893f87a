"""The fault table: whatever the upstream does, what a client sees is clean, and holds none of the reasoning.

With AZEOTROPE_FAULT_TABLE=FILE in the environment the table is written there.
"""

import asyncio
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CANARY = "CANARY-5f1e-of-the-reasoning"
POLICIES = {
    "live": {"defense": "withhold", "streaming": "live"},
    "buffer": {"defense": "withhold", "streaming": "buffer"},
    "rewritten": {"defense": "terse"},
    "none": {"defense": "none"},
}
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}


def good(up: Any, stream: bool) -> list[Any]:
    if stream:
        return up.stream(up.delta(reasoning_content=f"I {CANARY} add"), up.delta(content="4"), up.delta(finish="stop"))
    return up.json(up.completion({"role": "assistant", "reasoning_content": f"I {CANARY} add", "content": "4"}))


def thinking(up: Any, *then: Any) -> list[Any]:
    """A stream that has only reasoned before something happens."""
    return up.stream(up.delta(reasoning_content=f"I {CANARY} add"), *then, done=False)


def answering(up: Any, *then: Any) -> list[Any]:
    """A stream that has begun to answer, and whose clients have seen that, before something happens."""
    return up.stream(up.delta(reasoning_content=f"I {CANARY} add"), up.delta(content="4"), up.seen, *then, done=False)


class Seen(asyncio.Event):
    """Set once every client that is shown anything before the end has been shown something."""

    left = 0

    def by_one(self) -> None:
        self.left -= 1
        if not self.left:
            self.set()


def half(up: Any, *then: Any) -> list[Any]:
    """Half of a JSON response."""
    whole = good(up, False)[0]
    return [whole[: whole.index(b"add")], *then]


def packed(up: Any, stream: bool, **headers: str) -> list[Any]:
    body = gzip.compress(json.dumps(up.completion({"reasoning_content": CANARY, "content": "4"})).encode())
    kind = "text/event-stream" if stream else "application/json"
    return up.reply(body, kind=kind, **headers)


def error(code: int | None = None) -> dict[str, Any]:
    return {"error": {"message": f"Traceback (most recent call last): {CANARY}", "type": "x", "code": code}}


HTML = f"<html><h1>Oops</h1>{CANARY}</html>".encode()

# name -> (script for a whole response, for a stream; what the client sees whole, streamed).
# "502 upstream_failed" is a status with OpenAI's error; "event ..." an error event once the stream has begun.
FAULTS: dict[str, tuple[Any, Any, str, str]] = {
    "hangs before headers": (
        lambda up: [up.HANG], lambda up: [up.HANG], "504 upstream_timed_out", "504 upstream_timed_out"),
    "hangs after headers": (
        lambda up: [up.head(Content_Length="500"), up.HANG],
        lambda up: [up.head(kind="text/event-stream", Transfer_Encoding="chunked"), up.HANG],
        "504 upstream_timed_out", "504 upstream_timed_out"),
    "hangs while reasoning": (
        lambda up: half(up, up.HANG), lambda up: thinking(up, up.HANG),
        "504 upstream_timed_out", "504 upstream_timed_out"),
    "hangs while answering": (
        lambda up: half(up, up.HANG), lambda up: answering(up, up.HANG),
        "504 upstream_timed_out", "event upstream_timed_out"),
    "closes at once": (lambda up: [up.FIN], lambda up: [up.FIN], "502 upstream_failed", "502 upstream_failed"),
    "dies while reasoning": (
        lambda up: half(up, up.RST), lambda up: thinking(up, up.RST), "502 upstream_failed", "502 upstream_failed"),
    "dies while answering": (
        lambda up: half(up, up.RST), lambda up: answering(up, up.RST), "502 upstream_failed", "event upstream_failed"),
    "ends politely, unfinished": (
        lambda up: half(up, up.FIN), lambda up: answering(up, up.END), "502 upstream_failed", "event upstream_failed"),
    "malformed JSON": (
        lambda up: up.reply(b'{"choices": [{"message": {"reasoning_content": "' + CANARY.encode()),
        lambda up: answering(up, b'data: {"choices": [{"delta": {"reasoning_content": "' + CANARY.encode() + b"\n\n",
                             up.END),
        "502 upstream_failed", "event upstream_failed"),
    "malformed SSE": (
        lambda up: up.reply(f"data {CANARY}\r\r:::\n\n".encode()),
        lambda up: up.stream(f"data {CANARY}\r\r:::\n\n{CANARY}".encode(), up.END, done=False),
        "502 upstream_failed", "502 upstream_failed"),
    "wrong content type": (
        lambda up: up.reply(good(up, False)[0].partition(b"\r\n\r\n")[2], kind="text/plain"),
        lambda up: up.stream(*[up.delta(reasoning_content=CANARY, content="4"), up.delta(finish="stop")],
                             kind="application/octet-stream"),
        "502 upstream_failed", "502 upstream_failed"),
    "HTML": (
        lambda up: up.reply(HTML, kind="text/html"), lambda up: up.reply(HTML, kind="text/html"),
        "502 upstream_failed", "502 upstream_failed"),
    "HTML that calls itself JSON": (
        lambda up: up.reply(HTML), lambda up: up.reply(HTML, kind="text/event-stream"),
        "502 upstream_failed", "502 upstream_failed"),
    "gzip though asked not to": (
        lambda up: packed(up, False, Content_Encoding="gzip"), lambda up: packed(up, False, Content_Encoding="gzip"),
        "ok, or 502 under none", "ok, or 502 under none"),
    "gzip that does not say so": (
        lambda up: packed(up, False), lambda up: packed(up, True), "502 upstream_failed", "502 upstream_failed"),
    "damaged gzip": (
        lambda up: up.reply(b"\x1f\x8b" + CANARY.encode(), Content_Encoding="gzip"),
        lambda up: up.reply(b"\x1f\x8b" + CANARY.encode(), kind="text/event-stream", Content_Encoding="gzip"),
        "502 upstream_failed", "502 upstream_failed"),
    "200 with an error object": (
        lambda up: up.json(error()), lambda up: up.json(error()), "502 upstream_failed", "502 upstream_failed"),
    "error event while answering": (
        lambda up: up.json(error()), lambda up: answering(up, error(), up.END),
        "502 upstream_failed", "event upstream_failed"),
    "400": (
        lambda up: up.json({"error": {"message": "max_tokens is too large", "param": "max_tokens"}}, 400),
        lambda up: up.json({"error": {"message": "max_tokens is too large", "param": "max_tokens"}}, 400),
        "400 invalid_request", "400 invalid_request"),
    "401 for the gateway's key": (
        lambda up: up.json(error(), 401), lambda up: up.json(error(), 401),
        "502 upstream_refused_gateway", "502 upstream_refused_gateway"),
    "404": (
        lambda up: up.json({"error": {"message": "no such model", "code": "model_not_found"}}, 404),
        lambda up: up.json({"error": {"message": "no such model", "code": "model_not_found"}}, 404),
        "404 model_not_found", "404 model_not_found"),
    "429": (
        lambda up: up.json(error(), 429, Retry_After="7"), lambda up: up.json(error(), 429, Retry_After="7"),
        "429 upstream_overloaded", "429 upstream_overloaded"),
    "500 with a trace": (
        lambda up: up.reply(HTML, 500, kind="text/html"), lambda up: up.reply(HTML, 500, kind="text/html"),
        "502 upstream_failed", "502 upstream_failed"),
    "503": (
        lambda up: up.json(error(), 503), lambda up: up.json(error(), 503),
        "503 upstream_unavailable", "503 upstream_unavailable"),
    "redirect": (
        lambda up: [up.head(302, Location="http://127.0.0.1:9/", Content_Length="0")],
        lambda up: [up.head(302, Location="http://127.0.0.1:9/", Content_Length="0")],
        "502 upstream_failed", "502 upstream_failed"),
    "no HTTP": (
        lambda up: [f"{CANARY}\r\n\r\n".encode(), up.FIN], lambda up: [f"{CANARY}\r\n\r\n".encode(), up.FIN],
        "502 upstream_failed", "502 upstream_failed"),
}  # fmt: skip


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    rows = ["| fault | policy | whole: client saw | stream: client saw |", "|---|---|---|---|"]
    yield rows
    if path := os.environ.get("AZEOTROPE_FAULT_TABLE"):
        Path(path).write_text("\n".join(rows) + "\n")


def seen(status: int, body: bytes) -> str:
    """What a client made of a response: the word of the table."""
    if body.startswith((b"data", b":")):
        frames = [frame for frame in body.decode().split("\n\n") if frame.startswith("data:")]
        last = frames[-1].removeprefix("data: ")
        if last == "[DONE]":
            return "ok"
        assert "data: [DONE]" not in frames, "an error is the last word"
        return f"event {json.loads(last)['error']['code']}"
    value = json.loads(body)
    if "error" not in value:
        assert status == 200
        return "ok"
    assert set(value["error"]) == {"message", "type", "param", "code"}
    return f"{status} {value['error']['code']}"


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_told_cleanly_and_leaks_nothing(fault, house, upstream, table) -> None:
    whole, streamed, *expected = FAULTS[fault]
    short = {"idle": 2.0, "deadline": 2.0} if fault.startswith("hangs") else {}
    async with house(POLICIES, patience=short) as gate:
        first = await everyone(gate, upstream, whole, stream=False)
        second = await everyone(gate, upstream, streamed, stream=True)
        assert CANARY.encode() not in gate.log.getvalue()
        assert CANARY.encode() not in (await gate.get("/metrics"))[1]
    assert CANARY.encode() not in gate.kept()
    for policy, *got in zip(POLICIES, first, second, strict=True):
        table.append(f"| {fault} | {policy} | {got[0]} | {got[1]} |")
        for one, wanted, stream in zip(got, expected, (False, True), strict=True):
            assert one == as_seen_under(policy, wanted, fault, stream), (policy, got)


async def everyone(gate: Any, upstream: Any, script: Any, *, stream: bool) -> list[str]:
    """What a client of each policy saw; all ask at the same time."""
    upstream.seen = Seen()
    upstream.seen.left = sum(map(shown_early, POLICIES)) if stream else 0
    upstream.says(script(upstream))

    async def one(policy: str) -> str:
        first = upstream.seen.by_one if shown_early(policy) else lambda: None
        status, headers, body = await gate.post({**QUESTION, "stream": stream}, policy, first=first)
        assert headers["x-request-id"]
        assert policy == "none" or CANARY.encode() not in body
        return seen(status, body)

    return list(await asyncio.gather(*map(one, POLICIES)))


def shown_early(policy: str) -> bool:
    return policy in ("live", "none")


def as_seen_under(policy: str, wanted: str, fault: str, stream: bool) -> str:
    """What differs by policy: who holds the answer can still give a status; who forwards bytes has already begun."""
    if wanted == "ok, or 502 under none":
        return "502 upstream_failed" if policy == "none" else "ok"
    if wanted.startswith("event ") and not shown_early(policy):
        return {"upstream_timed_out": "504 ", "upstream_failed": "502 "}[wanted[6:]] + wanted[6:]
    if policy == "none" and stream and fault in ("hangs while reasoning", "dies while reasoning"):
        return f"event {wanted[4:]}"
    return wanted


@pytest.mark.parametrize("stream", [False, True])
async def test_a_response_cut_off_at_any_byte_is_whole_or_an_error(stream, house, upstream) -> None:
    """A cut that loses nothing but the end of the transfer may be a response; every other one is an error."""
    whole = b"".join(step for step in good(upstream, stream) if isinstance(step, bytes))
    told = whole.find(b"data: [DONE]") if stream else len(whole)
    async with house(POLICIES) as gate:
        for cut in range(1, len(whole), 11):
            upstream.says([whole[:cut], upstream.FIN])
            got = await asyncio.gather(*[gate.post({**QUESTION, "stream": stream}, policy) for policy in POLICIES])
            for policy, (status, _, body) in zip(POLICIES, got, strict=True):
                assert policy == "none" or CANARY.encode() not in body
                assert (cut < told) <= (seen(status, body) != "ok"), (policy, cut)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
async def test_a_response_in_pieces_of_any_size_is_the_same_response(size, house, upstream) -> None:
    bodies = []
    whole = b"".join(step for step in good(upstream, True) if isinstance(step, bytes))
    async with house(POLICIES) as gate:
        for pieces in ([whole], [whole[i : i + size] for i in range(0, len(whole), size)]):
            upstream.says(pieces)
            bodies.append([(await gate.post({**QUESTION, "stream": True}, policy))[2] for policy in POLICIES])
    assert bodies[0] == bodies[1]
    assert all(body.endswith(b"data: [DONE]\n\n") for body in bodies[0])


HIDDEN: dict[str, list[dict[str, Any]]] = {
    "reasoning_content": [{"reasoning_content": CANARY}, {"content": "4"}],
    "reasoning": [{"reasoning": CANARY}, {"content": "4"}],
    "reasoning_details": [{"reasoning_details": [{"type": "reasoning.text", "text": CANARY}]}, {"content": "4"}],
    "a name nobody knows": [{"cogitation": CANARY}, {"content": "4"}],
    "tags": [{"content": f"<think>{CANARY}</think>"}, {"content": "4"}],
    "tags cut anywhere": [*({"content": letter} for letter in f"<think>{CANARY}</think>4")],
    "a closing tag only": [{"content": CANARY}, {"content": "</thi"}, {"content": "nk>4"}],
    "an opening tag only": [{"content": "<think>"}, {"content": CANARY}],
}


@pytest.mark.parametrize("kind", HIDDEN)
async def test_reasoning_is_found_whatever_it_is_called(kind, house, upstream) -> None:
    up = upstream
    whole: dict[str, Any] = {}
    for delta in HIDDEN[kind]:
        for name, value in delta.items():
            whole[name] = whole[name] + value if name in whole else value
    policies = {name: policy for name, policy in POLICIES.items() if name != "none"}
    async with house(policies) as gate:
        for policy in policies:
            for stream in (False, True):
                script = up.stream(*[up.delta(**d) for d in HIDDEN[kind]], up.delta(finish="stop"))
                up.says(script if stream else up.json(up.completion(whole)))
                status, _, body = await gate.post({**QUESTION, "stream": stream}, policy)
                assert status == 200 and CANARY.encode() not in body
                assert (b'"4"' in body) is (kind != "an opening tag only")
    assert CANARY.encode() not in gate.log.getvalue() + gate.kept()


KEY = "sk-UPSTREAM-own"
FORWARDED: dict[str, tuple[list[bytes], str]] = {
    "an error first": ([b'data: {"error":{"message":"bad key"}}\n\n'], "502 upstream_failed"),
    "an error with spaces": ([b'data:  { "error" : {"message":"bad"}}\r\n\r\n'], "502 upstream_failed"),
    "an error event by name": ([b'event: error\ndata: {"message":"bad"}\n\n'], "502 upstream_failed"),
    "an error behind other members": ([b'data: {"id":"a","error":{"message":"bad"}}\n\n'], "502 upstream_failed"),
    "an error later": ([b'data: {"choices":[]}\n\ndata: {"error":"bad"}\n\n'], "event upstream_failed"),
    "an error's word as content": ([b'data: {"choices":[{"delta":{"content":"error"}}],"error":null}\n\n'], "ok"),
    "the key": ([f'data: {{"choices":[{{"delta":{{"content":"{KEY}"}}}}]}}\n\n'.encode()], "502 upstream_failed"),
    "HTML": ([b"<html>bad</html>\n\n"], "502 upstream_failed"),
    "HTML later": ([b'data: {"choices":[]}\n\n<html>bad</html>\n\n'], "event upstream_failed"),
    "comments and CRLF": ([b': hello\r\n\r\nid: 1\r\ndata: {"choices":[]}\r\n\r\n', b"data: {}\n\n"], "ok"),
}


@pytest.mark.parametrize("size", [1, 10, 4096])
@pytest.mark.parametrize("kind", FORWARDED)
async def test_a_forwarded_stream_tells_nothing_of_the_upstreams_faults(kind, size, house, upstream) -> None:
    frames, wanted = FORWARDED[kind]
    whole = b"".join(step for step in upstream.stream(*frames) if isinstance(step, bytes))
    upstream.says([whole[i : i + size] for i in range(0, len(whole), size)])
    async with house({"none": {"defense": "none"}}, env={"UP": KEY}, upstream={"key_env": "UP"}) as gate:
        status, _, body = await gate.post({**QUESTION, "stream": True}, "none")
        assert seen(status, body) == wanted
        assert KEY.encode() not in body and b"bad" not in body
        assert (wanted == "ok") is (b"[DONE]" in body)


async def test_a_stream_is_done_by_a_line_of_its_own_not_by_its_content(house, upstream) -> None:
    async with house({"none": {"defense": "none"}}) as gate:
        for last, wanted in (
            (upstream.delta(content="data: [DONE]"), "event upstream_failed"),
            (b"data:[DONE]\n\n", "ok"),
            (b"data: [DONE]", "ok"),
        ):
            upstream.says(upstream.stream(upstream.delta(content="4"), last, upstream.END, done=False))
            status, _, body = await gate.post({**QUESTION, "stream": True}, "none")
            assert seen(status, body) == wanted


async def test_what_is_asked_to_stream_is_no_json_and_a_whole_response_holds_no_key(house, upstream) -> None:
    async with house({"none": {"defense": "none"}}, env={"UP": KEY}, upstream={"key_env": "UP"}) as gate:
        upstream.says(upstream.json(upstream.completion({"content": "4"})))
        status, _, body = await gate.post({**QUESTION, "stream": True}, "none")
        assert seen(status, body) == "502 upstream_failed"
        upstream.says(upstream.json(upstream.completion({"content": KEY})))
        status, _, body = await gate.post(QUESTION, "none")
        assert seen(status, body) == "502 upstream_failed" and KEY.encode() not in body
