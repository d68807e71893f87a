"""Reasoning and answer come apart the same way however the text was cut, and never the wrong way round."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azeotrope.models.text import Piece, Policy, Splitter, split

TAGS = [
    # content, reasoning, answer
    ("plain answer", "", "plain answer"),
    ("", "", ""),
    ("  \n ", "", "  \n "),
    ("<think>a</think>b", "a", "b"),
    ("<think>\na\n</think>\n\nb\n", "\na\n", "b\n"),
    ("<think>a</think>\r\n\r\nb", "a", "b"),
    ("<think>a</think>  \n    code", "a", "    code"),
    ("<think>a</think> b", "a", " b"),
    ("\n <think>a</think>b", "a", "b"),
    ("<think></think>b", "", "b"),
    ("<think>\n\n</think>\n\nb", "\n\n", "b"),
    ("<think/>b", "", "b"),
    ("<THINK>a</Think>b", "a", "b"),
    ("< think >a</ think >b", "a", "b"),
    ('<think effort="high" n=3>a</think>b', "a", "b"),
    ("<thinking>a</thinking>b", "a", "b"),
    ("<thought>a</thought>b", "a", "b"),
    ("<thoughts>a</thoughts>b", "a", "b"),
    ("<reasoning>a</reasoning>b", "a", "b"),
    ("<seed:think>a</seed:think>b", "a", "b"),
    ("<reason>a</reason>b", "", "<reason>a</reason>b"),  # words of everyday XML: an answer that a client asked for
    ("<scratchpad>a</scratchpad>b", "a", "b"),
    ("<Thought_Process>a</thought_process>b", "a", "b"),
    ("<longcat_think>a</longcat_think>b", "a", "b"),
    ("<internal_reasoning>a</internal_reasoning>b", "a", "b"),
    ("a</longcat_think>b", "a", "b"),
    ("<|channel>thought\na<channel|>b", "\na", "b"),
    ("<|channel>thought\na", "\na", ""),
    ("\na<channel|>b", "\na", "b"),
    ("the <reasons>a</reasons>", "", "the <reasons>a</reasons>"),
    ("[THINK]a[/THINK]b", "a", "b"),
    ("<unused94>thought\na<unused95>b", "thought\na", "b"),
    ("<|think|>a<|/think|>b", "a", "b"),
    ("a<|/think|>b", "a", "b"),
    ("<|begin_of_thought|>a<|end_of_thought|>\n\nb", "a", "b"),
    ("<|START_THINKING|>a<|END_THINKING|>b", "a", "b"),
    ("◁think▷a◁/think▷b", "a", "b"),
    # only a closing mark: the prompt opened the reasoning
    ("a</think>b", "a", "b"),
    ("\na\n</think>\n\nb", "\na\n", "b"),
    ("</think>b", "", "b"),
    ("a[/THINK]b", "a", "b"),
    ("a◁/think▷b", "a", "b"),
    ("a\n</thinking>\nb", "a\n", "b"),
    # several blocks
    ("<think>a</think>b<think>c</think>d", "ac", "bd"),
    ("<think>a</think>\n\n<think>c</think>\n\nd", "ac", "d"),
    ("a</think>b<think>c</think>d", "ac", "bd"),
    ("Sure. <think>a</think>b", "a", "Sure. b"),
    ("<thinking>a</thinking><reasoning>b</reasoning>c", "ab", "c"),
    # nested
    ("<think>a<think>b</think>c</think>d", "abc", "d"),
    ("<think>a<thinking>b</thinking>c</think>d", "abc", "d"),
    ("<think>a<reasoning>b</think>d", "ab", "d"),
    # unclosed: the rest is reasoning
    ("<think>a", "a", ""),
    ("b<think>a", "a", "b"),
    ("<think>a</think>b<think>c", "ac", "b"),
    ("<think>a<think>b", "ab", ""),
    ("<think>a</thi", "a</thi", ""),
    ("[THINK]a[/TH", "a[/TH", ""),
    # unbalanced: a second opening mark among the thoughts; the answer stands after the last closing one
    ("<think>a<think>b</think>d", "ab", "d"),
    ("<think>a<think>b</think>\n\nd", "ab", "d"),
    ("<think>a<think>b<think>c</think>x</think>d", "abcx", "d"),
    ("<think>a</thinking>\nd", "a", "d"),
    ("<think>a<think>b</think>c<think>d", "abcd", ""),
    # marks that are only talked about
    ("<think>is it `<think>`?</think>b", "is it `<think>`?", "b"),
    ("<think>close with `</think>` now</think>b", "close with `</think>` now", "b"),
    ('<think>say "</think>" now</think>b', 'say "</think>" now', "b"),
    ("<think>the </think> tag ends it</think>b", "the </think> tag ends it", "b"),
    ("I see the <think> tag. secret </think>b", "I see the <think> tag. secret ", "b"),
    ('<think>he said "hi"</think>"hi"', 'he said "hi"', '"hi"'),
    ("Use the `<think>` mark.", "", "Use the `<think>` mark."),
    ("<think>a</think>Use `<think>` and `</think>`.", "a", "Use `<think>` and `</think>`."),
    ("Open it:\n```xml\n<think>\n```\nDone.", "", "Open it:\n```xml\n<think>\n```\nDone."),
    ("So:\n```\n<think>x</think>\n```\nDone.", "", "So:\n```\n<think>x</think>\n```\nDone."),
    ("<think>a</think>So:\n~~~\n<think>x</think>\n~~~\nDone.", "a", "So:\n~~~\n<think>x</think>\n~~~\nDone."),
    ("I try:\n```\ncode\nsecret</think>b", "I try:\n```\ncode\nsecret", "b"),
    ("```\n<think>secret</think>b", "secret", "```\nb"),
    # closing marks that close nothing
    ("<think>a</think>\n</think>\n\nb", "a", "b"),
    ("<think>a</think>b\n</think>\nc", "a", "b\nc"),
    ("<think>a</think>b </think> c", "a", "b </think> c"),
    # what only looks like one
    ("if a<b and c>d", "", "if a<b and c>d"),
    ("<thinker>a</thinker>", "", "<thinker>a</thinker>"),
    ("<think of it>", "", "<think of it>"),
    ("x < think", "", "x < think"),
    ("&lt;think&gt;a", "", "&lt;think&gt;a"),
    ("Ünï <think>日本</think>語 🎈", "日本", "Ünï 語 🎈"),
    ("answer<|end|>", "", "answer<|end|>"),
    # harmony
    (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
        "a",
        "b",
    ),
    ("<|channel|>analysis<|message|>a<|channel|>final<|message|>b", "a", "b"),
    ("a<|end|><|start|>assistant<|channel|>final<|message|>b", "a<|end|>", "b"),
    ("<|start|>assistant<|channel|>final<|message|>b<|return|>", "", "b"),
    ("<|channel|>analysis<|message|>a", "a", ""),
    (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary to=f <|constrain|>json"
        "<|message|>{}<|call|>",
        "a{}",
        "",
    ),
]


@pytest.mark.parametrize(("content", "reasoning", "answer"), TAGS)
def test_tags(content: str, reasoning: str, answer: str) -> None:
    assert split(content) == (reasoning, answer)


@pytest.mark.parametrize("content", [content for content, _, _ in TAGS])
@pytest.mark.parametrize("opened_in_prompt", [True, False])
def test_character_by_character_is_the_same(content: str, opened_in_prompt: bool) -> None:
    assert streamed(list(content), opened_in_prompt=opened_in_prompt)[0] == split(
        content, opened_in_prompt=opened_in_prompt
    )


def streamed(
    chunks: list[str], policy: Policy = "tags", *, opened_in_prompt: bool = True
) -> tuple[tuple[str, str], list[Piece]]:
    splitter = Splitter(policy, opened_in_prompt=opened_in_prompt)
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)] + splitter.close()
    said = {"reasoning": "", "answer": ""}
    for piece in pieces:
        said[piece.kind] += piece.text
    return (said["reasoning"], said["answer"]), pieces


TAG = ["<think>", "</think>", "<thinking>", "</thinking>", "[THINK]", "[/THINK]", "◁think▷", "◁/think▷", "<think/>",
       "<longcat_think>", "</longcat_think>", "<|channel>thought", "<channel|>"]  # fmt: skip
HARMONY = ["<|channel|>", "analysis", "final", "<|message|>", "<|end|>", "<|start|>", "assistant"]
OTHER = ["<", ">", "[", "/", "think", "a", "é", "🎈", "`", "```", '"', "tag", "#### 42", "\\boxed{7}"]
words = st.sampled_from([*TAG, *HARMONY, *OTHER, "```\n", "the ", " tag", " ", "\n", "\r\n", "<think a='b'>"])
contents = st.lists(words | st.text(max_size=3), max_size=25).map("".join)


@settings(max_examples=400)
@given(contents, st.randoms(use_true_random=False), st.sampled_from(["tags", "span", "off"]), st.booleans())
def test_any_cut_gives_the_same(content: str, random: random.Random, policy: Policy, opened: bool) -> None:
    cuts = sorted(random.randint(0, len(content)) for _ in range(random.randint(0, 8)))
    chunks = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    said, pieces = streamed(chunks, policy, opened_in_prompt=opened)
    assert said == split(content, policy, opened_in_prompt=opened)
    assert all(content[piece.start : piece.end] == piece.text != "" for piece in pieces)
    assert all(a.end <= b.start for a, b in pairwise(pieces))


@given(contents)
def test_policies_span_and_off_lose_nothing(content: str) -> None:
    assert "".join(split(content, "span")) == content
    assert split(content, "off") == ("", content)


@given(st.text(alphabet=st.characters(exclude_characters="<>[]◁▷"), min_size=1), st.text("abc\n 1", min_size=1))
def test_what_stands_before_the_closing_mark_is_never_answer(reasoning: str, answer: str) -> None:
    secret = f"SECRET{reasoning}SECRET"
    for content in (f"<think>{secret}</think>{answer}", f"{secret}</think>{answer}", f"<think>{secret}"):
        assert "SECRET" not in split(content)[1]


def released(splitter: Splitter, *chunks: str) -> str:
    return "".join(piece.text for chunk in chunks for piece in splitter.feed(chunk) if piece.kind == "answer")


def test_text_is_held_while_a_closing_mark_may_come() -> None:
    splitter = Splitter("tags")
    assert released(splitter, "I should ", "secretly think") == ""
    assert released(splitter, "</think>", "\n\nFour") == "Four"
    assert released(splitter, " it is") == " it is"


def test_after_an_explicit_block_the_answer_flows() -> None:
    splitter = Splitter("tags")
    assert released(splitter, "<thi", "nk>a", "</think", ">", "\n") == ""
    assert released(splitter, "Four") == "Four"
    assert released(splitter, " is <th") == " is "
    assert released(splitter, "e answer") == "<the answer"


def test_reasoning_flows_too_once_a_block_is_open() -> None:
    splitter = Splitter("tags")
    assert [(p.kind, p.text) for p in splitter.feed("<think>abc")] == [("reasoning", "abc")]


def test_no_prompt_tag_lets_the_held_text_go() -> None:
    splitter = Splitter("tags")
    assert released(splitter, "Four") == ""
    splitter.no_prompt_tag()
    assert released(splitter, " it") == "Four it"
    assert released(splitter, " is") == " is"


def test_with_a_separate_channel_the_answer_flows_at_once() -> None:
    splitter = Splitter("tags", opened_in_prompt=False)
    assert released(splitter, "Four") == "Four"
    assert released(splitter, " <think>a", "b</think>", "c") == " c"


def test_a_piece_does_not_print_its_text() -> None:
    assert "secret" not in repr(Splitter("tags").feed("<think>secret"))


@pytest.mark.parametrize(
    "part", ["<", "<think>", "</think>", "< ", "<think ", "[", "<|channel|>", "`<think>`", "\n```\n<think>"]
)
def test_a_long_hostile_text_is_read_in_bounded_memory(part: str) -> None:
    splitter = Splitter("tags", opened_in_prompt=False)
    for _ in range(2_000):
        splitter.feed(part)
    assert len(splitter._tags._raw) <= 256
    reasoning, answer = split(part * 20_000)
    assert len(reasoning) + len(answer) <= 20_000 * len(part)
