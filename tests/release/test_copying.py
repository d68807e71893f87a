"""Copies are found by runs and overlap, exactly as a slow search would."""

from hypothesis import given as any_of
from hypothesis import strategies as st

from azeotrope.release.copying import BLOCK, overlap, overlaps, repeats_itself, shares_run, spaced_out
from azeotrope.release.plain import plain, words

TOKENS = st.lists(st.sampled_from("abc"), max_size=40)


def longest_common_run(a: list[str], b: list[str]) -> int:
    best, row = 0, [0] * (len(b) + 1)
    for x in a:
        row = [0, *(row[j] + 1 if x == y else 0 for j, y in enumerate(b))]
        best = max(best, *row)
    return best


@any_of(TOKENS, TOKENS, st.integers(1, 12))
def test_a_shared_run_is_found_exactly(a: list[str], b: list[str], length: int) -> None:
    assert shares_run(a, b, length) == (longest_common_run(a, b) >= length)


@any_of(TOKENS)
def test_overlap_is_whole_with_itself_and_none_with_others(a: list[str]) -> None:
    assert overlap(a, a) == (1.0 if a else 0.0)
    assert overlap(a, ["x"] * 50) == 0.0


@any_of(TOKENS, TOKENS)
def test_both_overlaps_at_once_are_what_each_is(a: list[str], b: list[str]) -> None:
    assert overlaps(a, b) == (overlap(a, b), overlap(b, a))


def test_overlap_is_the_share_of_five_word_runs() -> None:
    assert overlap(list("abcdefgh"), list("abcdefXh")) == 2 / 4
    assert overlap(list("abc"), list("xxabcxx")) == 1.0


@any_of(st.integers(0, 3 * BLOCK), st.integers(0, 3 * BLOCK))
def test_letters_in_a_row_show_a_copy_that_was_spaced_out(shared: int, before: int) -> None:
    letters = "".join(chr(0x4E00 + i) for i in range(before + shared))
    found = spaced_out(list("!" * 5 + letters[before:]), list(letters))
    assert found or shared < 2 * BLOCK - 1
    assert not found or shared >= BLOCK


def test_disguises_do_not_hide_a_copy() -> None:
    text = "Natalia sold half as many clips in May as in April and then she counted all of them together twice"
    for disguised in (
        text.upper(),
        "\u200b".join(text),
        text.replace("a", "а").replace("e", "е").replace("o", "ο"),
        text.replace("i", "i\u0301"),
        "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in text),
        text.replace(" ", " -- "),
    ):
        assert overlap(words(plain(disguised)), words(plain(text))) == 1.0
    assert spaced_out(words(plain(" ".join(text * 2))), words(plain(text * 2)))


def test_a_model_that_got_stuck_is_noticed() -> None:
    sentence = words("the answer follows from the sum of both of these amounts and so on")
    assert repeats_itself(sentence * 8)
    assert not repeats_itself(sentence)
    assert not repeats_itself([str(i) for i in range(500)])
