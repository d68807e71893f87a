"""Dialects: what is read and written, word for word, for templates as they come."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from azeotrope.errors import Misconfigured, Refused
from azeotrope.models.dialect import Dialect
from azeotrope.types import Request

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
THINKING = CHATML.replace("assistant\n' }}", "assistant\n<think>\n' }}")
"""As R1 and some Qwen have it: the template opens the reasoning."""


class Templated:
    """A tokenizer's chat template without its tokenizer."""

    def __init__(self, template: str) -> None:
        self.chat_template = template

    def apply_chat_template(self, conversation: Any, **how: Any) -> Any:
        from transformers.utils.chat_template_utils import render_jinja_template

        how.pop("tokenize")
        return render_jinja_template([conversation], chat_template=self.chat_template, **how)[0][0]


ASKED = Request.of("2+2?", system="Be brief.")
TOLD = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n"
CHAT, THINKS = Dialect(chat=True), Dialect(chat=True, think=True, split="tags")


def begun(text: str, **members: Any) -> Request:
    return Request((*ASKED.messages, {"role": "assistant", "content": text, **members}))


def test_plain_is_the_last_question_and_a_line_feed() -> None:
    template = Templated("")
    assert Dialect().prompt(ASKED, template) == "2+2?\n"
    assert Dialect().parts(begun("Step 1:"), template) == ("2+2?\n", "Step 1:")
    assert Dialect().parts(begun("\\boxed{", reasoning_content="Two and two.\n"), template)[1] == (
        "Two and two.\n\\boxed{"
    )


def test_chat_is_the_template_and_a_beginning_goes_right_behind_it() -> None:
    template = Templated(CHATML)
    assert CHAT.parts(ASKED, template) == (TOLD, "")
    assert CHAT.prompt(begun("  Step 1:\n"), template) == f"{TOLD}  Step 1:\n"


def test_reasoning_in_tags_or_before_the_answer() -> None:
    assert CHAT.response("Two and two.\n", "4") == "Two and two.\n4"
    assert CHAT.response("", "4") == THINKS.response("", "4") == "4"
    assert THINKS.response("Two and two.\n", "4") == "<think>\nTwo and two.\n</think>\n\n4"
    assert THINKS.parts(begun("\\boxed{", reasoning_content="Hm."), Templated(CHATML))[1] == (
        "<think>\nHm.\n</think>\n\n\\boxed{"
    )


@pytest.mark.parametrize("dialect", [CHAT, THINKS])
def test_a_template_that_opens_the_reasoning_is_gone_on_from(dialect: Dialect) -> None:
    """No second mark, whether the dialect thinks or not: the model stands inside its reasoning already."""
    opening = dialect.prompt(ASKED, Templated(THINKING))
    assert opening == f"{TOLD}<think>\n"
    assert dialect.response("Two.", "4", opening) == "Two.\n</think>\n\n4"
    assert dialect.response("", "4", opening) == "</think>\n\n4"
    assert dialect.parts(begun("<think>\nTwo."), Templated(THINKING)) == (opening, "Two.")
    assert dialect.parts(begun("Two."), Templated(THINKING)) == (opening, "Two.")


words = st.text("abc 12.", min_size=1).map(str.strip).filter(bool)


@given(words, words)
def test_what_is_to_be_written_reads_back_in_tags(reasoning: str, answer: str) -> None:
    for template in (CHATML, THINKING):
        opening = THINKS.prompt(ASKED, Templated(template))
        assert [part.strip() for part in THINKS.told_apart(THINKS.response(reasoning, answer, opening))] == [
            reasoning,
            answer,
        ]


def test_refusals() -> None:
    with pytest.raises(Refused, match="needs a user's message"):
        Dialect().prompt(Request(({"role": "system", "content": "Hi"},)), Templated(""))
    with pytest.raises(Refused, match="reads text only"):
        CHAT.prompt(Request(({"role": "user", "content": [{"type": "image_url"}]},)), Templated(CHATML))
    with pytest.raises(Refused, match="no system role"):
        CHAT.prompt(ASKED, Templated("{{ raise_exception('no system role') }}"))
    with pytest.raises(Misconfigured, match="no chat template"):
        CHAT.prompt(ASKED, PreTrainedTokenizerFast)


def test_text_parts_are_text() -> None:
    parts = Request(({"role": "user", "content": [{"type": "text", "text": "2+"}, {"type": "text", "text": "2?"}]},))
    assert Dialect().prompt(parts, Templated("")) == "2+2?\n"
