"""What would leak past a defense is refused by name, and reasoning that comes back never reaches the upstream."""

import asyncio
import copy
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.errors import Refused
from azeotrope.gateway import journey
from azeotrope.gateway.wire import chat
from azeotrope.gateway.wire.cleaning import STEP
from azeotrope.gateway.wire.leaks import Rules, alternatives, refuse, refuse_bias
from azeotrope.gateway.wire.refused import FILLED, MOST_STOPS, NAMES, NESTS, NEUTRAL, STOPS, SWITCHES
from azeotrope.models.text import splitting
from azeotrope.models.text.marks import mark_at

USER = {"role": "user", "content": "2+2?"}
ASSISTANT = {"role": "assistant", "content": "It is"}


def permitted(rules: Rules = Rules(), **members: Any) -> Any:
    asked = chat.parse(json.dumps({"messages": [USER], **members}).encode())
    return asyncio.run(journey.permitted(asked, rules, asyncio.Lock()))


LEAKS: dict[str, Any] = {
    "echo": True, "prompt_logprobs": 0, "return_token_ids": True, "return_tokens": True,
    "return_tokens_as_token_ids": True, "return_hidden_states": True, "return_routed_experts": True,
    "logprob_token_ids": [1], "custom_logit_processor": "gASV", "custom_params": {"a": 1},
    "logits_processors": ["x"], "watermark": False, "watermarking": {"enabled": False},
    "vllm_xargs": {"x": 1}, "use_beam_search": True, "n_probs": 5, "post_sampling_probs": True, "top_logprobs": 1,
    "logprobs": 5, "chat_template": "{{ x }}", "chat_template_kwargs": {"enable_thinking": False},
    "skip_special_tokens": False, "reasoning_format": "none", "reasoning_in_content": True,
    "separate_reasoning": False, "continue_final_message": True, "add_generation_prompt": False,
    "stop": ["x", "</think>"],
    "reasoning_parser": "none", "parse_reasoning": False, "stop_token_ids": [128799], "stop_regex": ".t", "bad_words":
    ["x"], "stop_sequences": ["</think>"], "allowed_token_ids": [1], "grammar": "root ::= .", "ebnf": "root ::= .",
    "regex": ".*", "guided_regex": ".*", "guided_grammar": "root ::= .", "structural_tag": {}, "input_ids": [1],
    "prompt_token_ids": [1], "return_prompt_token_ids": True, "logit_bias": {"128799": -100},
    "response_format": {"type": "structural_tag"},
    "banned_strings": ["</think>"], "custom_token_bans": "128014", "token_ban_ranges": [[[1], 0, 9]],
    "banned_tokens": ["</think>"], "allowed_tokens": [1], "suppress_tokens": [1], "bad_words_ids": [[1]],
    "sequence_bias": [[[1], -9.0]], "no_repeat_ngram_size": 1, "negative_prompt": "</think>",
    "grammar_string": "root ::= [^<]*", "regex_pattern": "[^<]*", "guided_whitespace_pattern": ".*",
    "template_vars": {"enable_thinking": False}, "instruction_template": "Alpaca", "template": "{{ .Prompt }}",
    "adapter": {"assistant_start": "</think>"}, "response_prefix": "</think>", "continue_": True,
    "reasoning_budget_message": "</think>", "token_healing": True, "thinking_forced_open": False, "context": [1, 2],
    "prompt": "<think></think>", "raw": True, "do_preprocess": False, "generation_config": "{}", "eos_token_id": [1],
    "stop_strings": ["</think>"], "stopping_strings": ["x", "</think>"], "stop_sequence": ["k>"],
    "custom_stopping_strings": '"</think>"', "return_full_text": True, "top_n_tokens": 5,
}  # fmt: skip


