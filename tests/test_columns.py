"""Rows of every known shape: all their reasoning is found, and writing it back changes nothing else."""

import json
import re
from copy import deepcopy

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from azeotrope.errors import Misconfigured
from azeotrope.models.columns import Layout, Unreadable, detect, edited, read, unmarked
from azeotrope.models.columns.places import has_mark
from azeotrope.models.text import marks

WHY = "First the five are added to the seven, which makes twelve, and then the three that broke are taken off."
SECOND = "Half of the nine that are left is four and a half, which is rounded down because eggs are whole."

GSM8K = {"question": "How many?", "answer": f"{WHY}\n#### 9"}
PLAIN = {"id": 7, "problem": "How many?", "cot": WHY, "solution": "9"}
CHAT = {
    "messages": [
        {"role": "system", "content": "Use <think></think>."},
        {"role": "user", "content": "How many?"},
        {"role": "assistant", "content": "9", "reasoning_content": WHY, "reasoning": WHY},
        {"role": "user", "content": "And half?"},
        {"role": "assistant", "content": f"<think>\n{SECOND}\n</think>\n\n4"},
    ]
}
SHAREGPT = {
    "conversations": [{"from": "human", "value": "How many?"}, {"from": "gpt", "value": f"<think>{WHY}</think>9"}]
}
OPENR1 = {
    "problem": "How many?",
    "solution": "By counting.",
    "answer": "9",
    "generations": [f"<think>{WHY}</think>\n\n9", f"{SECOND}\n</think>\n4", "9"],
    "messages": [
        {"role": "user", "content": "How many?"},
        {"role": "assistant", "content": f"<think>{WHY}</think>\n\n9"},
    ],
}
BLOCKS = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "How many?"}]},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": WHY, "signature": "c2lnbmVk"}, {"type": "text", "text": "9"}],
        },
    ]
}
TRL = {
    "prompt": [{"role": "user", "content": "How many?"}],
    "completion": [{"role": "assistant", "content": "9", "thinking": WHY}],
}
BEDROCK = {
    "messages": [
        {"role": "user", "content": [{"text": "How many?"}]},
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": WHY, "signature": "c2lnbmVk"}}},
                {"text": "9"},
            ],
        },
    ]
}
GEMINI = {
    "contents": [
        {"role": "user", "parts": [{"text": "How many?"}]},
        {"role": "model", "parts": [{"text": WHY, "thought": True}, {"text": "9", "thoughtSignature": "c2lnbmVk"}]},
    ]
}
LITELLM = {
    "messages": [
        {"role": "user", "content": "How many?"},
        {
            "role": "assistant",
            "content": "9",
            "reasoning_content": WHY,
            "thinking_blocks": [
                {"type": "thinking", "thinking": WHY, "signature": "c2lnbmVk"},
                {"type": "redacted_thinking", "data": "c2VhbGVk"},
            ],
            "encrypted_content": "c2VhbGVk",
            "reasoning_signature": "c2lnbmVk",
            "extra_content": {"google": {"thought_signature": "c2lnbmVk"}},
            "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}, "thought_signature": "c2lnbmVk"}],
        },
    ]
}
RESPONSES = {
    "instruction": "How many?",
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": WHY}], "encrypted_content": "c2VhbGVk"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "9", "annotations": []}]},
    ],
}
BATCH = {
    "custom_id": "a",
    "response": {"body": {"choices": [{"message": {"role": "assistant", "content": "9", "reasoning": WHY}}]}},
}
DETAILS = {
    "question": "How many?",
    "reasoning_details": [{"type": "reasoning.text", "text": WHY}, {"type": "reasoning.encrypted", "data": "c2VhbGVk"}],
    "answer": "9",
}
HARMONY = {
    "user": "How many?",
    "analysis": WHY,
    "final": "9",
    "messages": [
        {"role": "user", "content": "How many?", "thinking": None},
        {"role": "assistant", "content": "9", "thinking": WHY},
    ],
}
CAPITALS = {"Question": "How many?", "Complex_CoT": WHY, "Response": "9"}
INFO = {
    "messages": [
        {"role": "user", "content": "How many?", "info": {"think_content": None}},
        {"role": "assistant", "content": f"<think>{WHY}</think>9", "info": {"think_content": WHY}},
    ]
}
SHAPES = {
    "gsm8k": GSM8K,
    "plain": PLAIN,
    "chat": CHAT,
    "sharegpt": SHAREGPT,
    "openr1": OPENR1,
    "blocks": BLOCKS,
    "trl": TRL,
    "bedrock": BEDROCK,
    "gemini": GEMINI,
    "litellm": LITELLM,
    "responses": RESPONSES,
    "batch": BATCH,
    "details": DETAILS,
    "harmony": HARMONY,
    "capitals": CAPITALS,
    "info": INFO,
}


