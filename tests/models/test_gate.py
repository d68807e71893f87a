"""The gate: whatever a tokenizer does to the blank that a text begins with, the marks of an answer are seen."""

from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from azeotrope.models.dialect import Dialect
from azeotrope.models.gate import Gate
from azeotrope.training.tokenizer import trained

CHAT = (
    "{% for m in messages %}{% if m.role == 'user' %}<s>[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }}</s>{% endif %}{% endfor %}"
)
SAID = "[INST] put the answer in \\boxed{} please [/INST] First add 2.\n Final answer: 4 final answer so on"


def sentence_pieces(decoder: Any) -> PreTrainedTokenizerFast:
    """Blanks are part of the words behind them, and the first one is nobody's."""
    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoder
    special = ["<unk>", "<s>", "</s>"]
    made.train_from_iterator([SAID] * 50, trainers.BpeTrainer(vocab_size=400, special_tokens=special))
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def metaspace() -> PreTrainedTokenizerFast:
    return sentence_pieces(decoders.Metaspace())


def stripping() -> PreTrainedTokenizerFast:
    """As Llama 2 has it."""
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    return sentence_pieces(decoders.Sequence(parts))


def bytes_() -> PreTrainedTokenizerFast:
    return trained([SAID] * 50, r"\d| ?[^\s\d]+|\s", vocabulary=400)


@pytest.mark.parametrize("made", [metaspace, stripping, bytes_])
def test_an_answer_is_seen_and_what_was_asked_is_none(made: Callable[[], Any]) -> None:
    tokenizer = made()
    tokenizer.chat_template = CHAT
    gate = Gate(tokenizer, Dialect(chat=True))
    for asked, said, begun in (
        ("add 2", " First add 2.", False), ("put the Final answer in \\boxed{}", " First add 2.", False),
        ("add 2", " First add 2. Final answer: 4", True), ("add 2", "Final answer: 4", True),
        ("add 2", " so on \\boxed{4", True),
    ):  # fmt: skip
        turn = [{"role": "user", "content": asked}]
        opening = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(opening + said, add_special_tokens=False).input_ids
        assert gate.answering(ids) == begun, (asked, said)
    plain = Gate(tokenizer, Dialect())
    assert not plain.answering(tokenizer("the Final answer please\nFirst add 2.", add_special_tokens=False).input_ids)
    assert plain.answering(tokenizer("please\nFirst add 2. Final answer", add_special_tokens=False).input_ids)


def test_a_token_is_decoded_once(monkeypatch) -> None:
    tokenizer = bytes_()
    gate, asked = Gate(tokenizer, Dialect()), list[int]()
    decode = tokenizer.batch_decode
    monkeypatch.setattr(tokenizer, "batch_decode", lambda rows, **how: asked.append(len(rows)) or decode(rows, **how))
    ids = tokenizer(SAID, add_special_tokens=False).input_ids
    for end in range(1, len(ids)):
        gate.answering(ids[:end])
    many = sum(asked)
    for _ in range(100):
        gate.answering(ids[:-1])
    assert sum(asked) == many <= 2 * len(set(ids))