@pytest.mark.parametrize("name", LEAKS)
@pytest.mark.parametrize(
    "nest", [(), ("extra_body",), ("extra_body", "extra_body"), ("sampling_params",), ("structured_outputs",)]
)
def test_a_leaking_member_is_refused_by_name_wherever_it_hides(name, nest) -> None:
    members: Any = {name: LEAKS[name]}
    for outer in reversed(nest):
        members = {outer: members}
    with pytest.raises(Refused, match=name) as refused:
        permitted(**members)
    assert refused.value.param == ".".join([*nest, name])
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "members",
    [
        {"echo": False, "use_beam_search": False, "prompt_logprobs": None, "logprobs": False, "top_logprobs": 0},
        {"logprobs": True},
        {"reasoning_effort": "none", "reasoning": {"enabled": False}, "include_reasoning": False},
        {
            "stop": ["\n\n", "END", "Human:", "</answer>", "###", ">>>", "I think"],
            "add_generation_prompt": True,
            "separate_reasoning": True,
        },
        {"logit_bias": {"5": 1, "6": 0.5}},
        {"logit_bias": {}},
        {"response_format": {"type": "json_schema", "json_schema": {}}, "guided_json": {}, "guided_choice": ["a"]},
        {"structured_outputs": {"json": {}, "choice": ["a"]}, "tools": [{"type": "function"}]},
        {"min_tokens": 3, "ignore_eos": True},
        dict(zip(FILLED, [[], "", 0, False, {}, None] * len(FILLED), strict=False)),
        {"stop_strings": ["END"], "stopping_strings": ["\n", "You:"], "stop_sequence": "###"},
        {"stop": [f"{at}." for at in range(MOST_STOPS)]},
        {"extra_body": {"anything": {"deep": True}}, "tools": [], "n": 2},
    ],
)
def test_what_leaks_nothing_passes_untouched(members) -> None:
    request = permitted(**members)
    assert {**request.options, **request.sampling} == members


def test_top_logprobs_up_to_what_the_policy_allows() -> None:
    permitted(Rules(top_logprobs=5), logprobs=True, top_logprobs=5)
    with pytest.raises(Refused, match="at most 5"):
        permitted(Rules(top_logprobs=5), logprobs=True, top_logprobs=6)
    for nonsense in ("20", -1, 1.5, True):
        with pytest.raises(Refused):
            permitted(Rules(top_logprobs=5), top_logprobs=nonsense)


MARKS = ("<think>", "</think>", "[/THINK]", "◁/think▷", "</seed:think>", "<|end|>", "<|channel|>", "<|END_THINKING|>")


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("nest", ["stop", "extra_body"])
def test_no_stop_string_falls_on_a_mark_in_it_or_across_its_edge(mark: str, nest: str) -> None:
    inside = [
        mark[1:],
        mark[:-1],
        mark[2:],
        mark[:3],
        f" {mark}\n",
        f"so.{mark}",
        f"{mark}The",
        mark.upper(),
        mark[-2:],
    ]
    for text in inside:
        members = {"stop": ["\n\n", text]}
        with pytest.raises(Refused, match="mark between reasoning and answer"):
            permitted(**(members if nest == "stop" else {"extra_body": members}))


@pytest.mark.parametrize(
    "text", ["think", "</", ">", "so.\n</", "<", ">\n\nThe", "k>The", "<| x", "[/", "▷", "assistant|>"]
)
def test_a_fragment_of_a_mark_is_refused_as_a_stop_string(text: str) -> None:
    with pytest.raises(Refused, match="stop"):
        permitted(stop=text)


@pytest.mark.parametrize("name", STOPS)
@pytest.mark.parametrize("value", [[128014], 128014, ["END", 7], {"a": "</think>"}, [["</think>"]], ["."] * 129])
def test_only_a_few_texts_are_stopped_at(name: str, value: Any) -> None:
    with pytest.raises(Refused, match=rf"^{name} is not allowed here: (only texts|it has more than 128)"):
        permitted(**{name: value})


