"""Exchanging tokens: numbers, signs and layout stay, and a text is read as the very tokens that were put, or stays."""

import re
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from azeotrope.models import tokens
from azeotrope.models.dialect import Dialect
from azeotrope.models.open import Open
from azeotrope.models.shipped import shipped
from azeotrope.release.numbers import numbers as named
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.training.tokenizer import trained

WORKING = "Step 1: 40 + 2 = 42\nStep 2: 42 * 2 = 84\n"
PROSE = "First add both numbers, then double the sum. It is not half of what Ann had; take it as twelve."


@pytest.fixture(scope="module")
def speaker() -> Open:
    words = trained([PROSE, PROSE.swapcase(), WORKING] * 20, r"\d| ?[^\W\d_]+|\n", vocabulary=700)
    return TinyLearner(Tiny(hidden=16, layers=1, heads=2, intermediate=16), words, device="cpu").fresh(0)


def laid(model: Open, text: str, *, until: int | None = None, numbers: bool = False) -> tokens.Spread:
    said = partial(model.dialect.response, answer="84", opening="How many?\n")
    known = tokens.vocabulary(model.tokenizer, tokens.size(model), numbers)
    return tokens.spread(model, "How many?\n", said, text, len(text) if until is None else until, known)


def changeable(found: tokens.Spread) -> list[str]:
    return [found.text[word.begin : word.end] for word in found.words]


def test_words_may_change_numbers_signs_and_layout_not(speaker) -> None:
    told = changeable(laid(speaker, PROSE))
    assert {"add", "numbers", "then", "the", "sum", "Ann"} <= set(told)
    assert not {"double", "half", "twelve"} & set(told), "words that count are numbers, too"
    assert changeable(laid(speaker, WORKING)) == ["Step", "Step"]
    assert changeable(laid(speaker, "7 7\n\n+ = <add> \\sum both=x _then_ the both")) == ["the", "both"]
    assert changeable(laid(speaker, "x 7 the 42", numbers=True)) == ["7", "the"], "one digit of two is no whole number"


COUNTING = (
    "In all one hundred and five plus 2, or vii minus iv, but twice five percent of a trillion times nine squared."
)


@pytest.fixture(scope="module")
def counter() -> Open:
    texts = [COUNTING, "or one hundred and fifty", "negative but cubed"] * 20
    words = trained(texts, r"\d| ?[^\W\d_]+|\n", vocabulary=700)
    words.add_tokens(["<think>", "thinking", " and then"])
    made = TinyLearner(Tiny(hidden=16, layers=1, heads=2, intermediate=16), words, device="cpu").fresh(0)
    made.net.resize_token_embeddings(len(words))
    return made


def exchanges(model: Open, found: tokens.Spread, *, numbers: bool = False) -> set[tuple[str, str]]:
    """(what stood there, what may be put instead and is read as itself)."""
    known = tokens.vocabulary(model.tokenizer, tokens.size(model), numbers)
    return {
        (found.text[word.begin : word.end], known.pieces[token].strip())
        for place, word in enumerate(found.words)
        for token in known.alike(torch.tensor([found.ids[word.at]]))[0].nonzero()[:, 0].tolist()
        if found.put(place, token, known.pieces[token])
    }


def test_words_that_reckon_stay(counter) -> None:
    assert set(changeable(laid(counter, COUNTING))) == {"In", "all", "and", "or", "but", "of"}


def test_what_makes_one_number_of_several_words_stays_there_and_may_change_elsewhere(counter) -> None:
    assert ("and", "or") in exchanges(counter, laid(counter, "all and of"))
    within = laid(counter, "all of one hundred and five")
    assert not any(now == "and" for now, _ in exchanges(counter, within)) and exchanges(counter, within)
    free = laid(counter, "all of one hundred and five", numbers=True)
    assert ("and", "or") in exchanges(counter, free, numbers=True)