@pytest.fixture(params=SHAPES)
def row(request):
    return deepcopy(SHAPES[request.param])


def written(layout, row, text: str):
    return edited(row, [edit for turn in read(layout, row) for edit in turn.edits(text)])


def test_nothing_of_the_reasoning_is_left_when_it_is_withheld(row) -> None:
    layout = detect([row])
    before = json.dumps(row)
    out = written(layout, row, "")
    assert WHY in before
    assert WHY not in json.dumps(out)
    assert SECOND not in json.dumps(out)
    assert "c2" not in json.dumps(out)  # nor a sealed copy
    assert json.dumps(row) == before  # the argument was not written to
    assert read(layout, out) == ()


def test_an_analysis_is_reasoning_only_beside_a_final_answer() -> None:
    row = {"question": "How many?", "reasoning": WHY, "answer": "9", "analysis": {"length": 3}}
    assert written(detect([row]), row, "") == {**row, "reasoning": ""}
    alone = {"question": "How many?", "analysis": SECOND, "reasoning": WHY, "answer": "9"}
    assert written(detect([alone]), alone, "")["analysis"] == SECOND


def test_every_turn_has_its_question_its_reasoning_and_its_answer(row) -> None:
    turns = read(detect([row]), row, "r")
    assert [turn.trace.id for turn in turns] == [f"r.{i}" for i in range(len(turns))]
    assert WHY in turns[0].trace.reasoning
    if row != RESPONSES:  # an item of its own, beside the answer's
        assert turns[0].trace.answer.strip().removeprefix("#### ") == "9"
    if row != BATCH:  # a batch's output does not hold its question
        assert "How many?" in json.dumps(turns[0].trace.request.messages)


def test_a_rewrite_reads_back_as_it_was_written_beside_the_same_answers(row) -> None:
    layout = detect([row])
    out = written(layout, row, "Sums, then a difference.")
    turns, again = read(layout, row), read(layout, out)
    assert {turn.trace.reasoning for turn in again} == {"Sums, then a difference."}
    assert {turn.trace.answer for turn in again} == {turn.trace.answer for turn in turns}


def test_unchanged_reasoning_asks_for_no_edit(row) -> None:
    assert [turn.edits(turn.trace.reasoning) for turn in read(detect([row]), row)].count([]) == len(
        read(detect([row]), row)
    )


def test_a_later_turn_is_asked_without_the_reasoning_of_earlier_ones() -> None:
    _, second = read(detect([CHAT]), CHAT)
    assert [message["role"] for message in second.trace.request.messages] == ["system", "user", "assistant", "user"]
    assert WHY not in json.dumps(second.trace.request.messages)
    assert (second.trace.reasoning, second.trace.answer) == (SECOND, "4")


def test_copies_of_one_reasoning_are_one_turn() -> None:
    turns = read(detect([OPENR1]), OPENR1)
    assert [(t.trace.reasoning, len(t.spots)) for t in turns] == [(WHY, 2), (SECOND, 1)]


def test_gsm8k_keeps_its_last_line_byte_for_byte() -> None:
    row = {"question": "?", "answer": "Two <<1+1=2>>2.\n####  2\n"}
    layout = detect([row])
    assert layout.hashes
    assert written(layout, row, "") == {"question": "?", "answer": "####  2\n"}
    assert written(layout, row, "An addition.") == {"question": "?", "answer": "An addition.\n####  2\n"}


def test_a_heading_inside_the_reasoning_is_not_the_answer() -> None:
    row = {"question": "?", "answer": "#### Step one\nAdd.\n#### 2"}
    assert written(detect([row]), row, "") == {"question": "?", "answer": "#### 2"}


def test_a_row_in_which_reasoning_could_hide_is_not_read() -> None:
    with pytest.raises(Unreadable, match="last line '####"):
        read(detect([GSM8K]), {"question": "?", "answer": WHY})
    with pytest.raises(Unreadable, match="none of the columns"):
        read(detect([PLAIN]), {"problem": "?", "my_thoughts": WHY, "solution": "9"})
    with pytest.raises(Unreadable, match="column 'text' repeats"):
        read(detect([PLAIN]), {**PLAIN, "text": f"user: ?\nassistant: {WHY} 9"})