@pytest.mark.parametrize(
    "biases", [{"5": -0.1}, {"5": 3, "6": -100}, {"5": "-100"}, {"5": False}, {"5": None}, [[5, -100]],
               {str(token): 9 for token in range(17)}],
)  # fmt: skip
def test_a_bias_that_can_forbid_a_mark_is_refused(biases: Any) -> None:
    with pytest.raises(Refused, match="logit_bias"):
        permitted(logit_bias=biases)
    with pytest.raises(Refused, match="logit_bias"):
        permitted(extra_body={"extra_args": {"logit_bias": biases}})


@pytest.mark.parametrize(
    ("members", "most"),
    [
        ({}, None),
        ({"logprobs": False, "top_logprobs": 2}, None),
        ({"top_logprobs": 2}, None),
        ({"logprobs": True}, 0),
        ({"logprobs": True, "top_logprobs": 2}, 2),
        ({"logprobs": True, "top_logprobs": 9}, 5),
        ({"logprobs": 3}, 3),
        ({"extra_body": {"logprobs": True, "top_logprobs": 1}}, 1),
    ],
)
def test_as_many_alternatives_are_shown_as_were_asked_for_and_are_allowed(members, most) -> None:
    assert alternatives(members, Rules(top_logprobs=5)) == most


MOVES = {"logit_bias": {"5": 1}, "presence_penalty": 2, "frequency_penalty": -0.5, "repetition_penalty": 9.5,
         "repeat_penalty": 1.1, "dry_multiplier": 1}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_what_moves_logits_is_refused_under_a_shape_and_beside_logprobs(name) -> None:
    value, harmless = MOVES[name], NEUTRAL[name]
    permitted(**{name: value})
    for rules in (Rules(shaped=True), Rules(top_logprobs=5)):
        permitted(rules, logprobs=True, **{name: harmless})
    with pytest.raises(Refused, match=name):
        permitted(Rules(shaped=True), **{name: value})
    with pytest.raises(Refused, match=name):
        permitted(logprobs=True, **{name: value})
    with pytest.raises(Refused, match=name):
        permitted(logprobs=True, extra_body={name: value})
    with pytest.raises(Refused, match=name):
        permitted(extra_body={"logprobs": True}, **{name: value})


@pytest.mark.parametrize("name", MOVES)
def test_a_harmless_twin_in_a_nest_hides_nothing(name) -> None:
    for harmless in (NEUTRAL[name], None):
        with pytest.raises(Refused, match=name):
            permitted(Rules(shaped=True), extra_body={name: harmless}, **{name: MOVES[name]})
        with pytest.raises(Refused, match=name):
            permitted(Rules(shaped=True), extra_body={name: MOVES[name]}, **{name: harmless})


@pytest.mark.parametrize(
    "messages",
    [
        [USER, ASSISTANT],
        [USER, {**ASSISTANT, "prefix": True}, USER],
        [{**USER, "partial": True}],
    ],
)
def test_prefill_only_where_the_policy_allows_it(messages) -> None:
    with pytest.raises(Refused, match="words into the model's mouth"):
        permitted(messages=messages)
    permitted(Rules(prefill=True), messages=messages)
    permitted(Rules(prefill=True), continue_final_message=True, add_generation_prompt=False)


def test_a_nest_without_end_is_refused() -> None:
    members: Any = {}
    for _ in range(50):
        members = {"extra_body": members}
    with pytest.raises(Refused, match="nested too deeply"):
        refuse({"messages": [USER], **members}, Rules())
    refuse_bias({"messages": [USER], **members}, Rules())


