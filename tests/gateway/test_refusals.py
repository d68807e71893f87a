"""An upstream's 4xx: what is wrong is told, in its words only where nothing is protected."""

import json

import pytest

CANARY = "CANARY-7d20-of-the-reasoning"
POLICIES = {
    "live": {"defense": "withhold", "streaming": "live"},
    "buffer": {"defense": "withhold", "streaming": "buffer"},
    "rewritten": {"defense": "terse"},
    "none": {"defense": "none"},
}
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}


@pytest.mark.parametrize("stream", [False, True])
async def test_an_upstreams_reason_to_refuse_is_quoted_only_where_nothing_is_protected(stream, house, upstream) -> None:
    fault = {"message": f"failed to parse generation: <think>{CANARY}", "code": "invalid_value", "param": "temperature"}
    upstream.says(upstream.json({"error": fault}, 400))
    ours = "the upstream refused this request (400, invalid_value, param temperature)"
    async with house(POLICIES) as gate:
        for policy in POLICIES:
            status, _, body = await gate.post({**QUESTION, "stream": stream}, policy)
            told = json.loads(body)["error"]
            assert (status, told["code"], told["param"]) == (400, "invalid_value", "temperature")
            assert told["message"] == (f"{ours}: {fault['message']}" if policy == "none" else ours)
        assert CANARY not in gate.log.getvalue().decode()
