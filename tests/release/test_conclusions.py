"""A conclusion stated in words is compared with the answer; what states none is silent."""

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from azeotrope.release.conclusions import contradicts

SAME = [
    ("So the total is 12.", "12"), ("Adding both, 7 + 5 = 12.", "12"), ("The answer is $12.00.", "$12"),
    ("Therefore she has twelve left.", "12"), ("Hence \\boxed{12}", "12"), ("The answer is 3/4.", "\\frac{3}{4}"),
    ("So it is \\frac{3}{4} = 0.75", "3/4"), ("Thus 25% = 0.25", "25%"), ("The answer is 1,234.", "1234 clips"),
    ("So the total is 3.33.", "10/3"), ("Therefore x = -3.", "-3"), ("The answer is (B).", "B"),
    ("It adds the months.", "72"), ("First 3 + 4 = 7. Then all is added and it ends.", "12"),
    ("So 12. Check: 12 - 5 = 7.", "12"), ("The answer is Paris.", "Paris"), ("The answer is clear. So 12.", "12"),
    ("The answer to the first part is 5. The answer to the question is 12.", "12"),
    ("So the total of 7 and 5 is 7 + 5 = 12 clips.", "12"), ("Therefore 3 boxes hold 4 each, 12 in all.", "12"),
    ("The answer is not 120. So the total is 12.", "12"), ("The answer isn't odd. So 12.", "12"),
    ("Option C is ruled out, so (B).", "B"), ("Having seen (A), (C) and (D), select B.", "B"),
    ("anything = 5", "a long answer " * 20), ("", "12"), ("so the total is 12", ""),
]  # fmt: skip
OTHER = [
    ("So the total is 13.", "12"), ("Adding both, 7 + 5 = 13.", "12"), ("The answer is thirteen.", "12"),
    ("Therefore there are 13.", "12"), ("The final answer: 13", "12"), ("The answer is 3/5.", "3/4"),
    ("Therefore x = 3.", "-3"), ("The answer is London.", "Paris"), ("So the answer is 13 clips. So.", "12 clips"),
    ("All in all, 7 + 5 = 12. So the answer is 13.", "12"),
    ("Hence the sum comes to twenty-four.", "12"),
    ("The answer is no.", "yes"), ("\\frac{1}{2} = \\frac{1}{3}", "1/2"), ("Thus, the result = 120.", "12"),
]  # fmt: skip


@pytest.mark.parametrize(("reasoning", "answer"), SAME)
def test_agreement_and_silence_pass(reasoning: str, answer: str) -> None:
    assert not contradicts(reasoning, answer, choice=answer == "B")


@pytest.mark.parametrize(("reasoning", "answer"), OTHER)
def test_another_conclusion_is_noticed(reasoning: str, answer: str) -> None:
    assert contradicts(reasoning, answer)


@pytest.mark.parametrize(
    "denial", ["The answer is not 12.", "So the answer isn't $12$.", "The total is never 12 clips."]
)
def test_who_denies_the_answer_contradicts_it(denial: str) -> None:
    assert contradicts(denial, "12")


@pytest.mark.parametrize(
    "claim", ["So option C fits.", "Choose C.", "Thus (C).", "We pick (C) then.", "Option C remains."]
)
def test_a_choice_is_stated_in_many_ways(claim: str) -> None:
    assert contradicts(claim, "B", choice=True)
    assert not contradicts(claim, "C", choice=True)


def test_letters_are_compared_as_letters() -> None:
    assert contradicts("So the correct answer is **C**.", "B", choice=True)
    assert contradicts("The answer is option (C) because it fits.", "(B)", choice=True)
    assert not contradicts("The answer is a matter of taste.", "B", choice=True)


@any_of(st.integers(2, 10**6), st.integers(2, 10**6))
def test_equal_numbers_agree_and_unequal_ones_do_not(stated: int, answer: int) -> None:
    apart = stated not in (answer, answer * 100) and stated * 100 != answer
    assert contradicts(f"So the total is {stated:,}.", str(answer)) == (apart and abs(stated - answer) > 0)


@any_of(st.text(), st.text(max_size=90), st.booleans())
def test_any_text_is_read(reasoning: str, answer: str, choice: bool) -> None:
    assert contradicts(reasoning, answer, choice=choice) in (True, False)
