"""Events and traces: what clients' merging rules say, and what an empty response is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope import Request, Scripted, Trace, ask, ask_all
from azeotrope.errors import Unavailable
from azeotrope.streams import collect, merged, play, whole_tool_calls
from azeotrope.types import Answer, Finish, Opened, ToolCall, Usage

QUESTION = Request.of("2+2?")


def test_tool_call_deltas_become_whole_calls_in_order() -> None:
    deltas = [
        {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x"'}},
        {"index": 0, "function": {"arguments": ": 1}"}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]
    assert whole_tool_calls(deltas) == (
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    )


def test_another_id_at_the_same_index_is_another_call() -> None:
    deltas = [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x"'}},
        {"index": 0, "function": {"arguments": ": 1}"}},
        {"index": 0, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
        {"index": 0, "id": "b", "function": {"arguments": "{}"}},
    ]
    assert whole_tool_calls(deltas) == (
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    )


def test_an_id_that_comes_after_its_calls_name_starts_no_other() -> None:
    deltas = [{"index": 0, "function": {"name": "f"}}, {"index": 0, "id": "a", "function": {"arguments": "{}"}}]
    assert whole_tool_calls(deltas) == ({"id": "a", "function": {"name": "f", "arguments": "{}"}},)


def test_merging_grows_strings_and_lists_and_replaces_the_rest() -> None:
    merge = merged({"refusal": "I ", "annotations": [1], "n": 1, "x": None}, {"refusal": "won't", "annotations": [2]})
    assert merge == {"refusal": "I won't", "annotations": [1, 2], "n": 1, "x": None}
    assert merged({"n": 1}, {"n": 2, "y": None}) == {"n": 2, "y": None}
    assert merged({"n": 1}, {"n": None}) == {"n": 1}


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.text() | st.lists(st.integers())), st.integers(0, 5))
def test_merging_writes_to_neither_argument(left: dict, cut: int) -> None:
    before = {k: list(v) if isinstance(v, list) else v for k, v in left.items()}
    merged(left, left)
    assert left == before


def test_choices_come_back_by_index_and_share_the_usage() -> None:
    events = [
        Opened("r", "m", 5),
        Answer("b", 1),
        Answer("a", 0),
        Finish("length", 1),
        Finish("stop", 0),
        Usage({"t": 1}),
    ]
    first, second = collect(QUESTION, events)
    assert (first.answer, first.finish, second.answer, second.finish) == ("a", "stop", "b", "length")
    assert first.usage == second.usage == {"t": 1}
    assert (first.id, first.model, first.created) == ("r", "m", 5)


def test_an_empty_response_is_a_failure_not_an_empty_answer() -> None:
    with pytest.raises(Unavailable, match="empty response"):
        collect(QUESTION, [Opened("r"), Usage({})])


def test_a_tool_call_is_played_with_its_index() -> None:
    trace = Trace("t", QUESTION, "", "", tool_calls=({"id": "a"}, {"id": "b"}), finish="tool_calls")
    calls = [event.delta for event in play(trace) if isinstance(event, ToolCall)]
    assert calls == [{"index": 0, "id": "a"}, {"index": 1, "id": "b"}]


async def test_ask_collects_what_a_model_streams() -> None:
    model = Scripted(lambda r: ("why", r.messages[-1]["content"]), pieces=1)
    trace = await ask(model, QUESTION)
    assert (trace.reasoning, trace.answer, trace.request) == ("why", "2+2?", QUESTION)
    assert await ask_all(model, QUESTION) == [trace]
    assert model.asked == [QUESTION, QUESTION]


@pytest.mark.parametrize(("n", "choices"), [(None, 1), (1, 1), (3, 3), (0, 1), ("3", 1)])
def test_how_many_choices_a_request_asks_for(n: object, choices: int) -> None:
    assert Request((), {}, {"n": n}).choices == choices
