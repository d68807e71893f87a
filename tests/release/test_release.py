"""The checks together: what passes, what fails and by which name, on texts of many kinds."""

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from azeotrope import Request, Trace
from azeotrope.release import NAMES, Bounds, failure, problem, wording

QUESTION = Request.of("A shop sells 3 boxes of 12 pencils. How many pencils does it sell?")
REASONING = (
    "The shop has 3 boxes and every one of these boxes holds 12 pencils, so I multiply: 3 * 12 = 36. "
    "That means the shop sells 36 pencils in total today."
)


def trace(answer: str = "36", reasoning: str = REASONING, question: Request = QUESTION) -> Trace:
    return Trace("t", question, reasoning, answer)


def stating(conclusion: str) -> str:
    return f"Boxes are alike, hence pencils per box taken as often as there are boxes for the shop. {conclusion}"


@pytest.mark.parametrize(
    ("answer", "conclusion"),
    [
        ("36", "\\boxed{36}"),
        ("36", "\\boxed{36\\ \\text{pencils}}"),
        ("#### 36", "The answer is 36."),
        ("36 pencils", "So the total is thirty-six."),
        ("$\\frac{72}{2}$", "\\boxed{36}"),
        ("x = 36", "\\boxed{36}"),
        ("(B)", "The answer is (B)."),
        ("Paris", "The answer is Paris."),
        ("36", "Multiplication settles it."),
        ("```python\nprint(36)\n```", "In code:\n```python\nx = 3 * 12\n```"),
        ('{"pencils": 36}', "The object then has one key."),
        ("The shop sells pencils, namely 36 of them, which is a lot for a Sunday afternoon.", "The answer is 36."),
    ],
)
async def test_a_conclusion_equal_to_the_answer_passes(answer: str, conclusion: str) -> None:
    assert await failure(stating(conclusion), trace(answer)) is None


@pytest.mark.parametrize(
    ("answer", "conclusion", "name"),
    [
        ("36", "\\boxed{37}", "answer_changed"),
        ("36", "The answer is 37.", "answer_changed"),
        ("36", "\n#### 37", "answer_changed"),
        ("36", "So the total is thirty-seven.", "inconsistent"),
        ("36", "Thus 3 * 12 = 37.", "inconsistent"),
        ("(B)", "The answer is (C).", "answer_changed"),
        ("Paris", "The answer is London.", "answer_changed"),
        ("\\boxed{-36}", "\\boxed{36}", "answer_changed"),
        ("\\boxed{(1, 2)}", "\\boxed{(2, 1)}", "answer_changed"),
        ("It cannot be said in few words, as pencils differ, so I talk on.", "\\boxed{37}", "answer_changed"),
    ],
)
async def test_another_conclusion_fails(answer: str, conclusion: str, name: str) -> None:
    assert await failure(stating(conclusion), trace(answer)) == name


ENDS = [("length", "truncated"), ("content_filter", "refusal"), ("stop", None), ("eos_token", None), ("end_turn", None)]
ENDS += [(cut, "truncated") for cut in ("abort", "model_length", "max_tokens", "MAX_TOKENS", "error", "of next year")]


@pytest.mark.parametrize(("finish", "name"), ENDS)
async def test_how_the_rewriter_ended_counts(finish: str, name: str | None) -> None:
    assert await failure(stating("Done."), trace(), finish=finish) == name


@pytest.mark.parametrize("text", ["", " \n\t", "\u2003", "!!! ... ???", "🎉" * 30, "∀→∃" * 10])
async def test_blanks_are_empty(text: str) -> None:
    assert await failure(text, trace()) == "empty"


async def test_numbers_of_the_problem_and_the_answer_are_allowed_in_a_plan() -> None:
    said = "Take the {} pencils of a box {} times, as the shop sells all boxes. {}"
    for one, two, end in (("12", "3", "That is 36."), ("twelve", "three", ""), ("dozen", "three", "So: thirty-six.")):
        assert await failure(said.format(one, two, end), trace(), extra=("new_number",)) is None
    long = "Sell 24 first and then 12 pencils more from the boxes of the shop."
    assert await failure(long, trace(), extra=("new_number",)) == "new_number"
    assert await failure(long, trace()) is None
    hidden = trace("The pencils are 24 and 12, which a long sentence tells in all the detail that one can wish for: 36")
    assert await failure(long, hidden, extra=("new_number",)) == "new_number"