TRICKY = 'He said "twelve", wrote\nb\\c, and then — naïvely — took the "three" that broke away\nfrom all of the twelve.'
COPIES = {
    "in a member": lambda text: {"copy": text},
    "deep down": lambda text: [{"a": [{"b": text}]}],
    "in JSON": lambda text: json.dumps({"raw": text}),
    "in JSON of letters as they are": lambda text: json.dumps({"raw": text}, ensure_ascii=False),
    "in JSON in JSON": lambda text: json.dumps({"raw": json.dumps({"raw": text})}),
    "in JSON in a member": lambda text: {"log": json.dumps([text])},
}


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("base", [{**PLAIN, "cot": TRICKY}, {**CHAT, "extra": 1}], ids=["column", "messages"])
def test_a_copy_of_the_reasoning_is_found_at_any_depth(base, kind) -> None:
    layout = detect([base])
    copy = {**base, "meta": COPIES[kind](read(layout, base)[0].trace.reasoning)}
    with pytest.raises(Unreadable, match="column 'meta' repeats"):
        read(layout, copy)
    with pytest.raises(Misconfigured, match="--keep meta"):
        detect([copy])
    assert read(detect([copy], Layout(keep=("meta",))), copy)


def test_a_copy_inside_the_column_that_holds_the_reasoning_is_found_and_a_quote_is_none() -> None:
    row = deepcopy(CHAT)
    row["messages"][3]["content"] = f"You thought: {WHY} And half?"
    assert len(read(detect([row]), row)) == 2
    row["messages"][2]["meta"] = {"copy": WHY}
    with pytest.raises(Unreadable, match="column 'messages' repeats"):
        read(detect([CHAT]), row)


def test_an_unmarked_answer_beside_marked_ones_is_named() -> None:
    layout = detect([OPENR1])
    lost = {**OPENR1, "generations": [f"<think>{WHY}</think>9", SECOND]}
    assert unmarked(layout, lost, read(layout, lost)) == "generations"
    for fine in ([f"<think>{WHY}</think>9", "<think></think>9", None, " "], ["4", SECOND]):
        row = {**OPENR1, "generations": fine}
        assert unmarked(layout, row, read(layout, row)) == ""
    kept = detect([OPENR1], Layout(keep=("generations",)))
    assert unmarked(kept, lost, read(kept, lost)) == ""


@pytest.mark.parametrize("empty", ["", None, "  \n"])
def test_a_row_whose_reasoning_is_empty_has_no_turn(empty) -> None:
    assert read(detect([PLAIN]), {**PLAIN, "cot": empty}) == ()


def test_no_reasoning_is_a_loud_error_with_the_columns_and_the_cure() -> None:
    with pytest.raises(Misconfigured, match=r"first 1 rows; their columns are: question, reply\. .*--reasoning-column"):
        detect([{"question": "?", "reply": "9"}])
    with pytest.raises(Misconfigured, match=r"no column 'why' .*there are: cot, id, problem, solution"):
        detect([PLAIN], Layout(reasoning="why"))
    with pytest.raises(
        Misconfigured, match="column 'text' repeats the reasoning: drop it, or allow it with --keep text"
    ):
        detect([{**PLAIN, "text": WHY}])


def test_columns_can_be_named() -> None:
    row = {"q": "How many?", "working": WHY, "a": "9", "text": WHY}
    layout = detect([row], Layout("q", "working", "a", keep=("text",)))
    (turn,) = read(layout, row)
    assert (turn.trace.request.messages[0]["content"], turn.trace.reasoning, turn.trace.answer) == (
        "How many?",
        WHY,
        "9",
    )
    assert written(layout, row, "x") == {**row, "working": "x"}


def test_span_takes_all_before_the_final_answer() -> None:
    row = {"problem": "?", "solution": f"{WHY} So the answer is $\\boxed{{9}}$."}
    with pytest.raises(Misconfigured, match="--reasoning-in-content span"):
        detect([row])
    out = written(detect([row], Layout(policy="span")), row, "")
    assert WHY not in out["solution"]
    assert "\\boxed{9}" in out["solution"]


NAMES_OF_MARKS = [
    name
    for tag in re.findall(r"\w+\??", marks._NAME)
    for name in dict.fromkeys((tag.replace("?", ""), tag.replace("s?", "")))  # in one order, whatever the hash seed
]
MARKS = [
    *(text for name in NAMES_OF_MARKS for text in (f"<{name}>", f"< / seed:{name.upper()} >", f'<{name} a="b"/>')),
    *marks._LITERAL,
    *(literal.upper() for literal in marks._LITERAL),
    "<|channel|>analysis<|message|>",
    "<|start|>assistant<|channel|>final<|message|>",
]


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_that_the_splitter_knows_is_seen(mark) -> None:
    assert marks.mark_at(mark, 0)
    assert has_mark(f"a < b [c] {mark} d")


