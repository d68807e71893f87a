"""Marks are found as ever, cut anywhere, in time that a hostile text cannot drive up. Work is counted, not timed."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.models.text import slow_marks

from azeotrope.models.text import Piece, Splitter, split, splitting
from azeotrope.models.text.marks import LONGEST, Mark, candidate, mark_at, may_grow

WHOLE = ["<think>", "</think>", "<seed:think>", "< / THINKING >", "<think/>", "<think a='b' c=d>", "<scratchpad>",
         "[THINK]", "[/think]", "◁think▷", "◁/think▷", "<|begin_of_thought|>", "<|END_THINKING|>", "<|think|>",
         "<|/think|>", "<unused94>", "<|channel>thought", "<channel|>", "<|channel|>analysis<|message|>", "<|end|>",
         "<|start|>assistant<|channel|>final<|message|>", "<|channel|>commentary to=f <|constrain|>json<|message|>",
         "<|return|>", "<thin\u212a>", "[thin\u212a]", "<|\u017ftart_thinking|>"]  # fmt: skip
"""Some with letters that only some ways of ignoring case take for k and s: the Kelvin sign, the long s."""
AROUND = ["<", "[", "◁", "|", ">", "/", ":", "_", "`", '"', " ", "\n", "a", "think", "the ", " tag", "```\n", "aaaa:",
          "é", "\u0130"]  # fmt: skip
parts = st.one_of(
    st.sampled_from(WHOLE),
    st.sampled_from(AROUND),
    st.tuples(st.sampled_from(WHOLE), st.integers(0, 20), st.integers(0, 20)).map(lambda cut: cut[0][cut[1] : cut[2]]),
    st.text(max_size=2),
    st.sampled_from("a <\n").map(lambda sign: sign * (LONGEST - 9)),
)
texts = st.lists(parts, max_size=12).map("".join)


@settings(max_examples=150)
@given(texts)
@example("<|start|>" + "a" * LONGEST + "<|channel|>final<|message|>")
def test_whatever_is_passed_over_is_no_mark_and_grows_into_none(text: str) -> None:
    for at in range(len(text)):
        mark = slow_marks.mark_at(text, at)
        assert mark_at(text, at) == mark
        assert may_grow(text, at) == slow_marks.may_grow(text, at)
        if mark is not None or may_grow(text, at):
            assert candidate(text, at) == at


def pieces(chunks: list[str], opened: bool) -> list[list[Piece]]:
    """What left with each chunk, and at the end."""
    splitter = Splitter("tags", opened_in_prompt=opened)
    return [*map(splitter.feed, chunks), splitter.close()]


@settings(max_examples=300)
@given(texts, st.randoms(use_true_random=False), st.booleans())
def test_every_chunk_lets_out_what_the_slow_way_let_out(text: str, rng: random.Random, opened: bool) -> None:
    cuts = sorted(rng.randint(0, len(text)) for _ in range(rng.choice([0, 3, 30])))
    chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    with slow_marks.slow():
        slowly = pieces(chunks, opened)
    assert pieces(chunks, opened) == slowly


@pytest.mark.parametrize(
    "part", ["<", "[", "◁", "< ", "</", "<|", "<a", "<thin ", "<seed:", "a < b [i] ", "<|channel ", "<div>", "[1](x)"]
)
def test_signs_that_begin_no_mark_are_never_looked_at(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: Counter[str] = Counter()

    def counted(function: Any) -> Any:
        def called(*arguments: Any) -> Any:
            looked["at"] += 1
            return function(*arguments)

        return called

    for name in ("mark_at", "may_grow"):
        monkeypatch.setattr(splitting, name, counted(getattr(splitting, name)))
    text = "x" + part * 20_000
    assert split(text) == ("", text)
    splitter = Splitter("tags", opened_in_prompt=False)
    for at in range(0, len(text), 4096):
        splitter.feed(text[at : at + 4096])
    assert looked["at"] <= 200


class Counted(str):
    """A kind that counts how often it is compared with another."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str(self) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("<think>", "</thinking>"),
        ("<think>", "<|end|>"),
        ("<think>", "<|channel|>analysis<|message|>"),
        ("<think>", "<|channel|>analysis<|message|><think>"),
        ("<|channel|>analysis<|message|>", "<think><|end|>"),
    ],
)
def test_blocks_within_blocks_cost_no_more_than_blocks(first: str, then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(text: str, start: int) -> Mark | None:
        mark = mark_at(text, start)
        return mark and mark._replace(kind=Counted(mark.kind))

    monkeypatch.setattr(splitting, "mark_at", found)
    Counted.compared = 0
    split(first * 1000 + then * 1000)
    assert Counted.compared < 50_000
