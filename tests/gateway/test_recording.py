"""Releases and their records: durable first, all of them, or the policy's fail mode."""

import asyncio
import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from azeotrope import ledger
from azeotrope.errors import Unavailable
from azeotrope.gateway.outbox import Outbox

ASK = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}
POLICIES = {
    "closed": {"defense": "withhold"},
    "closed_buffer": {"defense": "terse"},
    "open": {"defense": "withhold", "fail": "open"},
    "none": {"defense": "none"},
    "none_recorded": {"defense": "none", "ledger": True},
}
RAW = "Two and two make four, surely: THOUGHT-2e."


def says(up: Any, stream: bool) -> None:
    deltas = up.delta(reasoning=RAW), up.delta(content="4"), up.delta(finish="stop")
    up.says(up.stream(*deltas) if stream else up.json(up.completion({"content": "4", "reasoning": RAW})))


def rows(gate: Any) -> list[dict[str, Any]]:
    return ledger.tail(gate.folder / "ledger.db", 100)


@pytest.mark.parametrize("stream", [False, True])
async def test_every_release_is_recorded_but_those_of_the_fast_path(stream, house, upstream) -> None:
    says(upstream, stream)
    async with house(POLICIES) as gate:
        ids = {}
        for policy in POLICIES:
            _, headers, _ = await gate.post({**ASK, "stream": stream}, policy)
            ids[headers["x-request-id"]] = policy
        found = {row["request_id"]: row for row in rows(gate)}
    assert [ids[request] for request in found] == [p for p in POLICIES if p != "none"]
    by_policy = {ids[request]: row for request, row in found.items()}
    assert by_policy["closed"]["customer"] == "of-closed"
    assert by_policy["closed"]["outcome"] == "withheld"
    assert by_policy["closed_buffer"]["outcome"] == "released"
    assert by_policy["none_recorded"]["outcome"] == "opened"
    assert all(row["finish"] == "stop" for row in found.values())


@pytest.mark.parametrize("stream", [False, True])
async def test_the_last_byte_waits_for_the_record(stream, house, upstream, monkeypatch) -> None:
    says(upstream, stream)
    asked, durable = asyncio.Event(), asyncio.Event()
    append = ledger.Ledger.append

    async def slow(self: Any, *entries: Any) -> None:
        asked.set()
        await durable.wait()
        await append(self, *entries)

    monkeypatch.setattr(ledger.Ledger, "append", slow)
    async with house(POLICIES) as gate:
        seen = bytearray()
        body = json.dumps({**ASK, "stream": stream}).encode()
        sent = {"Authorization": f"Bearer {gate.keys['closed']}"}
        async with asyncio.TaskGroup() as group:

            async def read() -> None:
                async with gate.client.post(f"{gate.url}/chat/completions", data=body, headers=sent) as response:
                    async for part in response.content.iter_any():
                        seen.extend(part)

            group.create_task(read())
            await asked.wait()
            for _ in range(100):
                await asyncio.sleep(0)
            assert b"[DONE]" not in seen and b'"stop"' not in seen
            durable.set()
        assert b'"stop"' in seen


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("trouble", ["locked", "full"])
async def test_a_ledger_in_trouble_follows_the_fail_mode(trouble, stream, house, upstream, monkeypatch) -> None:
    says(upstream, stream)
    if trouble == "full":

        async def full(self: Any, *entries: Any) -> None:
            raise Unavailable("the ledger cannot be written: database or disk is full")

        monkeypatch.setattr(ledger.Ledger, "append", full)
    else:
        quick = ledger.Ledger.__init__
        monkeypatch.setattr(
            ledger.Ledger, "__init__", lambda self, dsn, **more: quick(self, dsn, patience=0.05, **more)
        )
    async with house(POLICIES) as gate:
        with closing(sqlite3.connect(gate.folder / "ledger.db", isolation_level=None)) as lock:
            if trouble == "locked":
                lock.execute("BEGIN EXCLUSIVE")
            got = {policy: await gate.post({**ASK, "stream": stream}, policy) for policy in POLICIES}
            await gate.app.drain(60.0)
        page = (await gate.get("/metrics"))[1].decode()
        errors = [line for line in gate.lines() if line["event"] == "ledger_unavailable"]
        assert gate.log.getvalue().count(b"THOUGHT-2e") == 0
    for policy in ("closed", "closed_buffer", "none_recorded"):
        status, _, body = got[policy]
        assert b"ledger_unavailable" in body and b"[DONE]" not in body and b'"stop"' not in body
        assert status == (200 if stream and policy != "closed_buffer" else 503)
    for policy in ("open", "none"):
        assert got[policy][0] == 200 and b"4" in got[policy][2] and b"error" not in got[policy][2]
    lost = 3.0 if stream else 1.0  # two streams cut short for want of a record had let out their beginnings
    assert f"azeotrope_ledger_lost_total {lost}" in page
    assert [e["released"] for e in errors if e["policy"] == "open"] == [True]


async def leaving(gate: Any) -> asyncio.StreamWriter:
    """A client that has read the answer of its stream and is about to leave."""
    body = json.dumps({**ASK, "stream": True}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    writer.write(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gate.keys['closed']}\r\n"
                 f"content-length: {len(body)}\r\n\r\n".encode() + body)  # fmt: skip
    await reader.readuntil(b'"4"')
    return writer


@pytest.mark.parametrize("fails", [False, True])
async def test_leaving_while_it_is_recorded_leaves_one_record(fails, house, upstream, monkeypatch) -> None:
    says(upstream, True)
    asked, left, settled = asyncio.Event(), asyncio.Event(), asyncio.Event()
    append, close, calls = ledger.Ledger.append, Outbox.close, 0

    async def slow(self: Any, *entries: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1 and fails:
            asked.set()
            await settled.wait()
            raise Unavailable("the ledger cannot be written: database or disk is full")
        await append(self, *entries)
        asked.set()
        await settled.wait()

    def closed(self: Any, *error: Any) -> None:
        left.set()
        close(self, *error)

    monkeypatch.setattr(ledger.Ledger, "append", slow)
    monkeypatch.setattr(Outbox, "close", closed)
    async with house(POLICIES) as gate:
        writer = await leaving(gate)
        await asked.wait()
        writer.close()
        await left.wait()
        settled.set()
        await gate.app.drain(60.0)
        (row,) = rows(gate)
    assert row["finish"] == ("cut" if fails else "stop")


async def test_leaving_early_leaves_a_record_of_what_went_out(house, upstream) -> None:
    up = upstream
    up.says(up.stream(up.delta(reasoning=RAW), up.delta(content="4"), up.HANG, done=False))
    async with house(POLICIES) as gate:
        writer = await leaving(gate)
        writer.close()
        await up.left()
        await gate.app.drain(60.0)
        (row,) = rows(gate)
    assert (row["finish"], row["outcome"]) == ("cut", "withheld")