@pytest.mark.parametrize("text", ["all one hundred and five", "or 2 and five", "2 or five hundred and one", COUNTING])
def test_an_exchange_leaves_the_numbers(counter, text) -> None:
    found = laid(counter, text)
    known = tokens.vocabulary(counter.tokenizer, tokens.size(counter), False)
    put = [found.put(place, token, known.pieces[token]) for place in range(len(found.words))
           for token in known.forms.nonzero()[:, 0].tolist()]  # fmt: skip
    texts = {one.text for one in put if one}
    assert texts and all(named(one) == named(text) for one in texts)


def test_tokens_that_were_added_are_not_exchanged(counter) -> None:
    """Not all that mark something up are called special."""
    known = tokens.vocabulary(counter.tokenizer, tokens.size(counter), False)
    added = counter.tokenizer.added_tokens_decoder
    assert {"<think>", "thinking"} <= {token.content for token in added.values() if not token.special}
    assert not known.forms[list(added)].any() and known.forms.any()


def test_a_token_of_many_things_keeps_all_but_its_words() -> None:
    model = shipped("steps")
    found = laid(model, WORKING)
    known = tokens.vocabulary(model.tokenizer, tokens.size(model), False)
    assert changeable(found) == ["Step 1:", "Step 2:"]
    now = torch.tensor([found.ids[word.at] for word in found.words])
    pieces = [{known.pieces[token] for token in row.nonzero()[:, 0].tolist()} for row in known.alike(now)]
    assert pieces == [{"Part 1: "}, {"\nPart 2: "}]
    out = found.put(0, known.pieces.index("Part 1: "), "Part 1: ")
    assert out is not None and out.text == WORKING.replace("Step 1", "Part 1")
    assert changeable(out) == ["Part 1:", "Step 2:"]


def test_nothing_changes_from_where_it_is_told_to_stop(speaker) -> None:
    at = PROSE.index("double")
    found = laid(speaker, PROSE, until=at)
    assert found.words and all(word.end <= at for word in found.words)
    assert not laid(speaker, "", until=0).words


def test_part_of_a_longer_word_stays(speaker) -> None:
    assert "add" not in changeable(laid(speaker, "xadd addx addé"))


PARTS = st.sampled_from([*PROSE.split(), *WORKING.split(), " ", " ", " ", "\n", "é", "½", "🧮", ".", "x", "<", "\\"])


@settings(max_examples=60)
@given(parts=st.lists(PARTS, max_size=20), seed=st.integers(0, 99))
def test_whatever_is_put_is_read_as_itself_and_numbers_stay(speaker, parts, seed) -> None:
    text = "".join(parts)
    found = laid(speaker, text)
    known = tokens.vocabulary(speaker.tokenizer, tokens.size(speaker), False)
    draw = torch.Generator().manual_seed(seed)
    for place in range(len(found.words)):
        options = known.alike(torch.tensor([found.ids[found.words[place].at]]))[0].nonzero()[:, 0].tolist()
        for token in options[:3] if torch.rand(1, generator=draw) < 0.7 else []:
            if (put := found.put(place, token, known.pieces[token])) is not None:
                found = put
                break
    response = f"{found.text.rstrip()}\n84" if found.text else "84"
    assert list(found.ids[found.start :]) == [*speaker.encode([response])[0], speaker.end]
    assert re.findall(r"[\d½]|[^\w\s]|\s", found.text) == re.findall(r"[\d½]|[^\w\s]|\s", text)


def test_what_would_be_read_otherwise_is_refused(speaker) -> None:
    """A token that another pair of tokens stands for is never what the tokenizer makes of the text."""
    found = laid(speaker, PROSE)
    place = changeable(found).index("add")
    begun = speaker.encode([" a"])[0][0]
    assert found.put(place, begun, " add") is None


def test_reasoning_in_tags_is_found_behind_them(speaker) -> None:
    model = Open(speaker.net, speaker.tokenizer, name="x", dialect=Dialect(think=True, split="tags"))
    found = laid(model, f"  {PROSE}\n")
    assert changeable(found) == changeable(laid(speaker, PROSE))
    assert all(found.text[word.begin : word.end] in found.text for word in found.words)
    known = tokens.vocabulary(model.tokenizer, tokens.size(model), False)
    for place, word in enumerate(found.words):
        token = found.ids[word.at]
        assert known.pieces[token].strip() == found.text[word.begin : word.end], place
