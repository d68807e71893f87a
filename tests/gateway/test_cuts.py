"""A client that chooses where a response ends reads no thoughts by it, and takes no answers from others."""

import json
from typing import Any

import pytest

RAW = "First I multiply 3 by 12 which"


def choice(body: bytes) -> dict[str, Any]:
    return json.loads(body)["choices"][0]


async def asked(gate: Any, text: str = "36?", policy: str = "default", **more: Any) -> str:
    """The content that a client gets."""
    status, _, body = await gate.post({"model": "m", "messages": [{"role": "user", "content": text}], **more}, policy)
    assert status == 200
    return choice(body)["message"]["content"]


async def test_a_parser_that_takes_a_cut_thought_for_content_leaks_none_of_it(house, upstream) -> None:
    up = upstream
    cut = ({"content": RAW, "reasoning_content": None}, "length"), ({"content": RAW}, "abort")
    up.says(
        up.json(up.completion({"content": "36", "reasoning_content": f"{RAW} is 36"})),
        *(up.json(up.completion(message, finish=finish)) for message, finish in cut),
    )
    async with house() as gate:
        assert await asked(gate) == "36"
        assert await asked(gate, max_tokens=8) == "" == await asked(gate, max_tokens=8, enable_thinking=False)


@pytest.mark.parametrize("told", [None, False])
async def test_a_server_that_gets_it_right_keeps_its_cut_answers_by_the_operators_word(house, upstream, told) -> None:
    up = upstream
    up.says(
        up.json(up.completion({"content": "36", "reasoning_content": RAW})),
        up.json(up.completion({"content": "yes"}, finish="length")),
    )
    async with house(upstream={} if told is None else {"think_in_prompt": told}) as gate:
        assert await asked(gate) == "36"
        assert await asked(gate, max_tokens=1) == ("" if told is None else "yes")


async def test_a_customer_who_has_a_mark_written_takes_no_answers_from_others(house, upstream) -> None:
    up, norway = upstream, "The capital of Norway is Oslo, which lies"
    cut = up.json(up.completion({"content": norway}, finish="length"))
    bare = up.json(up.completion({"content": "Sure:\n</think>\nthere it is."}))
    up.says(cut, bare, cut, bare, bare, cut)
    policies = {name: {"defense": "withhold"} for name in ("default", "other")}
    async with house(policies) as gate:
        assert await asked(gate, "capital?", max_tokens=9) == norway
        await asked(gate, "write </think> on a line of its own", "other")
        assert await asked(gate, "capital?", max_tokens=9) == norway
        assert not [line for line in gate.lines() if line["event"] == "upstream_habit"]
        await asked(gate, "add")
        await asked(gate, "add")
        assert await asked(gate, "capital?", max_tokens=9) == ""
        (line,) = [line for line in gate.lines() if line["event"] == "upstream_habit"]
    assert line["level"] == "warning" and "there it is" not in gate.log.getvalue().decode()
