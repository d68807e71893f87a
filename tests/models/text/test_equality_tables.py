"""What is one answer and what is not, row by row: the first cell of a line against each of the others, both ways round.

`same.txt` and `different.txt` hold the cells, `~~` between them, `\\n` for a new line within one.
"""

from pathlib import Path

import pytest

from azeotrope.models.text import same
from azeotrope.models.text.expressions import askable, put


def table(name: str) -> list[list[str]]:
    lines = Path(__file__).with_name(name).read_text("utf-8").splitlines()
    return [[cell.strip().replace("\\n", "\n") for cell in line.split(" ~~ ")] for line in lines]


def judged(first: str, others: list[str], expected: bool) -> list[tuple[str, str]]:
    """The pairs that are not judged as they should be."""
    pairs = [pair for other in others for pair in ((first, other), (other, first))]
    return [pair for pair in pairs if same(*pair) is not expected]


@pytest.mark.parametrize("row", table("same.txt"), ids=lambda row: row[0])
def test_the_same(row: list[str]) -> None:
    assert judged(row[0], row[1:], True) == []


@pytest.mark.parametrize("row", table("different.txt"), ids=lambda row: row[0])
def test_different(row: list[str]) -> None:
    assert judged(row[0], row[1:], False) == []


@pytest.mark.parametrize(
    "text",
    [
        "9^{9^{9}}",
        "2^{100000}",
        "2^100000",
        "10000!",
        "(5!)!",
        "5!^{5!}",
        "3!!",
        "((((",
        "5)",
        "(" * 40 + "5" + ")" * 40,
    ],
)
def test_a_bomb_is_not_even_asked_about(text: str) -> None:
    assert not askable(text, "7")
    assert not askable("7", text)


def test_what_is_asked_about_is_put_without_what_is_misread() -> None:
    assert put("1,024") == "1024"
    assert put("0.5") == "\\frac{1}{2}"
    assert put("3(2)") == "3 \\cdot (2)"
    assert put("(3)(2)") == "(3) \\cdot (2)"
    assert askable("2^{10}", put("1,024"))
