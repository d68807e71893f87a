"""A policy under which every response is the likeliest text: the upstream hears temperature 0, and no way around it."""

import asyncio
import json
from typing import Any

import pytest

from azeotrope.errors import Refused
from azeotrope.gateway import journey
from azeotrope.gateway.wire import chat
from azeotrope.gateway.wire.leaks import Rules
from azeotrope.gateway.wire.refused import DECIDING_NOTHING, NEUTRAL

GREEDY = Rules(greedy=True, top_logprobs=5)
ASKED = {"messages": [{"role": "user", "content": "2+2?"}]}
AROUND: dict[str, Any] = {
    "dynatemp_range": 1.0, "mirostat": 2, "samplers": ["xtc"], "xtc_probability": 1.0, "typical_p": 0.1,
    "dry_multiplier": 2.0, "presence_penalty": 2, "frequency_penalty": -0.5, "repetition_penalty": 1.3,
    "logit_bias": {"5": 1}, "do_sample": True, "Temperature": 1.7, "extra_body": {"temperature": 1.7},
    "sampling_params": {"temperature": 1.7}, "options": {"temperature": 1.7}, "nvext": {}, "what_is_new_next_year": 1,
}  # fmt: skip


def permitted(rules: Rules = GREEDY, **members: Any) -> Any:
    asked = chat.parse(json.dumps(ASKED | members).encode())
    return asyncio.run(journey.permitted(asked, rules, asyncio.Lock()))


@pytest.mark.parametrize("client", [{}, {"temperature": 1.7}, {"temperature": None}, {"temperature": "hot"}])
@pytest.mark.parametrize("defense", ["none", "withhold"])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_upstream_hears_temperature_0(house, upstream, client, defense, stream) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with house({"default": {"defense": defense, "greedy": True}}) as gate:
        await gate.post(ASKED | client | {"stream": stream, "top_p": 0.9})
    assert upstream.asked[0].json["temperature"] == 0.0 and upstream.asked[0].json["top_p"] == 0.9


async def test_otherwise_a_client_decides(house, upstream) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with house({"default": {"defense": "withhold"}}) as gate:
        await gate.post(ASKED | {"temperature": 1.7})
        await gate.post(ASKED)
    first, second = upstream.asked
    assert first.json["temperature"] == 1.7 and "temperature" not in second.json


@pytest.mark.parametrize("name", AROUND)
def test_no_way_around_it_goes_through(name: str) -> None:
    permitted(Rules(), **{name: AROUND[name]})
    permitted(**{name: None})
    with pytest.raises(Refused, match=name) as refused:
        permitted(**{name: AROUND[name]})
    assert refused.value.param == name


def test_what_decides_nothing_goes_through() -> None:
    own = {"messages", "temperature", "stream", "stop", "logprobs", "continue_final_message", "add_generation_prompt"}
    members = dict.fromkeys(DECIDING_NOTHING - own, 1)
    members |= NEUTRAL | {"response_format": {"type": "text"}, "stop": ["END"], "logprobs": True}
    request = permitted(**members)
    assert {**request.options, **request.sampling} == members | {"temperature": 0.0}


def test_a_greedy_policy_may_allow_prefill() -> None:
    begun = {
        "messages": [*ASKED["messages"], {"role": "assistant", "content": "It is"}],
        "continue_final_message": True,
    }
    permitted(Rules(greedy=True, prefill=True), **begun)
    with pytest.raises(Refused, match="continue_final_message"):
        permitted(**begun)
