"""Responses become the same events however they are cut, and nothing that may be reasoning becomes answer."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.errors import Unavailable
from azeotrope.models.habits import Asked, Habits
from azeotrope.models.wire_in import Reader
from azeotrope.models.wire_out import without_reasoning
from azeotrope.streams import collect
from azeotrope.types import Answer, Event, Extra, Opened, Reasoning, Request, ToolCall, Trace

QUESTION = Request.of("2+2?")


def chunk(*, index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [choice]}


def whole(message: Any, finish: Any = "stop", **envelope: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "c1", "created": 7, "model": "m", "choices": [choice], **envelope}


def sent(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(c).encode() + b"\n\n" for c in chunks) + b"data: [DONE]\n\n"


def read(pieces: Iterable[bytes], policy: Any = "tags") -> list[Event]:
    reader = Reader(policy)
    return [event for piece in pieces for event in reader.feed(piece)] + reader.close()


def streamed(*chunks: Any, policy: Any = "tags") -> Trace:
    return collect(QUESTION, read([sent(*chunks)], policy))[0]


def plain(message: Any, policy: Any = "tags", **envelope: Any) -> Trace:
    return collect(QUESTION, Reader(policy).whole(json.dumps(whole(message, **envelope)).encode()))[0]


WHY = "because two and two"
NAMED = [
    {"reasoning": WHY},
    {"reasoning_content": WHY},
    {"thinking": WHY},
    {"reasoning_text": WHY},
    {"reasoning": {"text": WHY}},
    {
        "reasoning": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": WHY}], "encrypted_content": "x"}
        ]
    },
    {"reasoning_details": [{"type": "reasoning.text", "text": "because two ", "signature": "s"}, {"text": "and two"}]},
    {
        "reasoning_details": [
            {"type": "reasoning.summary", "summary": WHY},
            {"type": "reasoning.encrypted", "data": "x"},
        ]
    },
    {"thinking_blocks": [{"type": "thinking", "thinking": WHY, "signature": "s"}, {"type": "redacted_thinking"}]},
    {"thinking": {"content": WHY}},
    # two names for one text
    {"reasoning": WHY, "reasoning_content": WHY},
    {"reasoning": WHY, "reasoning_details": [{"text": "because two "}, {"text": "and two"}]},
    {"reasoning_content": WHY, "thinking_blocks": [{"type": "thinking", "thinking": WHY}]},
]


@pytest.mark.parametrize("named", NAMED, ids=json.dumps)
def test_every_name_of_reasoning_is_read_once(named: dict[str, Any]) -> None:
    for trace in (
        plain({"role": "assistant", "content": "4", **named}),
        streamed(chunk(role="assistant", content=""), chunk(**named), chunk(content="4"), chunk(finish="stop")),
        streamed(chunk(content="4", **named), chunk(finish="stop")),
    ):
        assert (trace.reasoning, trace.answer, trace.finish) == (WHY, "4", "stop")


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "thinking", "thinking": [{"type": "text", "text": WHY}]}, {"type": "text", "text": "4"}],
        [{"type": "reasoning", "text": WHY}, {"type": "output_text", "text": "4"}],
        [{"type": "a type of next year", "text": WHY}, {"type": "text", "text": "4"}],
        [{"text": WHY}, {"type": "text", "text": "4"}],
        f"<think>{WHY}</think>4",
        f"{WHY}</think>\n\n4",
    ],
    ids=json.dumps,
)
def test_reasoning_inside_the_content_is_kept_apart(content: Any) -> None:
    for trace in (plain({"content": content}), streamed(chunk(content=content), chunk(finish="stop"))):
        assert (trace.reasoning, trace.answer) == (WHY, "4")


def test_geminis_marked_thoughts_are_reasoning() -> None:
    thought = {"google": {"thought": True}}
    trace = streamed(chunk(content=WHY, extra_content=thought), chunk(content="4"), chunk(finish="stop"))
    assert (trace.reasoning, trace.answer) == (WHY, "4")


@pytest.mark.parametrize(
    "mark", [{"thought": True}, {"reasoning": True}, {"thinking": 1}, {"extra_content": {"google": {"thought": True}}}]
)
def test_a_part_of_text_that_is_marked_as_reasoning_is_reasoning(mark: dict[str, Any]) -> None:
    parts = [{"type": "text", "text": WHY, **mark}, {"type": "text", "text": "4", **dict.fromkeys(mark)}]
    trace = plain({"content": parts})
    assert (trace.reasoning, trace.answer) == (WHY, "4")


LEFT = "the raw thought"
HIDING = st.sampled_from(
    [
        "thoughts",
        "cot",
        "analysis",
        "provider_specific_fields",
        "x",
        "Reasoning",
        "reasoning_content ",
        "metadata",
        "raw",
    ]
)
SHAPES = st.sampled_from([LEFT, [LEFT], {"reasoning_content": LEFT}, [{"text": LEFT}], {"a": {"b": [LEFT]}}])


@given(HIDING, SHAPES)
def test_a_member_nobody_knows_is_dropped_wherever_it_stands(name: str, value: Any) -> None:
    call = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}", name: value}}
    cited = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", name: value}}
    message = {
        "content": "4",
        name: value,
        "tool_calls": [{**call, name: value}],
        "function_call": {"name": "f", "arguments": "{}", name: value},
        "audio": {"id": "a", "data": "QQ==", name: value},
        "annotations": [{**cited, name: value}, {"type": name, name: value}, value],
    }
    response = whole(message, usage={"total_tokens": 1, name: value})
    response[name] = response["choices"][0][name] = value
    events = [*Reader().whole(json.dumps(response).encode())]
    response["choices"][0]["delta"] = response["choices"][0].pop("message")
    events += read([sent(response)])
    assert LEFT not in repr(events)
    assert [event.text for event in events if isinstance(event, Answer)] == ["4", "4"]


CITED = {"start_index": 0, "end_index": 1, "title": "t", "url": "https://example.org"}
SOUND = {"id": "a", "data": "QQ==", "transcript": "four", "expires_at": 9}


def test_the_known_members_beside_text_are_kept() -> None:
    extra = {"refusal": "no", "annotations": [{"type": "url_citation", "url_citation": CITED}], "audio": SOUND}
    trace = plain({"content": "4", **extra}, system_fingerprint="fp", service_tier="default", usage={"total_tokens": 3})
    assert (trace.extra, trace.usage) == (extra, {"total_tokens": 3})
    response = whole({"content": "4"}, system_fingerprint="fp", service_tier="default")
    (opened,) = (e for e in Reader().whole(json.dumps(response).encode()) if isinstance(e, Opened))
    assert opened == Opened("c1", "m", 7, {"system_fingerprint": "fp", "service_tier": "default"})


def answers_while_live(*chunks: Any, policy: Any = "tags") -> list[list[str]]:
    """The answer text that leaves with each chunk."""
    reader = Reader(policy)
    parts = [reader.feed(b"data: " + json.dumps(c).encode() + b"\n\n") for c in chunks]
    return [[event.text for event in part if isinstance(event, Answer)] for part in parts]


def test_without_a_reasoning_channel_the_answer_waits_for_a_closing_tag_that_may_come() -> None:
    live = answers_while_live(
        chunk(content="two and"), chunk(content=" two"), chunk(content="</think>4"), chunk(finish="stop")
    )
    assert live[:2] == [[], []]
    assert "".join(live[2] + live[3]) == "4"
    never = answers_while_live(chunk(content="it is "), chunk(content="4"), chunk(finish="stop"))
    assert never[:2] == [[], []] and "".join(never[2]) == "it is 4"


def test_with_a_reasoning_channel_the_answer_flows_and_explicit_tags_are_still_split() -> None:
    chunks = [chunk(reasoning=WHY), chunk(content="it is "), chunk(content="4"), chunk(finish="stop")]
    assert answers_while_live(*chunks)[:3] == [[], ["it is "], ["4"]]
    trace = streamed(chunk(reasoning="a"), chunk(content="<think>b</think>"), chunk(content="4"), chunk(finish="stop"))
    assert (trace.reasoning, trace.answer) == ("ab", "4")


def test_a_reasoning_channel_that_opens_late_lets_go_what_was_held() -> None:
    live = answers_while_live(chunk(content="Hm. "), chunk(reasoning=WHY), chunk(content="4"), chunk(finish="stop"))
    assert live[0] == [] and "".join(live[1] + live[2]) == "Hm. 4"


def test_the_other_policies() -> None:
    assert answers_while_live(chunk(content="<think>a"), chunk(content="b"), policy="off") == [["<think>a"], ["b"]]
    spanned = streamed(chunk(content="2+2 is 4.\n\n"), chunk(content="#### 4"), chunk(finish="stop"), policy="span")
    assert spanned.reasoning and spanned.answer.endswith("4") and "2+2" not in spanned.answer


def test_a_tool_call_waits_for_the_content_that_may_be_reasoning() -> None:
    call = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    events = read([sent(chunk(content="call it</think>ok"), chunk(tool_calls=[call]), chunk(finish="tool_calls"))])
    kinds = [type(event) for event in events if isinstance(event, Reasoning | Answer | ToolCall)]
    assert kinds == [Reasoning, Answer, ToolCall]
    held = Reader()
    assert not [
        e for e in held.feed(sent(chunk(content="call it"), chunk(tool_calls=[call]))) if isinstance(e, ToolCall)
    ]


def test_tool_calls_are_put_together_with_and_without_an_index() -> None:
    def part(index: int | None, identity: str | None, arguments: str) -> dict[str, Any]:
        named = {"index": index, "id": identity, "type": "function", "function": {"name": "f", "arguments": arguments}}
        return {name: value for name, value in named.items() if value is not None}

    expected = ['{"a":1}', '{"b":2}']
    for first, second in ((0, 1), (None, None)):
        trace = streamed(
            chunk(tool_calls=[part(first, "t1", '{"a"')]),
            chunk(tool_calls=[part(first, None, ":1}")]),
            chunk(tool_calls=[part(second, "t2", '{"b":2}')]),
            chunk(finish="tool_calls"),
        )
        assert [call["function"]["arguments"] for call in trace.tool_calls] == expected
    trace = plain({"content": None, "tool_calls": [part(None, "t1", expected[0]), part(None, "t2", expected[1])]})
    assert [(call["id"], call["function"]["arguments"]) for call in trace.tool_calls] == [
        ("t1", expected[0]), ("t2", expected[1]),
    ]  # fmt: skip


CALLS = st.lists(st.tuples(st.sampled_from("fgh"), st.text("{}a1", max_size=6)), min_size=1, max_size=5)
INDICES = st.lists(st.none() | st.integers(0, 3), min_size=5, max_size=5)


def called(calls: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Whole tool calls with ids of their own."""
    return [
        {"id": f"t{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, (name, arguments) in enumerate(calls)
    ]


def indexed(call: dict[str, Any], index: int | None) -> dict[str, Any]:
    return call if index is None else {"index": index, **call}


@given(CALLS, INDICES)
def test_a_messages_tool_calls_are_numbered_by_their_place(calls: list[tuple[str, str]], indices: list[Any]) -> None:
    listed = [indexed(call, index) for call, index in zip(called(calls), indices, strict=False)]
    assert list(plain({"content": None, "tool_calls": listed}).tool_calls) == called(calls)
    unnamed = [{name: value for name, value in call.items() if name != "id"} for call in listed]
    assert len(plain({"content": None, "tool_calls": unnamed}).tool_calls) == len(calls)


@given(CALLS, st.none() | st.lists(st.integers(0, 3), min_size=5, max_size=5).map(sorted), st.data())
def test_streamed_tool_calls_come_out_as_they_are_whatever_their_indices(
    calls: list[tuple[str, str]], indices: list[int] | None, data: Any
) -> None:
    """A server numbers them, calls each of them 0, starts again, or gives no index; chunks are cut anywhere."""
    parts: list[dict[str, Any]] = []
    for at, call in enumerate(called(calls)):
        said = call["function"]["arguments"]
        cut = data.draw(st.integers(0, len(said)))
        index = None if indices is None else indices[at]
        named = data.draw(st.booleans())  # the id once more
        parts.append(indexed({**call, "function": {**call["function"], "arguments": said[:cut]}}, index))
        parts.append(indexed({"id": call["id"] if named else "", "function": {"arguments": said[cut:]}}, index))
    chunks: list[dict[str, Any]] = []
    while parts:
        size = data.draw(st.integers(1, len(parts))) if indices is not None else 1
        chunks.append(chunk(tool_calls=parts[:size]))
        parts = parts[size:]
    trace = streamed(*chunks, chunk(finish="tool_calls"))
    assert list(trace.tool_calls) == called(calls)
    raw = [event.delta["index"] for event in read([sent(*chunks, chunk(finish="stop"))]) if isinstance(event, ToolCall)]
    assert raw == sorted(raw) and len(set(raw)) == len(calls)


def test_an_empty_finish_reason_finishes_nothing() -> None:
    trace = streamed(chunk(content="4", finish=""), chunk(content="2", finish=""), chunk(content="", finish="stop"))
    assert (trace.answer, trace.finish) == ("42", "stop")
    with pytest.raises(Unavailable, match="before"):
        streamed(chunk(content="4", finish=""), chunk(content="2", finish=""))


def test_choices_are_split_each_by_itself() -> None:
    events = read([sent(
        chunk(content="one</th"), chunk(index=1, content="<think>two"), chunk(content="ink>1", finish="stop"),
        chunk(index=1, content="</think>2", finish="length"), {"choices": [], "usage": {"total_tokens": 9}},
    )])  # fmt: skip
    first, second = collect(QUESTION, events)
    assert (first.reasoning, first.answer, first.finish) == ("one", "1", "stop")
    assert (second.reasoning, second.answer, second.finish) == ("two", "2", "length")
    assert first.usage == second.usage == {"total_tokens": 9}


STREAM = sent(
    chunk(role="assistant", content=""), chunk(reasoning_content="zwei "), chunk(reasoning_content="plus 🙂 é"),
    chunk(content="<think>hm</think>vier "), chunk(content="\u2028\u0000 4"),
    chunk(tool_calls=[{"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}]),
    chunk(refusal="x"), chunk(finish="stop"), {"choices": [], "usage": {"total_tokens": 9}},
)  # fmt: skip


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_a_stream_cut_at_any_byte_is_the_same_trace(ends: bytes) -> None:
    raw = b"\xef\xbb\xbf: hello\n\n" + STREAM.replace(b"\\u00e9", "é".encode()).replace(
        b"\\ud83d\\ude42", "🙂".encode()
    )
    raw = raw.replace(b"\n", ends)
    expected = collect(QUESTION, read([raw]))
    assert expected[0].reasoning == "zwei plus 🙂 éhm" and expected[0].answer == "vier \u2028\u0000 4"
    for cut in range(len(raw)):
        assert collect(QUESTION, read([raw[:cut], raw[cut:]])) == expected
    assert collect(QUESTION, read(bytes([byte]) for byte in raw)) == expected


@given(st.integers(0, len(STREAM) - 1))
def test_a_stream_that_ends_too_early_is_never_a_trace(end: int) -> None:
    complete = STREAM.index(b'"finish_reason": "stop"}]}\n\n') + len(b'"finish_reason": "stop"}]}\n\n')
    if end < complete:
        with pytest.raises(Unavailable, match="before"):
            read([STREAM[:end]])
    else:
        assert collect(QUESTION, read([STREAM[:end]]))[0].finish == "stop"


SECRET = "do not quote me"
MALFORMED: list[Any] = [
    [], "text", {"choices": {}}, {"choices": []}, {}, {"choices": [SECRET]}, {"choices": None},
    whole(SECRET), whole([SECRET]), whole({"content": {"a": SECRET}}), whole({"content": 7}),
    whole({"content": "4"}, finish=None),
    whole({"content": "4"}, finish=3), whole({"tool_calls": SECRET}), whole({"tool_calls": [SECRET]}),
    {"choices": [{"index": "0", "message": {"content": SECRET}, "finish_reason": "stop"}]},
    {"error": SECRET}, {"error": {"message": SECRET, "code": 429}}, {"object": "error", "message": SECRET, "code": 400},
    {"detail": SECRET}, whole({"content": SECRET}, error={"message": SECRET}),
]  # fmt: skip


@pytest.mark.parametrize("response", MALFORMED, ids=lambda r: json.dumps(r)[:60])
def test_what_is_malformed_is_unavailable_and_quotes_nothing(response: Any) -> None:
    with pytest.raises(Unavailable) as plainly:
        Reader().whole(json.dumps(response).encode())
    as_chunk = (
        json.loads(json.dumps(response).replace('"message": ', '"delta": ')) if "choices" in response else response
    )
    with pytest.raises(Unavailable) as live:
        read([sent(as_chunk)])
    assert SECRET not in f"{plainly.value!r} {live.value!r}"


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"\x00", b'{"a": "\xff"}', b"[" * 5000, b"nan"])
def test_bytes_that_are_no_json_are_unavailable(body: bytes) -> None:
    with pytest.raises(Unavailable):
        Reader().whole(body)
    with pytest.raises(Unavailable):
        read([b"data: " + body + b"\n\ndata: [DONE]\n\n"])


def test_an_error_in_the_stream_carries_its_status() -> None:
    for event in (b"data: ", b"event: error\ndata: "):
        with pytest.raises(Unavailable) as caught:
            read([sent(chunk(content="a"))[:-14], event + b'{"error": {"message": "x", "code": 503}}\n\n'])
        assert caught.value.status == 503
    with pytest.raises(Unavailable):
        read([b'event: error\ndata: {"message": "no error member"}\n\n'])


def test_text_after_the_end_of_a_choice_is_an_error_but_an_empty_delta_is_not() -> None:
    done = chunk(content="4", finish="stop")
    assert streamed(done, chunk(role="assistant", content=""), chunk(finish="stop")).answer == "4"
    with pytest.raises(Unavailable):
        streamed(done, chunk(content="5"))


MEMBERS = st.sampled_from([
    "content", "text", "thinking", "type", "reasoning", "tool_calls", "function", "index", "logprobs", "choices",
    "delta", "message", "usage", "error", "id",
])  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_any_json_gives_events_or_unavailable(value: Any) -> None:
    for response in (
        value,
        {"choices": [value]},
        whole(value),
        {"choices": [{"delta": value, "finish_reason": "stop"}]},
    ):
        try:
            assert Reader().whole(json.dumps(response).encode())
        except Unavailable:
            pass
        try:
            assert read([sent(response)])
        except Unavailable:
            pass


def test_more_choices_than_anybody_asks_for_are_not_followed() -> None:
    with pytest.raises(Unavailable, match="choices"):
        read([sent(*(chunk(index=index, content="a") for index in range(200)))])


def test_inbound_reasoning_can_be_dropped_from_messages() -> None:
    parts = [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "4"}, {"type": "reasoning", "text": "r"}]
    messages = (
        {"role": "user", "content": "2+2", "name": "x"},
        {"role": "assistant", "content": "4", "reasoning_content": "t", "thinking_blocks": [{}], "tool_calls": []},
        {"role": "assistant", "content": parts},
    )
    assert without_reasoning(messages) == (
        messages[0],
        {"role": "assistant", "content": "4", "tool_calls": []},
        {"role": "assistant", "content": [parts[1]]},
    )
    assert "reasoning_content" in messages[1] and len(parts) == 3


def test_deeply_nested_reasoning_does_not_exhaust_the_stack() -> None:
    nested: Any = "x"
    for _ in range(400):
        nested = [nested]
    assert plain({"content": "4", "reasoning": nested, "reasoning_details": [{"content": nested}]}).answer == "4"


def test_only_extras_make_a_response_too() -> None:
    assert Extra({"refusal": "no"}, 0) in Reader().whole(json.dumps(whole({"content": None, "refusal": "no"})).encode())


STOPPED = Asked(Request(QUESTION.messages, {}, {"stop": ["\n\n"]}))
COUNTED = "Each box has 12 pens, so 3*12 = 36.\n\nAdding 4 gives 36+4 = 40, so the answer is 40.\n\nThat was it."


@given(st.integers(1, len(COUNTED)), st.sampled_from(["length", "abort", "stop"]))
def test_of_a_span_cut_anywhere_only_a_stated_answer_leaves(end: int, finish: str) -> None:
    content = COUNTED[:end]
    body = json.dumps(whole({"content": content}, finish)).encode()
    asked = STOPPED if finish == "stop" else None
    events = Reader("span", asked=asked).whole(body)
    trace = collect(QUESTION, events)[0]
    assert "the answer is 40".startswith(trace.answer) and (trace.answer or trace.reasoning == content)
    assert bool(trace.answer) == ("the answer is 4" in content)
    live = Reader("span", asked=asked)
    chunks = [chunk(content=letter) for letter in content]
    assert collect(QUESTION, live.feed(sent(*chunks, chunk(finish=finish))) + live.close())[0].answer == trace.answer


def test_a_span_that_ended_by_itself_is_told_apart_as_ever() -> None:
    assert plain({"content": "I add.\n\nIt has come to this"}, "span").answer == "It has come to this"


def cut(finish: str, habits: Habits, content: str = "I add two and", *, stops: bool = False) -> Trace:
    body = json.dumps(whole({"content": content}, finish)).encode()
    return collect(QUESTION, Reader("tags", habits, STOPPED if stops else None).whole(body))[0]


CUTS = ["length", "content_filter", "abort", "model_length", "max_tokens", "MAX_TOKENS", "error", "of next year"]
CUTS += ["insufficient_system_resource", "stop_sequence", "repetition"]
WHOLE = ["stop", "STOP", "tool_calls", "tool-calls", "function_call", "eos", "eos_token", "end_turn", "tool_use"]


@pytest.mark.parametrize(("finish", "stops"), [*((cut, False) for cut in CUTS), ("stop", True)])
def test_what_is_cut_before_the_closing_tag_is_reasoning_where_the_prompt_opens_it(finish: str, stops: bool) -> None:
    habits = Habits()
    trace = cut(finish, habits, stops=stops)
    assert (trace.reasoning, trace.answer) == ("", "I add two and")  # a model without tags keeps its cut answers
    assert cut("stop", habits, "I add.</think>4").answer == "4"
    trace = cut(finish, habits, stops=stops)
    assert (trace.reasoning, trace.answer, trace.finish) == ("I add two and", "", finish)


def test_an_answer_that_ended_by_itself_or_has_a_field_for_reasoning_stays_an_answer() -> None:
    habits = Habits()
    cut("stop", habits, "I add.</think>4")
    for finish in WHOLE:
        assert cut(finish, habits, "It is 4.").answer == "It is 4."
    body = json.dumps(whole({"reasoning_content": "hm", "content": "It is"}, "length")).encode()
    assert collect(QUESTION, Reader("tags", habits).whole(body))[0].answer == "It is"
    assert cut("length", Habits(), "<think>hm</think>4 and").answer == "4 and"


def test_an_explicit_tag_teaches_no_habit() -> None:
    habits = Habits()
    cut("stop", habits, "<think>hm</think>4")
    assert cut("length", habits).answer == "I add two and"
