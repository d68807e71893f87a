"""Workings: numbered steps are found, nothing of the text is lost, equations say where their numbers stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.models.text.workings import equation, value, working

LINES = st.lists(
    st.sampled_from(
        ["Step 1: 2 + 3 = 5", "Step 12: so", "2. then", "3) or", "", "  ", "Part 4: x", "words", "\r", "1."]
    )
)


@given(st.one_of(st.text(), LINES.map("\n".join)))
def test_no_character_is_lost(text: str) -> None:
    found = working(text)
    assert found is None or str(found) == text


def test_steps_have_labels_bodies_and_gaps() -> None:
    found = working("Well.\nStep 1: 11 - 10 = 1\nand so\n\nStep 2: 1 * 3 = 3\n")
    assert found is not None
    assert found.before == "Well.\n"
    assert [(step.label, step.number, step.body, step.gap) for step in found.steps] == [
        ("Step 1: ", 1, "11 - 10 = 1\nand so", "\n\n"),
        ("Step 2: ", 2, "1 * 3 = 3", "\n"),
    ]
    assert str(found.but(["a", "b"])) == "Well.\nStep 1: a\n\nStep 2: b\n"


@pytest.mark.parametrize("text", ["", "no steps", "Step 1: one\nPart 2: two", "1.5 is more than 1", "so Step 1: x"])
def test_what_is_not_numbered_in_one_manner_is_no_working(text: str) -> None:
    assert working(text) is None


@pytest.mark.parametrize(
    ("text", "parts", "operands"),
    [
        ("11 - 10 = 1", ("11", "- 10", "1"), ["10"]),
        ("so 48/2=24 clips", ("48", "/2", "24"), ["2"]),
        ("-3 * 2.5 = -7.5.", ("-3", "* 2.5", "-7.5"), ["2.5"]),
        ("1 + 2 + 3 = 6", ("1", "+ 2 + 3", "6"), ["2", "3"]),
        ("1,200 + 3 = 1,203", ("1,200", "+ 3", "1,203"), ["3"]),
        ("so -12,345,678.5/1,000=-12,345.6785, then", ("-12,345,678.5", "/1,000", "-12,345.6785"), ["1,000"]),
        ("of 4, 3 + 1 = 4, as said", ("3", "+ 1", "4"), ["1"]),
    ],
)
def test_an_equation_is_read_and_says_where_its_numbers_stand(text, parts, operands) -> None:
    found = equation(text)
    assert found is not None
    assert (found.left, found.rest, found.result) == parts
    assert text.startswith(found.left, found.left_at)
    assert text.startswith(found.result, found.result_at)
    assert found.operands == operands


@pytest.mark.parametrize(
    "text", ["x = 3", "2 + 3", "1 + 1 = 2, 2 + 2 = 4", "a1 + 1 = 2", "1 + 1 = 2x", "1 + 1 = 2.5.1a", "1,5 + 2 = 3,5",
             "1,20 + 3 = 4", "5 + 2,50 = 7", "1,2000 + 3 = 1,2003", "3 + 4 = 7,8", "1,200,3 + 1 = 4"]
)  # fmt: skip
def test_what_is_not_one_equation_between_numbers_is_none(text: str) -> None:
    assert equation(text) is None


@pytest.mark.parametrize(
    "piece", ["Step 1: ", "1. ", "1 + 1 = ", "1+", "\n", "= 1 ", "1" * 16, "1,", "1,111", "1,111+"]
)
def test_long_strange_texts_are_read(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert str(working(text) or text) == text
    equation(text)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=4), st.sampled_from(["", ","]))
def test_thousands_that_are_set_apart_are_the_same_numbers(numbers: list[int], comma: str) -> None:
    first, *rest = (f"{number:{comma}}" for number in numbers)
    total = f"{sum(numbers):{comma}}"
    found = equation(f"Step 1: {first} + {' + '.join(rest)} = {total}!")
    assert found and (found.left, found.terms, found.result) == (first, [("+", one) for one in rest], total)
    assert [value(one) for one in (found.left, *(one for _, one in found.terms))] == numbers