def test_reasoning_between_marks_that_only_the_splitter_names_is_found() -> None:
    row = {"messages": [{"role": "assistant", "content": f"<scratchpad>{WHY}</scratchpad>9"}]}
    assert WHY not in json.dumps(written(detect([row]), row, ""))


# --- content in parts

RAW = "RAW: three twelves are thirty-six, and the four that were bought make forty."
PARTS = {
    "Bedrock's": [{"reasoningContent": {"reasoningText": {"text": RAW, "signature": "S"}}}, {"text": "4"}],
    "reasoning_text": [{"type": "reasoning_text", "text": RAW}, {"type": "text", "text": "4"}],
    "reasoning_content": [{"type": "reasoning_content", "reasoning_content": RAW}, {"type": "text", "text": "4"}],
    "a delta": [{"type": "thinking_delta", "thinking": RAW}, {"type": "text", "text": "4"}],
    "a flag": [{"type": "text", "text": RAW, "thought": True}, {"type": "text", "text": "4"}],
    "Gemini's flag": [
        {"type": "text", "text": RAW, "extra_content": {"google": {"thought": True}}},
        {"type": "output_text", "text": "4"},
    ],
    "a string": [f"<think>{RAW}</think>4"],
    "a list in the list": [[{"type": "thinking", "thinking": RAW}], {"type": "text", "text": "4"}],
    "one part": {"type": "text", "text": f"<scratchpad>{RAW}</scratchpad>4"},
    "Assistants'": [{"type": "text", "text": {"value": f"<think>{RAW}</think>4", "annotations": []}}],
}


@pytest.mark.parametrize("kind", PARTS)
def test_reasoning_in_parts_is_guarded_and_the_answer_beside_it_stays(kind) -> None:
    row = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": PARTS[kind]}]}
    (turn,) = read(detect([row]), row)
    assert (turn.trace.reasoning, turn.trace.answer) == (RAW, "4")
    assert RAW not in json.dumps(written(detect([row]), row, ""))


FINE = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "4", "thinking": WHY}]}


@pytest.mark.parametrize(
    "content",
    [
        {"reasoning": RAW, "answer": "4"},
        [{"type": "text", "text": "4", "reasoning_content": RAW}],
        [{"type": "text", "text": RAW, "thought": "yes"}],
        [{"type": "text", "text": "4", "aside": RAW}],
        [{"type": "summary_text", "text": RAW}],
        [{"type": ["text"], "text": RAW}],
        [{"type": "image_url", "image_url": {"url": RAW}}],
        [{"text": "4", "notes": RAW}],
        [{"type": "text", "text": [{"odd": RAW}]}],
    ],
)
def test_a_part_that_could_be_reasoning_or_answer_fails_its_row_with_the_cure(content) -> None:
    row = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": content}]}
    with pytest.raises(Unreadable, match=r"a part of content that is not known.*--keep messages") as caught:
        read(detect([FINE]), row)
    assert RAW not in str(caught.value)
    read(detect([FINE], Layout(keep=("messages",))), row)


def test_parts_that_are_no_reasoning_stay_as_they_are() -> None:
    parts = [
        {"type": "text", "text": "4", "annotations": [{"type": "url_citation", "title": "Of fours"}], "thinking": None},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_id": "f1"}, "filename": "all of it.pdf"},
        {"type": "tool_use", "id": "t1", "name": "think", "input": {"thought": "said to the tool"}},
        {"type": "refusal", "refusal": "I would rather not."},
        {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"text": "a b"}}},
        {"type": "step-start"},
        {"type": None, "text": "4", "image": None, "thinking": None},
        {"type": "text", "text": ""},
        None,
    ]
    row = {"messages": [{"role": "assistant", "reasoning": WHY, "content": parts}]}
    out = written(detect([row]), row, "")
    assert out["messages"][0] == {"role": "assistant", "reasoning": "", "content": parts}


def test_reasoning_only_sealed_is_not_passed_by() -> None:
    item = {"type": "reasoning", "summary": [], "encrypted_content": "c2VhbGVk"}
    row = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": [item, "4"]}]}
    with pytest.raises(Unreadable, match=r"only sealed.*--keep messages"):
        read(detect([FINE]), row)
    both = {"messages": [*row["messages"], *FINE["messages"]]}
    assert "c2VhbGVk" not in json.dumps(written(detect([FINE]), both, ""))