SECRET = "THOUGHT-2e"
RETURNED: dict[str, dict[str, Any]] = {
    "reasoning": {"reasoning": SECRET},
    "reasoning_content": {"reasoning_content": SECRET},
    "reasoning_details": {"reasoning_details": [{"text": SECRET}]},
    "thinking": {"thinking": SECRET},
    "thinking_blocks": {"thinking_blocks": [{"type": "thinking", "thinking": SECRET, "signature": "s"}]},
    "tags": {"content": f"<think>{SECRET}</think>It is 4."},
    "tags of another kind": {"content": f"◁think▷{SECRET}◁/think▷It is 4."},
    "closing tag only": {"content": f"{SECRET}</think>It is 4."},
    "another mark": {"content": f"[THINK]{SECRET}[/THINK]It is 4."},
    "parts": {"content": [{"type": "thinking", "thinking": SECRET}, {"type": "text", "text": "It is 4."}]},
    "tags in parts": {"content": [{"type": "text", "text": f"<think>{SECRET}</think>It is 4."}]},
}


@pytest.mark.parametrize("kind", RETURNED)
def test_reasoning_that_comes_back_is_dropped(kind) -> None:
    message = {"role": "assistant", "content": "It is 4.", "name": "a", **RETURNED[kind]}
    before = copy.deepcopy(message)
    request = permitted(messages=[USER, message, USER])
    assert SECRET not in str(request.messages)
    assert "It is 4." in str(request.messages[1]) and request.messages[1]["name"] == "a"
    assert message == before
    assert [request.messages[0], request.messages[2]] == [USER, USER]


def test_a_user_may_write_of_tags_and_send_pictures() -> None:
    messages = [
        {"role": "user", "content": "What does <think>this</think> mean?"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "<think>4</think>"},
    ]
    assert list(permitted(messages=messages).messages) == messages


@pytest.mark.parametrize("content", ["<think>" * 20_000, "<" * 100_000, [{"type": "text", "text": "<think>"}] * 20_000])
async def test_while_a_long_message_is_read_others_are_served(content: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = [0]
    """At how many marks, up to each turn of the loop."""

    def counted(text: str, start: int) -> Any:
        looked[-1] += 1
        return mark_at(text, start)

    async def others() -> None:
        while True:
            looked.append(looked[-1])
            await asyncio.sleep(0)

    monkeypatch.setattr(splitting, "mark_at", counted)
    serving = asyncio.create_task(others())
    asked = chat.Asked({"messages": [{"role": "assistant", "content": content}, USER]}, False, False)
    turns = asyncio.Lock()
    first, second = await asyncio.gather(*(journey.permitted(asked, Rules(), turns) for _ in range(2)))
    serving.cancel()
    assert first == second and "think" not in str(first.messages)
    assert len(looked) > 2 * 100_000 / STEP
    assert max(b - a for a, b in pairwise(looked)) <= 2 * (STEP // len("<think>") + 1)
    assert not turns.locked()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_any_other_member_goes_along_as_it_came(members: dict[str, Any]) -> None:
    known = {*LEAKS, *NAMES, *FILLED, *STOPS, *SWITCHES, *NESTS, "messages", "stream", "stream_options"}
    if not members.keys() & known:
        request = permitted(**members)
        assert {**request.options, **request.sampling} == members


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_request_or_refused(body: bytes) -> None:
    try:
        asked = chat.parse(body)
    except Refused:
        return
    assert isinstance(asked.fields["messages"], list)


@pytest.mark.parametrize("name", ["Echo", "LOGPROBS", "Prompt_Logprobs", "ſtop", "eCho"])
@pytest.mark.parametrize("nest", [None, "extra_body"])
def test_a_watched_name_in_another_case_is_refused(name: str, nest: str | None) -> None:
    members: Any = {name: None}
    with pytest.raises(Refused, match=name):
        permitted(**({nest: members} if nest else members))


@pytest.mark.parametrize("shaped", [False, True])
async def test_logits_shaped_in_the_engine_cannot_be_searched_by_biases(house, upstream, shaped) -> None:
    upstream.says(upstream.json(upstream.completion({"content": "4"})))
    async with house({"default": {"defense": "withhold"}}, upstream={"shaped": shaped}) as gate:
        status, _, body = await gate.post({"messages": [USER], "logit_bias": {"5": 3.5}})
    assert (status, len(upstream.asked)) == ((400, 0) if shaped else (200, 1)), body
