"""Workings: numbered steps are found, nothing of the text is lost, equations say where their numbers stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.models.text.workings import equation, working

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
    "text", ["x = 3", "2 + 3", "1 + 1 = 2, 2 + 2 = 4", "a1 + 1 = 2", "1 + 1 = 2x", "1 + 1 = 2.5.1a"]
)
def test_what_is_not_one_equation_between_numbers_is_none(text: str) -> None:
    assert equation(text) is None


@pytest.mark.parametrize("piece", ["Step 1: ", "1. ", "1 + 1 = ", "1+", "\n", "= 1 ", "1" * 16])
def test_long_strange_texts_are_read(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert str(working(text) or text) == text
    equation(text)