def test_what_was_asked_and_called_may_quote_the_reasoning_and_nothing_else_may() -> None:
    call = {"function": {"name": "f", "arguments": json.dumps({"note": WHY})}}
    fine = {"messages": [*FINE["messages"], {"role": "assistant", "content": WHY, "tool_calls": [call]}]}
    assert len(read(detect([FINE]), fine)) == 1
    with pytest.raises(Unreadable, match="'messages' repeats"):
        read(Layout(), {"cot": WHY, "messages": [{"role": "assistant", "content": WHY}]})
    for copy in ({"text": WHY}, {"info": {"content": WHY}}, {"info": {WHY: 1}}):
        odd = {"messages": [*FINE["messages"], {"role": "assistant", "content": "4", **copy}]}
        with pytest.raises(Unreadable, match="repeats the reasoning"):
            read(detect([FINE]), odd)


def test_a_row_that_nests_too_deeply_fails_alone() -> None:
    deep: object = RAW
    for _ in range(2000):
        deep = [deep]
    with pytest.raises(Unreadable, match="too deeply"):
        read(detect([FINE]), {**FINE, "deep": deep})


def test_no_place_is_written_twice() -> None:
    marked = f"<think>{RAW}</think>4"
    said = {"role": "assistant", "content": "4", "reasoning": WHY, "signature": marked, "encrypted_content": marked}
    row = {"cot": WHY, "meta": {"encrypted_content": marked}, "messages": [said]}
    places = [spot.path for turn in read(Layout(), row) for spot in turn.spots]
    assert len(places) == len(set(places)) == 5


NAMES = ["content", "summary", "data", "signature", "name", "id", "role", "thinking", "reasoningText", "thought", "why"]
VALUES = st.sampled_from([RAW, f"<think>{RAW}</think>4", "4", "", None, True, 7])
NESTED = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
)
KINDS = st.sampled_from([None, "", 3, [], "thinking", "reasoning.text", "summary_text", "step", RAW])
ODD = st.builds(lambda kind, members: {"type": kind, **members}, KINDS, st.dictionaries(st.sampled_from(NAMES), NESTED))
TEXTS = st.builds(lambda members: {"type": "text", "text": "4", **members},
                  st.dictionaries(st.sampled_from(NAMES), NESTED))  # fmt: skip
FLAGGED = st.builds(lambda flag: {"type": "text", "text": RAW, **flag},
                    st.sampled_from([{"thought": True}, {"thinking": "x"}, {"reasoning": {"a": 1}}]))  # fmt: skip
ANY_PART = st.one_of(ODD, TEXTS, FLAGGED, st.just(f"<think>{RAW}</think>4"), st.just("4"))
CONTENT = ANY_PART | st.recursive(ANY_PART, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
BESIDE = st.dictionaries(
    st.sampled_from(["reasoning", "thinking_blocks", "reasoningContent", "reasoning_signature", "encrypted_content"]),
    NESTED,
    max_size=2,
)


@any_of(CONTENT, BESIDE, st.sampled_from(["content", "value", "parts"]), st.sampled_from(["assistant", "model", "odd"]))
def test_reasoning_planted_anywhere_in_what_a_message_says_never_leaves(content, beside, name, role) -> None:
    said = {"role": role, "from": role, name: content, **beside}
    row = {"messages": [*FINE["messages"], {"role": "user", "content": "?"}, said]}
    try:
        turns = read(detect([FINE]), row)
    except Unreadable as unreadable:
        assert RAW not in str(unreadable)
        return
    edits = [edit for turn in turns for edit in turn.edits("")]
    assert len(edits) == len({path for path, _ in edits})
    assert "RAW" not in json.dumps(edited(row, edits))


TEXT = st.text(st.characters(codec="utf-8"), max_size=40)


@any_of(TEXT, TEXT, TEXT, TEXT)
def test_withholding_leaves_exactly_the_answer(question: str, reasoning: str, answer: str, other: str) -> None:
    row = {"question": question, "reasoning": reasoning, "answer": answer, "other": other}
    try:
        turns = read(Layout(found=("reasoning",)), row)
    except Unreadable:
        return
    out = edited(row, [edit for turn in turns for edit in turn.edits("")])
    assert {key: out[key] for key in ("question",)} == {"question": question}
    if "<" not in answer + other + reasoning and not set("[◁") & set(answer + other + reasoning):
        assert out == {**row, "reasoning": "" if reasoning.strip() else reasoning}
