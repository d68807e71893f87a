"""Released token records are those of released tokens: no word of reasoning leaves through them, however it is cut."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.models.logprobs import aligned
from azeotrope.models.wire_in import Reader
from azeotrope.streams import collect
from azeotrope.types import Answer, Event, Request

QUESTION = Request.of("?")


def record(token: str, raw: bytes | None = None) -> dict[str, Any]:
    octets = token.encode() if raw is None else raw
    bare = {"token": token, "logprob": -0.5, "bytes": list(octets)}
    return {**bare, "top_logprobs": [bare]}


def read(message: dict[str, Any], tokens: list[str], policy: Any = "tags") -> list[Event]:
    """A whole response."""
    logprobs = {"content": [record(token) for token in tokens]}
    choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": "stop"}
    return Reader(policy).whole(json.dumps({"id": "c", "choices": [choice]}).encode())


def released(events: list[Event]) -> list[str] | None:
    records = collect(QUESTION, events)[0].logprobs
    return None if records is None else [r["token"] for r in records]


def test_the_records_of_an_answer_come_with_it() -> None:
    events = read({"content": "it is 4"}, ["it", " is", " 4"])
    assert released(events) == ["it", " is", " 4"]
    assert collect(QUESTION, events)[0].logprobs == tuple(record(t) for t in ["it", " is", " 4"])


def test_records_of_a_whole_message_that_begin_with_the_reasoning() -> None:
    tokens = ["so", " it", " is", " 4", "</think>", "\n\n", "it", " is", " 4", "<|im_end|>"]
    assert released(read({"reasoning": "so it is 4", "content": "it is 4"}, tokens)) == ["it", " is", " 4"]
    assert (
        released(read({"content": "it is 4"}, tokens)) is None
    )  # nothing says that there is reasoning: why do they differ?


def test_reasoning_that_says_what_the_answer_says_does_not_lend_it_its_records() -> None:
    twice = {"reasoning": "Yes", "content": "Yes"}
    assert released(read(twice, ["Yes", "Yes"])) is None
    assert released(read(twice, ["Yes", "</think>", "Yes", "<|im_end|>"])) == ["Yes"]
    assert aligned(b"Yes", [b"Yes", b"</think>", b"Yes"], True) is None
    assert aligned(b"Yes", [b"Yes", b"Yes"], False) == (0, 1)


@pytest.mark.parametrize(
    "tokens",
    [["it", " is", " 5"], ["it is"], ["it", " is", " 4", "a", "b", "c"], ["so it", " is", " 4"], []],
    ids=repr,
)
def test_records_that_do_not_add_up_are_all_dropped(tokens: list[str]) -> None:
    assert released(read({"reasoning": "so it", "content": "it is 4"}, tokens)) is None


def test_records_of_tags_and_of_tokens_across_their_edges_stay() -> None:
    tokens = ["<think>", "a", "b</", "think>c", " d", " e"]
    assert released(read({"content": "<think>ab</think>c d e"}, tokens)) == [" d", " e"]
    assert released(read({"content": "ab</think>c d e"}, tokens[1:])) == [" d", " e"]


@pytest.mark.parametrize(
    "bad",
    [
        {"token": "SECRET", "bytes": list(b" is")},
        {"token": " is", "bytes": "SECRET"},
        {"token": " is", "bytes": [300]},
        {"token": 3},
        {"logprob": "SECRET"},
        {"top_logprobs": [{"token": "x", "bytes": list(b"SECRET"), "logprob": -1}]},
        {"top_logprobs": ["SECRET"]},
    ],
    ids=repr,
)
def test_a_record_whose_text_and_bytes_disagree_costs_them_all(bad: dict[str, Any]) -> None:
    records = [record("it"), {**record(" is"), **bad}, record(" 4")]
    choice = {"message": {"content": "it is 4"}, "logprobs": {"content": records}, "finish_reason": "stop"}
    assert released(Reader("off").whole(json.dumps({"choices": [choice]}).encode())) is None


def test_members_of_a_record_that_nobody_knows_are_dropped() -> None:
    odd = {**record("4"), "id": 7, "reasoning": "SECRET"}
    choice = {"message": {"content": "4"}, "logprobs": {"content": [odd], "x": "SECRET"}, "finish_reason": "stop"}
    events = Reader("off").whole(json.dumps({"choices": [choice]}).encode())
    assert collect(QUESTION, events)[0].logprobs == (record("4"),)


def stream(*parts: tuple[dict[str, Any], list[dict[str, Any]] | None], policy: Any = "tags") -> list[Event]:
    reader, events = Reader(policy), list[Event]()
    for delta, records in parts:
        logprobs = None if records is None else {"content": records}
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": None}
        events += reader.feed(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
    events += reader.feed(b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n')
    return events + reader.close()


def test_a_character_of_several_tokens_keeps_them_all() -> None:
    first, second = record("\ufffd", b"\xf0\x9f"), record("bytes:\\x99\\x82", b"\x99\x82")
    for policy in ("off", "tags"):
        events = stream(
            ({"content": ""}, [first]), ({"content": "🙂"}, [second]), ({"content": "!"}, [record("!")]), policy=policy
        )
        assert released(events) == ["\ufffd", "bytes:\\x99\\x82", "!"]


def test_streamed_reasoning_keeps_its_records() -> None:
    events = stream(
        ({"role": "assistant"}, [record("<think>")]),
        ({"reasoning": "so"}, [record("so")]),
        ({"reasoning": " 4", "content": "4"}, [record(" 4"), record("</think>"), record("4")]),
        ({"content": "."}, [record("."), record("<|im_end|>")]),
    )
    assert released(events) == ["4", "."]


def test_records_that_begin_or_stop_in_the_midst_are_no_records_of_this_answer() -> None:
    late = stream(({"content": "a"}, None), ({"content": "b"}, [record("b")]))
    assert released(late) is None
    early = stream(({"content": "a"}, [record("a")]), ({"content": "b"}, None), ({"content": "c"}, [record("c")]))
    assert released(early) is None


@given(
    reasoning=st.lists(st.sampled_from(["R", "RR", "🙈R"]), max_size=6),
    answer=st.lists(st.sampled_from(["a", "bb", " a", "é", "<", "</", "\n"]), max_size=6),
    marked=st.sampled_from(["field", "tags", "bare"]),
    cuts=st.lists(st.integers(0, 80), max_size=8),
    sizes=st.lists(st.integers(1, 4), min_size=30, max_size=30),
)
def test_no_token_of_reasoning_leaves_and_only_whole_tokens_of_the_answer_do(
    reasoning: list[str], answer: list[str], marked: str, cuts: list[int], sizes: list[int]
) -> None:
    """Content in chunks cut between tokens anywhere; tokens glued together over the edges of the tags."""
    opening, closing = {"field": ([], []), "tags": (["<think>"], ["</think>"]), "bare": ([], ["</think>"])}[marked]
    tokens = glued([*opening, *reasoning, *closing, *answer] if marked != "field" else answer, sizes)
    parts = [({"reasoning": "".join(reasoning)}, [record(t) for t in reasoning])] if marked == "field" else []
    edges = sorted({0, len(tokens), *(cut for cut in cuts if cut < len(tokens))})
    for start, end in pairwise(edges):
        parts.append(({"content": "".join(tokens[start:end])}, [record(t) for t in tokens[start:end]]))
    events = stream(*parts)
    said = "".join(event.text for event in events if isinstance(event, Answer))
    kept = released(events) or []
    assert not [token for token in kept if "R" in token or "think" in token]
    assert is_subsequence(kept, tokens) and all(token in said for token in kept)
    assert marked != "field" or kept == tokens


def glued(tokens: list[str], sizes: list[int]) -> list[str]:
    out, at = [], 0
    for size in sizes:
        out.append("".join(tokens[at : at + size]))
        at += size
    return [token for token in [*out, *tokens[at:]] if token]


def is_subsequence(few: list[str], many: list[str]) -> bool:
    rest = iter(many)
    return all(token in rest for token in few)


@given(st.lists(st.binary(min_size=1, max_size=3)), st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_a_run_is_the_content_or_there_is_none(tokens: list[bytes], first: int, count: int, may_skip: bool) -> None:
    content = b"".join(tokens[first : first + count])
    span = aligned(content, tokens, may_skip)
    if span is not None:
        assert b"".join(tokens[slice(*span)]) == content
        assert may_skip or span[0] == 0
    if may_skip:
        runs = {
            (len(b"".join(tokens[:begin])), end)
            for end in range(max(0, len(tokens) - 2), len(tokens) + 1)
            for begin in range(end + 1)
            if b"".join(tokens[begin:end]) == content
        }
        assert (span is None) == (len({begin for begin, _ in runs}) != 1)
    elif first + count >= len(tokens) and first == 0:
        assert span is not None
