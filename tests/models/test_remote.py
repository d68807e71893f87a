"""Remote against an upstream that does everything wrong, and some things right."""


from azeotrope.models.remote import Remote
from azeotrope.streams import ask
from azeotrope.types import Request

QUESTION = Request.of("2+2?")
LIVE = Request(QUESTION.messages, {}, {"stream": True})


async def test_a_plain_answer(upstream) -> None:
    upstream.says(upstream.json(upstream.completion({"role": "assistant", "content": "4", "reasoning": "two and two"})))
    async with Remote(upstream.url, model="m", key="k") as model:
        trace = await ask(model, QUESTION)
    assert (trace.reasoning, trace.answer, trace.finish, trace.usage["total_tokens"]) == (
        "two and two",
        "4",
        "stop",
        12,
    )
    assert upstream.asked[0].headers["authorization"] == "Bearer k"
    assert upstream.asked[0].json == {"messages": [{"role": "user", "content": "2+2?"}], "model": "m"}


async def test_a_streamed_answer(upstream) -> None:
    d = upstream.delta
    upstream.says(
        upstream.stream(
            d(role="assistant"), d(reasoning="two "), d(reasoning="and two"), d(content="4"), d(finish="stop")
        )
    )
    async with Remote(upstream.url, model="m", key="k") as model:
        trace = await ask(model, LIVE)
        again = await ask(model, LIVE)
    assert (trace.reasoning, trace.answer, trace.finish) == ("two and two", "4", "stop")
    assert again == trace and upstream.connections == 1
    assert upstream.asked[0].json["stream_options"] == {"include_usage": True}
