"""The gateway at its limits: each has its clean error, and a client that leaves or does not read costs nothing."""

import asyncio
import json
import socket
from typing import Any

import pytest

ASK = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}


def code(body: bytes) -> str:
    return json.loads(body)["error"]["code"]


async def raw(gate: Any, data: bytes) -> bytes:
    """Everything the gateway says to these bytes before it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    writer.write(data)
    out = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return out


def head(gate: Any, *lines: str, length: int = 0) -> bytes:
    all_lines = ["POST /v1/chat/completions HTTP/1.1", "host: x", f"authorization: Bearer {gate.keys['default']}",
                 f"content-length: {length}", *lines]  # fmt: skip
    return "\r\n".join(all_lines).encode() + b"\r\n\r\n"


async def test_who_has_no_key_is_told_so(house) -> None:
    async with house() as gate:
        for sent in ("", "Bearer ", "Bearer az-wrong", f"Basic {gate.keys['default']}", "Bearer \xff"):
            status, _, body = await gate.post(ASK, Authorization=sent)
            assert (status, code(body)) == (401, "invalid_api_key")
        assert [line["outcome"] for line in gate.lines()] == ["invalid_api_key"] * 5


async def test_a_key_works_as_soon_as_it_is_made_and_no_longer_than_it_is_kept(house, upstream, monkeypatch) -> None:
    from azeotrope.gateway import customers

    monkeypatch.setattr(customers, "FRESH", 0.0)
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with house() as gate:
        file = gate.folder / "customers.json"
        gate.keys["new"] = customers.add(file, "new")
        assert (await gate.post(ASK, "new"))[0] == 200
        old, gate.keys["new"] = gate.keys["new"], customers.rotate(file, "new")
        assert (await gate.post(ASK, "new"))[0] == 200
        assert (await gate.post(ASK, Authorization=f"Bearer {old}"))[0] == 401
        file.write_text("{damaged")
        assert (await gate.post(ASK, "new"))[0] == 200, "a damaged file changes nothing"
        file.unlink()
        customers.add(file, "other", "no-such-policy")
        assert (await gate.post(ASK, "new"))[0] == 401


async def test_a_customer_whose_policy_went_away_is_refused(house, monkeypatch) -> None:
    from azeotrope.gateway import customers

    monkeypatch.setattr(customers, "FRESH", 0.0)
    async with house() as gate:
        gate.keys["lost"] = customers.add(gate.folder / "customers.json", "lost", "gone")
        status, _, body = await gate.post(ASK, "lost")
        assert (status, code(body)) == (403, "policy_missing")


async def test_a_body_too_large_is_refused_before_and_while_it_comes(house, upstream) -> None:
    async with house(server={"body_bytes": 1000}) as gate:
        status, _, body = await gate.post({**ASK, "x": "y" * 2000})
        assert (status, code(body)) == (413, "request_too_large")
        chunks = b"400\r\n" + b"x" * 1024 + b"\r\n"
        sent = head(gate).replace(b"content-length: 0", b"transfer-encoding: chunked") + chunks + b"0\r\n\r\n"
        assert b"413" in (await raw(gate, sent)).partition(b"\r\n")[0]
        assert upstream.asked == []


async def test_a_refused_client_that_sends_on_still_reads_why(house) -> None:
    async with house(server={"body_bytes": 1 << 20}) as gate:
        out = await raw(gate, head(gate, length=(1 << 20) + 1) + b"x" * ((1 << 20) + 1))
        assert out.startswith(b"HTTP/1.1 413") and b"request_too_large" in out


@pytest.mark.parametrize(
    ("lines", "status"),
    [(["x-a: b"] * 101, 431), (["x-a: " + "b" * 40000], 431), (["no colon"], 400), (["x-a: b"] * 80, 200)],
    ids=["too many", "too long", "malformed", "many but not too many"],
)
async def test_headers(lines, status, house, upstream) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with house() as gate:
        body = json.dumps(ASK).encode()
        out = await raw(gate, head(gate, *lines, "connection: close", length=len(body)) + body)
        assert out.startswith(b"HTTP/1.1 %d" % status)
        value = json.loads(out.partition(b"\r\n\r\n")[2])
        assert ("error" in value) is (status != 200)


async def test_an_address_too_long_is_a_431(house) -> None:
    async with house() as gate:
        assert (await raw(gate, b"GET /" + b"a" * 40000)).startswith(b"HTTP/1.1 431")


async def test_headers_that_never_end_close_the_connection(house) -> None:
    async with house(server={"header_seconds": 0.05}) as gate:
        assert await raw(gate, b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n") == b""


async def test_too_many_at_once_is_a_503_with_retry_after(house, upstream) -> None:
    go = asyncio.Event()
    upstream.says([go, *upstream.json(upstream.completion({"content": "4"}))])
    async with house(server={"concurrent": 1}) as gate:
        first = asyncio.create_task(gate.post(ASK))
        await gate.until(lambda: upstream.asked)
        status, headers, body = await gate.post(ASK)
        assert (status, code(body), headers["retry-after"]) == (503, "overloaded", "1")
        go.set()
        assert (await first)[0] == 200


async def test_a_body_that_does_not_come_is_a_408(house) -> None:
    async with house(server={"request_seconds": 0.1}) as gate:
        out = await raw(gate, head(gate, length=100) + b"{")
        assert out.startswith(b"HTTP/1.1 408") and b"request_timed_out" in out


async def test_a_response_that_takes_too_long_is_a_504_or_an_error_event(house, upstream, ahead) -> None:
    up = upstream
    up.says([up.HANG], up.stream(up.delta(reasoning="r"), up.delta(content="4"), up.HANG, done=False))
    async with house(server={"request_seconds": 60.0}, patience={"idle": 600.0, "deadline": 600.0}) as gate:
        whole = asyncio.create_task(gate.post(ASK))
        await up.heard()
        ahead(61)
        status, _, body = await whole
        assert (status, code(body)) == (504, "request_timed_out")
        status, _, body = await gate.post({**ASK, "stream": True}, first=lambda: ahead(61))
        assert status == 200
        assert code(body.rpartition(b"data: ")[2]) == "request_timed_out"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"messages": "hi"}', b'{"messages": [1]}', b'{"messages": [], "stream": 1}', b"\xff"],
)
async def test_what_is_no_request_is_a_400(body, house, upstream) -> None:
    async with house({"default": {"defense": "withhold"}, "none": {"defense": "none"}}) as gate:
        for policy in gate.keys:
            status, _, said = await gate.post(body, policy)
            assert (status, json.loads(said)["error"]["type"]) == (400, "invalid_request_error")
    assert upstream.asked == []


async def test_other_addresses_and_methods(house) -> None:
    async with house() as gate:
        assert (await gate.get("/nothing"))[0] == 404
        assert (await gate.get("/v1/chat/completions"))[0] == 405
        assert (await gate.get("/health/live"))[0] == 200


async def test_readiness_follows_upstream_and_ledger(house, upstream, monkeypatch) -> None:
    from azeotrope.gateway import readiness

    monkeypatch.setattr(readiness, "_FRESH", 0.0)
    upstream.says(upstream.json({"data": []}), upstream.json({}, 500), upstream.json({"data": []}))
    async with house() as gate:
        assert [(await gate.get("/health/ready"))[0] for _ in range(3)] == [200, 503, 200]
        for path in gate.folder.glob("ledger.db*"):
            path.write_bytes(b"no database at all" * 100)
        assert (await gate.get("/health/ready"))[0] == 503


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("policy", ["live", "buffer", "none"])
async def test_a_client_that_leaves_ends_the_work_upstream(policy, stream, house, upstream) -> None:
    up = upstream
    up.says(up.stream(up.delta(reasoning="r"), up.HANG, done=False) if stream else [up.HANG])
    policies = {"live": {"defense": "withhold"}, "buffer": {"defense": "terse"}, "none": {"defense": "none"}}
    async with house(policies) as gate:
        body = json.dumps({**ASK, "stream": stream}).encode()
        _, writer = await asyncio.open_connection("127.0.0.1", gate.port)
        writer.write(head_of(gate, policy, len(body)))
        writer.write(body)
        await gate.until(lambda: up.asked)
        writer.close()
        await up.left()
        await gate.until(gate.lines)
        assert [line["outcome"] for line in gate.lines()] == ["left"]


def head_of(gate: Any, policy: str, length: int) -> bytes:
    lines = ["POST /v1/chat/completions HTTP/1.1", "host: x", f"authorization: Bearer {gate.keys[policy]}"]
    return "\r\n".join([*lines, f"content-length: {length}"]).encode() + b"\r\n\r\n"


@pytest.mark.parametrize("policy", ["live", "none"])
async def test_a_client_that_does_not_read_stops_us_from_reading(policy, house, upstream) -> None:
    """The upstream can write what fits into buffers on the way, not the 64 MiB it has."""
    up, piece, pieces = upstream, "x" * 65536, 1000
    sent = 0

    class Counted(bytes):
        """Counts itself when it is handed to the network."""

    steps = [up.delta(reasoning="r"), *[up.delta(content=piece) for _ in range(pieces)]]
    script = up.stream(*steps, done=False)
    for at, step in enumerate(script):
        script[at] = Counted(step)
    up.says(script)
    play = up._play

    async def counting(script: list[Any], reader: Any, writer: Any) -> bool:
        nonlocal sent
        for step in script:
            await play([step], reader, writer)
            sent += 1
        return await play([up.HANG], reader, writer)

    up._play = counting
    policies = {"live": {"defense": "withhold"}, "none": {"defense": "none"}}
    async with house(policies) as gate:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", gate.port))
        body = json.dumps({**ASK, "stream": True}).encode()
        await asyncio.get_running_loop().sock_sendall(client, head_of(gate, policy, len(body)) + body)
        before, still = -1, 0
        while still < 10:  # until nothing has moved for a while
            await asyncio.sleep(0.05)
            before, still = sent, still + 1 if sent == before and sent else 0
        assert 0 < sent < pieces / 4
        client.close()
        await up.left()


async def test_a_held_stream_is_kept_alive_with_comments(house, upstream) -> None:
    up, go = upstream, asyncio.Event()
    up.says(up.stream(up.delta(reasoning="r"), go, up.delta(content="4"), up.delta(finish="stop")))
    async with house(server={"keep_alive_seconds": 0.02}) as gate:
        status, headers, body = await gate.post({**ASK, "stream": True}, first=go.set)
    assert (status, body.startswith(b": keep-alive\n\n"), body.endswith(b"data: [DONE]\n\n")) == (200, True, True)
    assert headers["cache-control"] == "no-cache, no-transform" and headers["x-accel-buffering"] == "no"


async def test_secrets_and_headers_stay_on_their_side(house, upstream) -> None:
    up, own = upstream, "sk-upstream-7f3a"
    chunk = up.delta(content="4")
    up.says(
        up.json(up.completion({"content": "4"}), X_Secret="s1", Set_Cookie="s2", Server="s3"),
        up.json({"error": {"message": f"bad key {own}"}}, 400),
        up.json({"error": {"message": f"bad key {own}"}}, 401),
        up.stream(chunk, up.delta(finish="stop")),
    )
    policies = {"default": {"defense": "withhold"}, "none": {"defense": "none"}}
    async with house(policies, env={"UP_KEY": own}, upstream={"base_url": up.url, "key_env": "UP_KEY"}) as gate:
        seen = b""
        for policy in policies:
            for stream in (False, False, False, True):
                _, headers, body = await gate.post(
                    {**ASK, "stream": stream},
                    policy,
                    **{"X-Api-Key": gate.keys[policy], "Cookie": "c", "X-Forwarded-For": "f"},
                )
                seen += json.dumps(headers).encode() + body
        assert own.encode() not in seen + gate.log.getvalue() + (await gate.get("/metrics"))[1]
        assert not {"x-secret", "set-cookie", "server"} & set(json.loads(b"{}") | headers)
        for asked in up.asked:
            assert asked.headers["authorization"] == f"Bearer {own}"
            assert not {"x-api-key", "cookie", "x-forwarded-for"} & set(asked.headers)
            assert all(key not in str(asked) for key in gate.keys.values())
        assert own not in repr(gate.app._means) and all(k not in repr(gate.app._means) for k in gate.keys.values())


async def test_what_is_logged_and_counted(house, upstream) -> None:
    up = upstream
    up.says(up.json(up.completion({"content": "ANSWER-1d", "reasoning": "THOUGHT-2e"})))
    async with house() as gate:
        _, headers, _ = await gate.post({"model": "m", "messages": [{"role": "user", "content": "QUESTION-3f"}]})
        (line,) = gate.lines()
        page = (await gate.get("/metrics"))[1].decode()
        raw_log = gate.log.getvalue()
    assert (line["event"], line["level"], line["request"]) == ("request", "info", headers["x-request-id"])
    assert (line["customer"], line["policy"], line["outcome"]) == ("of-default", "default", "ok")
    assert line["ms"] > 0
    for metric in ('requests_total{outcome="ok",policy="default"} 1.0',
                   'reasoning_total{outcome="withheld",policy="default"} 1.0',
                   'tokens_total{kind="output",policy="default"} 7.0', 'added_milliseconds_count{policy="default"} 1.0',
                   "ledger_lost_total 0.0"):  # fmt: skip
        assert f"azeotrope_{metric}" in page
    for word in (b"ANSWER-1d", b"THOUGHT-2e", b"QUESTION-3f"):
        assert word not in raw_log + page.encode() + gate.kept()
