"""Short on its own task, and no text is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.tasks import steps
from azeotrope.training.tokenizer import trained

CONFIG = steps.Config(train=200, test=50)
OF_STEPS = trained(steps.corpus(0, 1500), steps.PIECES)


def ids(text: str) -> list[int]:
    return OF_STEPS(text, add_special_tokens=False)["input_ids"]


@given(st.text())
def test_any_text_survives_the_journey(text) -> None:
    assert OF_STEPS.decode(ids(text)) == text
    assert OF_STEPS.decode(ids(text), skip_special_tokens=True) == text


@pytest.mark.parametrize("text", ["<eos>", "a<pad>b", " <eos>\n"])
def test_a_text_that_writes_a_special_token_writes_letters(text) -> None:
    assert not {OF_STEPS.eos_token_id, OF_STEPS.pad_token_id} & set(ids(text))
    assert OF_STEPS.decode(ids(text), skip_special_tokens=True) == text


def test_all_bytes_are_in_the_alphabet() -> None:
    every = "".join(map(chr, [*range(0x80), 0xE9, 0x20AC, 0x1F600, 0x10FFFF]))
    assert OF_STEPS.unk_token is None
    assert OF_STEPS.decode(ids(every)) == every
    assert (OF_STEPS.pad_token_id, OF_STEPS.eos_token_id) == (0, 1)


def test_numbers_are_digits_and_a_steps_marker_is_one_token() -> None:
    pieces = [OF_STEPS.decode([one]) for one in ids("Step 1: 31 * 2 = 62\nStep 2: 62 + 18 = 80\n\\boxed{80}")]
    assert pieces == [
        "Step 1: ", "3", "1", " * ", "2", " = ", "6", "2", "\nStep 2: ", "6", "2", " + ", "1", "8", " = ", "8", "0",
        "\n\\boxed{", "8", "0", "}",
    ]  # fmt: skip


@pytest.mark.parametrize("split", ["train", "shifted"])
def test_an_example_is_about_fifty_tokens_long(split) -> None:
    problems = steps.build(CONFIG).problems(split)
    texts = [f"{p.request.messages[0]['content']}\n{p.solution}\\boxed{{{p.gold}}}" for p in problems]
    assert 45 < sum(len(ids(text)) for text in texts) / len(texts) < 60


def test_a_paraphrase_is_as_long_as_what_it_paraphrases() -> None:
    for problem in steps.build(CONFIG).problems("train"):
        assert len(ids(steps.paraphrased(problem.solution) + "\n")) == len(ids(problem.solution))


def test_it_is_the_same_after_saving(tmp_path) -> None:
    from transformers import AutoTokenizer

    OF_STEPS.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    for text in ("Step 1: 3 + 4 = 7\n", "<eos> é", next(steps.corpus(5, 1))):
        assert again(text)["input_ids"] == ids(text)
        assert again.decode(again(text)["input_ids"], skip_special_tokens=True) == text
