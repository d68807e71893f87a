"""Readability: by hand on short texts, within its bounds on any, and lower where figures go."""

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as some

from azeotrope.release.readability import ease, figures, readable


@pytest.mark.parametrize(("text", "words", "sentences", "syllables"), [
    ("Considering alternative possibilities complicates understanding.", 5, 1, 4 + 4 + 5 + 4 + 4),
    ("We add apples. Nobody multiplies.", 5, 2, 1 + 1 + 2 + 3 + 3),
    ("table make the", 3, 1, 2 + 1 + 1),
    ("Together apples total 3.5 and bananas add 2.25", 8, 1, 3 + 2 + 2 + 1 + 1 + 3 + 1 + 1),
    ("Remaining: 1,250.75 for 3.5kg.", 4, 1, 3 + 1 + 1 + 1),
    ("Section 1.2.3 operates. Another 4.", 5, 2, 2 + 1 + 4 + 3 + 1),
])  # fmt: skip
def test_ease_is_flesch_by_hand(text: str, words: int, sentences: int, syllables: int) -> None:
    by_hand = (206.835 - 1.015 * words / sentences - 84.6 * syllables / words) / 100
    assert ease(text) == pytest.approx(min(1.0, max(0.0, by_hand)))


def test_what_says_nothing_cannot_be_read() -> None:
    assert ease("") == ease("...\n!?") == readable("", "1 + 1 = 2") == 0.0


def test_figures_are_the_share_that_is_still_there() -> None:
    original = "11 - 10 = 1\n1 * 3 = 3"
    assert figures(original, original) == 1.0
    assert figures("11 minus 10", original) == 0.5
    assert figures("none of them", original) == 0.0
    assert figures("anything", "no number here") == 1.0
    assert readable("11 minus 10", original) == 0.5 * ease("11 minus 10")


def before(text: str) -> float:
    """As it was counted when points and commas parted numbers."""
    words = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text)
    sentences = len(re.findall(r"[^.!?\n]*[^\W_][^.!?\n]*", text))
    if not words:
        return 0.0
    syllables = sum(
        max(1, groups - (word.endswith("e") and not word.endswith("le") and groups > 1))
        for word in map(str.casefold, words)
        for groups in [len(re.findall("[aeiouy]+", word))]
    )
    return min(1.0, max(0.0, (206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)) / 100))


@given(some.text("aAeéy z09²_.,!?;'’)\"\n", max_size=60) | some.text(max_size=200))
@example("He said 'Add 3.' Then (by 4!) we had 7.No more, 1.")
def test_only_a_point_or_comma_between_digits_counts_otherwise_than_before(text: str) -> None:
    assume(not re.search(r"\d[.,]\d", text))
    assert ease(text) == before(text)


@given(some.text(max_size=200), some.text(max_size=200))
def test_it_stays_between_0_and_1(rewrite: str, original: str) -> None:
    assert 0.0 <= readable(rewrite, original) <= 1.0
