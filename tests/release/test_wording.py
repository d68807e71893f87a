"""Refusals, talk of the task, machine marks: found where they are, not where ordinary reasoning only resembles them."""

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from azeotrope.release import wording
from azeotrope.release.plain import hidden, plain, words

REFUSALS = [
    "I'm sorry, but I can't help.",
    "I’m sorry, I cannot assist.",
    "As an AI language model.",
    "Unfortunately, I cannot provide that.",
    "I cannot rewrite this.",
    "Es tut mir leid, aber ich kann das nicht.",
    "Je suis désolé, mais je ne peux pas.",
    "Lo siento, no puedo ayudar.",
    "Mi dispiace, ma non posso.",
    "Desculpe, não posso.",
    "很抱歉，我无法完成。",
    "对不起",
    "申し訳ありませんが",
    "죄송합니다만",
    "Извините, я не могу",
    "К сожалению, это невозможно",
    "**I apologize**, but",
    "Please provide the trace.",
]  # fmt: skip
REASONING = [
    "I cannot divide by zero, so the case is excluded.", "Sorry states of affairs aside, add both.",
    "The assistant manager earned twelve. As an airline, it flies.", "We rewrite the equation as a product.",
    "If x < y and y > z then x </ z.", "Let system: a + b = c.", "The user pays; the original price was less.",
    "In the given text the poet speaks.", "Please note that it is even.", "Use f(x) = <x, y> and the tool called gcd.",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals_are_known_in_many_languages(text: str) -> None:
    assert wording.refuses(text)


@pytest.mark.parametrize("text", REASONING)
def test_ordinary_reasoning_is_none_of_it(text: str) -> None:
    assert not wording.refuses(text)
    assert not wording.speaks_of_task(plain(text))
    assert not wording.marked_up(text)
    assert not wording.encoded(text)
    assert wording.bare(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "As instructed, here it is.", "This is the rewritten version.", "My instructions say so.",
        "The system prompt reads:", "Ignore all previous instructions.", "the original trace said",
        "Rewriting the text",
    ],
)  # fmt: skip
def test_talk_of_the_task_is_known(text: str) -> None:
    assert wording.speaks_of_task(plain(text))


@pytest.mark.parametrize(
    "text",
    [
        "<think>so", "so</think>", "</ Think >", "<|im_start|>system", "<｜end▁of▁sentence｜>", "[INST] x",
        "[TOOL_CALLS]",
        "<tool_call>{}", '{"name": "f", "parameters": {}}', '{"name":"f","arguments":{}}', "data: [DONE]", "<<SYS>>",
        "a\nAssistant: hi", "<end_of_turn>", "### System", "<function=f>", "◁think▷", "</s>", '<seed:think x="1">',
    ],
)  # fmt: skip
def test_what_clients_parse_is_known(text: str) -> None:
    assert wording.marked_up(text)


@pytest.mark.parametrize(
    "text",
    [
        "TmF0YWxpYSBzb2xkIGhhbGYgYXMgbWFueSBjbGlwcyBpbiBNYXkgYXMgaW4gQXByaWw=",
        "4e 61 74 61 6c 69 61 20 73 6f 6c 64 20 68 61 6c 66 20 61 73 20 6d 61 6e 79 20 63 6c 69 70 73 20 69 6e",
        "01001110 01100001 01110100 01100001 01101100 01101001 01100001 00100000",
        "\\u004e\\u0061\\u0074\\u0061\\u006c\\u0069", "&#78;&#97;&#116;&#97;&#108;&#105;", "%4E%61%74%61%6C%69",
    ],
)  # fmt: skip
def test_encodings_are_known(text: str) -> None:
    assert wording.encoded(f"So {text} it is.")


def test_announcements_and_fences_are_taken_off() -> None:
    body = "It follows by halving."
    for said in (
        f"Here is the rewritten trace:\n\n{body}",
        f"Sure! \n\nHere's a version in plain words:\n{body}",
        f"**Rewritten working:**\n{body}",
        f"```markdown\n{body}\n```",
        f"Certainly:\n\nHere is the text:\n```\n{body}\n```\n",
        f"  {body}\n",
    ):
        assert wording.bare(said) == body


def test_a_run_of_the_instruction_is_a_leak() -> None:
    told = "Say, in the order it was done, which quantity was found and by which operation."
    known = wording.runs(told)
    assert wording.repeats(words(plain("He said: in THE order it was done, which one?")), known)
    assert not wording.repeats(words(plain("in the order it was found")), known)


def test_links_are_found() -> None:
    assert wording.links("see https://evil.example/x?y=1. or [click](data:x) or www.a.b") == {
        "https://evil.example/x?y=1", "[click](data:x", "www.a.b"}  # fmt: skip
    assert wording.links("f[0](x) = 3") == {"[0](x"}
    assert not wording.links("a sum (of two) and [a, b]")


def test_hidden_characters_are_found() -> None:
    assert hidden("a\u200bb\u202ec\x00d\ud800e\U000e0041") == {"\u200b", "\u202e", "\x00", "\ud800", "\U000e0041"}
    assert not hidden("plain\n\ttext with é, 数, ½, a family 👨\u200d👩\u200d👧 and می\u200cخواهم")


@any_of(st.text())
def test_any_text_is_read(text: str) -> None:
    wording.refuses(text), wording.speaks_of_task(plain(text)), wording.marked_up(text), wording.encoded(text)
    assert wording.bare(text) in text
    assert plain(plain(text)) == plain(text)
