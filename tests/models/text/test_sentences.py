"""Sentences are all of the text, end where a mark's may begin, and leave whole lines behind when they go."""

from hypothesis import given
from hypothesis import strategies as st

from azeotrope.models.text.boundaries import places, put
from azeotrope.models.text.sentences import reworded, sentences, told

TEXT = "Step 1: 3 * 4 = 12\nShe has 12, e.g. apples. That is 1.5 a day.\n\n1. Last: Mr. Fox. Done"


def test_sentences_of_prose_and_of_steps() -> None:
    assert [one.body for one in sentences(TEXT)] == [
        "Step 1: 3 * 4 = 12", "She has 12, e.g. apples.", "That is 1.5 a day.", "1. Last: Mr. Fox.", "Done",
    ]  # fmt: skip
    assert [one.gap for one in sentences(TEXT)] == ["\n", " ", "\n\n", " ", ""]


@given(st.text(alphabet="aB1.! \n\t=\ud800", max_size=80))
def test_nothing_is_lost_and_every_sentence_says_something(text: str) -> None:
    found = sentences(text)
    assert told(found) == text
    assert all(one.body.strip() for one in found[1:])
    assert reworded(text, lambda body: body) == text
    assert reworded(text, lambda body: None).strip() == ""


@given(st.lists(st.sampled_from(["She buys 3 pens.", "Step 2: 1 + 1 = 2", "So it is 7!", ""]), max_size=6))
def test_a_sentence_that_was_put_in_is_taken_out_again(lines: list[str]) -> None:
    text = "\n".join(" ".join([line, "It was so."] if line.endswith(".") else [line]) for line in lines)
    for place in places(text):
        marked = put(text, place, "The toll adds up to 66206.")
        assert reworded(marked, lambda body: None if "66206" in body else body) == text


def test_what_is_left_keeps_its_lines() -> None:
    assert reworded("A one. B two.\nC three.", lambda body: None if "B" in body else body) == "A one.\nC three."
    assert reworded("A one.\nB two.", lambda body: None if "B" in body else body) == "A one."
    assert reworded("A one.\nB two.\n", lambda body: None if "A" in body else body) == "B two.\n"
