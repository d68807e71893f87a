"""Numbers are found however they are written, and words that only look like numbers are not."""

from fractions import Fraction

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from azeotrope.release.numbers import numbers, unnumbered


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("48/2 = <<48/2=24>>24 clips", {48, 2, 24}),
        ("$1,234.50 and 12,5", {Fraction("1234.5"), 12, 5}),
        ("1{,}234 or 1\\,234 or 1 234 567", {1234, 1, 234, 567}),
        ("\\frac{3}{4} + \\dfrac12", {3, 4, 12}),
        ("x^2, 2¹⁰, ½ and ⅔, ①", {2, 210, 1, 3}),
        ("٢٤ and ２４ and १२", {24, 12}),
        ("twenty-four, twenty four, twentyfour, Twenty–Four", {24}),
        ("one hundred and five; two thousand three hundred; a million", {105, 2300, 10**6}),
        ("three million two hundred thousand and six", {3_200_006}),
        ("two, three and four; five six", {2, 3, 4, 5, 6}),
        ("half of a dozen, a third, three quarters, two-fifths", {Fraction(1, 2), 12, Fraction(1, 3), 3, Fraction(1, 4),
                                                                  2, Fraction(1, 5)}),
        ("twice, doubled, thrice, tripling, fourfold", {2, 3, 4}),
        ("Louis XIV met Henry VIII in Ⅻ", {14, 8, 12}),
        ("二十四个苹果, 一个", {"二十四"}),
        ("tw\u200benty-fo\u200bur and fіve", {24, 5}),
        (".5 and 0.5 and 3.", {Fraction(1, 2), 3}),
        ("zero", {0}),
    ],
)  # fmt: skip
def test_every_way_of_writing_a_number_is_read(text: str, expected: set) -> None:
    assert numbers(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "First, add them. Second, wait a second. Third, check it.",
        "No one knows which one of them; one must look one by one at the other one, since each one counts.",
        "I like a tent, a phone, someone's bone, weight, attention and often freight.",
        "The pair went both ways. Both said CIVIL AND VIVID OIL.",
        "",
    ],
)
def test_words_that_are_no_numbers_are_left_alone(text: str) -> None:
    assert numbers(text) == set()


def test_markers_of_a_list_say_nothing_if_they_only_count() -> None:
    assert numbers(unnumbered("1. Add.\n2) Divide.\n**Step 3:** Compare with 7.")) == {7}
    assert numbers(unnumbered("24. Add.\n72. Divide.")) == {24, 72}
    assert numbers(unnumbered("1.5 is it")) == {Fraction("1.5")}


SPELLED = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
           "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]  # fmt: skip
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spelled(n: int) -> str:
    """English for 1 .. 999,999,999."""
    for scale, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if n >= scale:
            rest = f" {spelled(n % scale)}" if n % scale else ""
            return f"{spelled(n // scale)} {name}{rest}"
    return SPELLED[n] if n < 20 else TENS[n // 10] + (f"-{SPELLED[n % 10]}" if n % 10 else "")


@any_of(st.integers(2, 999_999_999))
def test_english_is_read_back_up_to_the_millions(n: int) -> None:
    assert numbers(f"There were {spelled(n)} of them.") == {n}
    assert numbers(f"There were {n:,} of them.") == {n}


@any_of(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert all(isinstance(number, int | Fraction | str) for number in numbers(text))
    unnumbered(text)