async def test_a_half_is_no_news_where_two_is_known() -> None:
    asked = Request.of("Share 10 pencils between 2 shops.")
    text = "Each shop gets half of the pencils, as shops are alike."
    assert await failure(text, trace("5", question=asked), extra=("new_number",)) is None
    asked = Request.of("Share 10 pencils fairly among shops.")
    assert await failure(text, trace("5", question=asked), extra=("new_number",)) == "new_number"


async def test_bounds_hold() -> None:
    text = stating("Done.")
    assert await failure(text, trace(), bounds=Bounds(longest=50)) == "length"
    assert await failure(text, trace(), bounds=Bounds(shortest_ratio=0.99)) == "length"
    assert await failure(text * 9, trace(), bounds=Bounds(longest_ratio=2.0)) in ("length", "repetitive")
    assert await failure(REASONING[:60] + text, trace()) is None
    assert await failure(REASONING[:60] + text, trace(), bounds=Bounds(copied_share=0.1)) == "copied"
    assert await failure(REASONING[:60] + text, trace(), bounds=Bounds(copied_run=8)) == "copied"
    with pytest.raises(ValueError, match="shortest"):
        Bounds(shortest=10, longest=9)


async def test_chatter_does_not_make_a_copy_a_rewrite() -> None:
    short = trace("12", "15% means 15/100. Multiplying, 0.15 * 80 = 12.", Request.of("What is 15% of 80?"))
    assert await failure("15% means 15/100. Multiplying, 0.15 * 80 = 12.\n\nSo, the answer is 12.", short) == "copied"
    words = REASONING.split()
    chatter = " and now for something which nobody has asked for but which goes on for quite a while indeed, "
    pieces = [" ".join(words[i : i + 12]) for i in range(0, len(words), 12)]
    assert await failure(chatter.join(pieces), trace()) == "copied"


async def test_what_was_told_must_not_come_back() -> None:
    told = wording.runs("Compress small moves into larger ones and let no phrase of the solver survive.")
    leak = stating("Let no phrase of the solver survive here.")
    assert await failure(leak, trace(), instruction=told) == "task_leaked"
    assert await failure(leak, trace()) is None


async def test_links_of_the_original_may_stay() -> None:
    there = trace(reasoning=REASONING + " See https://a.example/x for boxes.")
    assert await failure(stating("Look at https://a.example/x there."), there) is None
    assert await failure(stating("Look at https://b.example/x there."), there) == "new_link"


def test_the_problem_is_the_text_of_every_message() -> None:
    parts = [{"type": "text", "text": "two"}, {"type": "image_url", "image_url": {"url": "data:x"}}, "odd", {"text": 5}]
    messages = ({"role": "system", "content": "one"}, {"role": "user", "content": parts}, {"role": "tool"})
    assert problem(Request(messages)) == "one\ntwo"


PIECES = ["a", " ", "\n", "1", "1,", "one ", "answer is ", "= ", "<", "<|", "{", "[](", "```\n", "here is:\n",
          "\\boxed{", "#### 1\n", "\\frac{", "XIV ", "third, ", "¼", "二", "é", "\u0301", "user:", '"name":',
          "ab ", "%4E"]  # fmt: skip


@settings(deadline=None, max_examples=60)
@any_of(st.sampled_from(PIECES), st.sampled_from(PIECES), st.integers(1, 12_000))
async def test_long_repetitive_texts_are_read_to_their_end(piece: str, other: str, times: int) -> None:
    text = wording.bare(piece * times + other)
    assert await failure(text, trace(reasoning=other * times), extra=("new_number",)) in NAMES


@settings(deadline=None)
@any_of(st.text(), st.text(), st.text(max_size=30))
async def test_any_texts_are_judged(text: str, reasoning: str, answer: str) -> None:
    assert await failure(text, trace(answer, reasoning), extra=("new_number",)) in (None, *NAMES)


@any_of(st.text(min_size=1))
async def test_the_original_itself_never_passes(reasoning: str) -> None:
    assert await failure(reasoning, trace(reasoning=reasoning, question=Request.of("?"))) is not None
