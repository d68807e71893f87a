"""A policy that rewrites with a model: released when it passes, withheld when it does not, counted either way."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from azeotrope.optimize.procedure import _save
from azeotrope.optimize.records import Candidate

ASK = {"model": "m", "messages": [{"role": "user", "content": "What is 2 + 2?"}]}
RAW = "First I take the apples, which is THOUGHT-2e. Then I add the oranges and count what lies in the basket."
REWRITTEN = "Both apples and oranges are gathered; whatever the basket then holds is counted, without further ado."
POLICIES = {
    "buffer": {"defense": "instruct", "config": {"attempts": 1}},
    "live": {"defense": "instruct", "streaming": "live"},
    "open": {"defense": "instruct", "config": {"attempts": 1}, "fail": "open"},
    "terse": {"defense": "instruct", "config": {"attempts": 1}, "fallback": "terse"},
    "chain": {"defense": [{"defense": "instruct"}, {"defense": "withhold"}]},
}


@pytest.fixture
async def rewriter(upstream) -> AsyncIterator[Any]:
    async with type(upstream)() as server:
        yield server


def thinks(up: Any, stream: bool) -> None:
    deltas = up.delta(reasoning=RAW), up.delta(content="4"), up.delta(finish="stop")
    up.says(up.stream(*deltas) if stream else up.json(up.completion({"content": "4", "reasoning": RAW})))


def told(body: bytes) -> tuple[str, str]:
    """(reasoning, answer) of a response, whole or streamed."""
    if not body.startswith((b"data:", b":")):
        message = json.loads(body)["choices"][0]["message"]
        return message.get("reasoning_content", ""), message["content"]
    frames = [json.loads(f[6:]) for f in body.decode().split("\n\n") if f.startswith("data: {")]
    deltas = [f["choices"][0]["delta"] for f in frames]
    return "".join(d.get("reasoning_content", "") for d in deltas), "".join(d.get("content", "") for d in deltas)


def at(rewriter: Any) -> dict[str, Any]:
    patience = {"retries": 0, "idle": 60.0, "deadline": 60.0}
    return {"base_url": rewriter.url, "model": "rewriter", "patience": patience}


@pytest.mark.parametrize("stream", [False, True])
async def test_what_passes_is_released_and_live_streams_are_withheld(stream, house, upstream, rewriter) -> None:
    thinks(upstream, stream)
    rewriter.says(rewriter.json(rewriter.completion({"content": REWRITTEN})))
    async with house(POLICIES, rewriter=at(rewriter)) as gate:
        got = {p: told((await gate.post({**ASK, "stream": stream}, p))[2]) for p in POLICIES}
        page = (await gate.get("/metrics"))[1].decode()
    assert got["buffer"] == (REWRITTEN, "4")
    assert got["live"] == (("", "4") if stream else (REWRITTEN, "4"))
    assert got["chain"] == ("", "4")
    assert 'azeotrope_reasoning_total{outcome="released",policy="buffer"} 1.0' in page
    assert 'azeotrope_tokens_total{kind="rewriter_output",policy="buffer"} 7.0' in page


@pytest.mark.parametrize("stream", [False, True])
async def test_what_does_not_pass_follows_the_policy_and_is_counted_by_name(stream, house, upstream, rewriter) -> None:
    thinks(upstream, stream)
    rewriter.says(rewriter.json({}, 500))
    policies = {name: POLICIES[name] for name in ("buffer", "open", "terse")}
    async with house(policies, rewriter=at(rewriter)) as gate:
        got = {p: told((await gate.post({**ASK, "stream": stream}, p))[2]) for p in policies}
        page = (await gate.get("/metrics"))[1].decode()
        assert b"THOUGHT-2e" not in gate.log.getvalue() + gate.kept()
    assert got["buffer"] == ("", "4")
    assert got["open"] == (RAW, "4")
    assert got["terse"][1] == "4" and "THOUGHT-2e" not in got["terse"][0]
    assert 'azeotrope_check_failures_total{check="unavailable",policy="buffer"} 1.0' in page
    assert 'azeotrope_reasoning_total{outcome="opened",policy="open"} 1.0' in page


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_ends_the_work_of_the_rewriter(stream, house, upstream, rewriter) -> None:
    thinks(upstream, stream)
    rewriter.says([rewriter.HANG])
    async with house(POLICIES, rewriter=at(rewriter)) as gate:
        post = asyncio.create_task(gate.post({**ASK, "stream": stream}, "buffer"))
        await gate.until(lambda: rewriter.asked)
        post.cancel()
        await rewriter.left()
        await gate.until(gate.lines)
        assert gate.lines()[-1]["outcome"] == "left"


async def test_a_stream_that_waits_for_its_rewrite_is_kept_alive(house, upstream, rewriter) -> None:
    go = asyncio.Event()
    thinks(upstream, True)
    rewriter.says([go, *rewriter.json(rewriter.completion({"content": REWRITTEN}))])
    async with house(POLICIES, rewriter=at(rewriter), server={"keep_alive_seconds": 0.02}) as gate:
        _, _, body = await gate.post({**ASK, "stream": True}, "buffer", first=go.set)
    assert body.startswith(b": keep-alive\n\n") and told(body) == (REWRITTEN, "4")


async def test_a_searched_instruction_is_what_the_rewriter_is_told(house, upstream, rewriter, tmp_path) -> None:
    text = "Gather the fruit.\nCount what then lies there."
    path = tmp_path / "winner.md"
    _save(path, Candidate("d", text, "full", "gepa", kept=1.0, readable=1.0, damage=0.25), ["attempts=1"], ())
    thinks(upstream, False)
    rewriter.says(rewriter.json(rewriter.completion({"content": REWRITTEN})))
    policy = {"defense": "instruct", "config": {"attempts": 1, "instruction": str(path)}}
    async with house({"searched": policy}, rewriter=at(rewriter)) as gate:
        assert told((await gate.post(ASK, "searched"))[2]) == (REWRITTEN, "4")
    (asked,) = rewriter.asked
    system = [message["content"] for message in asked.json["messages"] if message["role"] == "system"]
    assert text in "".join(system) and "+++" not in str(asked.json) and "points off" not in str(asked.json)
