"""A policy that decides at which temperature responses are drawn: the upstream hears that one, and no way around it."""

import json
from typing import Any

import pytest

from azeotrope.errors import Misconfigured, Refused
from azeotrope.gateway import journey, settings
from azeotrope.gateway.wire import chat
from azeotrope.gateway.wire.leaks import NESTS, RESAMPLING, Rules

GREEDY = Rules(temperature=0.0)
ASKED = {"messages": [{"role": "user", "content": "2+2?"}]}


def permitted(rules: Rules = GREEDY, **members: Any) -> Any:
    return journey.permitted(chat.parse(json.dumps(ASKED | members).encode()), rules)


@pytest.mark.parametrize("client", [{}, {"temperature": 1.7}, {"temperature": None}, {"temperature": "hot"}])
@pytest.mark.parametrize("defense", ["none", "withhold"])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_upstream_hears_the_operators_temperature(house, upstream, client, defense, stream) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with house({"default": {"defense": defense, "temperature": 0.0}}) as gate:
        await gate.post(ASKED | client | {"stream": stream, "top_p": 0.9})
    assert upstream.asked[0].json["temperature"] == 0.0 and upstream.asked[0].json["top_p"] == 0.9


async def test_without_one_a_client_decides(house, upstream) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with house({"default": {"defense": "withhold"}}) as gate:
        await gate.post(ASKED | {"temperature": 1.7})
        await gate.post(ASKED)
    first, second = upstream.asked
    assert first.json["temperature"] == 1.7 and "temperature" not in second.json


@pytest.mark.parametrize("name", ["temperature", *RESAMPLING])
@pytest.mark.parametrize("nest", NESTS)
def test_other_ways_to_a_temperature_are_refused_where_it_is_set(name: str, nest: str) -> None:
    hidden = {nest: {name: 1}}
    permitted(Rules(), **hidden)
    permitted(**{nest: {name: None}})
    with pytest.raises(Refused, match="the operator decides") as refused:
        permitted(**hidden)
    assert refused.value.param == f"{nest}.{name}"
    if name != "temperature":
        permitted(Rules(), **{name: 1})
        with pytest.raises(Refused, match=name):
            permitted(**{name: 1})


@pytest.mark.parametrize("wrong", [-0.1, 2.1, float("nan"), float("inf")])
def test_what_is_no_temperature_is_refused(wrong: float) -> None:
    table = {"defense": "none", "temperature": wrong}
    with pytest.raises(Misconfigured, match="temperature is 0 to 2"):
        settings.check({"upstream": {"base_url": "http://x/v1"}, "policies": {"default": table}}, "here")
