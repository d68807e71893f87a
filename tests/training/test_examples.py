"""What is trained on: the mask to the token, the end, what is cut, and who comes when."""

from collections import Counter
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.models.dialect import Dialect
from azeotrope.models.open import Open
from azeotrope.training import Batch, Encoded, Example, batches, encoded
from azeotrope.training.examples import IGNORED
from azeotrope.types import Request

from .conftest import CHATML, UNMARKED


@pytest.fixture(scope="module")
def plain(alphabet: Any) -> Open:
    return Open(None, alphabet, name="plain")


@pytest.fixture(scope="module")
def chatting(chat: Path) -> Open:
    model = Open.load(chat, dialect=Dialect(chat=True), device="cpu")
    assert model.pad == model.end == model.tokenizer.eos_token_id
    return model


def learned(model: Open, batch: Batch, row: int) -> list[int]:
    """The tokens of a row that have a loss."""
    return batch.labels[row][batch.labels[row] != IGNORED].tolist()


def test_plain_the_response_and_its_end_have_a_loss_and_nothing_else(plain: Open) -> None:
    examples = [Example(Request.of("2+2?"), "Two and two.\n", "4"), Example(Request.of("A long question"), "", "9")]
    rows, truncated = encoded(plain, examples, 100)
    batch = Batch.of(rows, plain.pad)
    assert truncated == 0
    for row, (prompt, said) in enumerate((("2+2?\n", "Two and two.\n4"), ("A long question\n", "9"))):
        expected = [*plain.encode([said])[0], plain.end]
        assert learned(plain, batch, row) == expected
        start = len(plain.encode([prompt])[0])
        assert batch.labels[row, start : start + len(expected)].tolist() == expected
        assert batch.ids[row, : start + len(expected)].tolist() == [*plain.encode([prompt])[0], *expected]


@pytest.mark.parametrize("template", [CHATML, UNMARKED], ids=["generation marks", "no marks"])
def test_chat_is_masked_as_the_template_marks_it(chatting: Open, template: str) -> None:
    """The marks of `{% generation %}` say what is the assistant's: we say the same, with them and without."""
    tokenizer = copy(chatting.tokenizer)
    tokenizer.chat_template = template
    model = Open(chatting.net, tokenizer, name="chat", dialect=chatting.dialect)
    request = Request.of("2+2?", system="Be brief.")
    [row] = encoded(model, [Example(request, "Two and two.\n", "4")], 200).rows
    turn = {"role": "assistant", "content": "Two and two.\n4"}
    marked = tokenizer.apply_chat_template(
        [*request.messages, turn], chat_template=CHATML, return_dict=True, return_assistant_tokens_mask=True
    )
    ids, mask = marked["input_ids"], marked["assistant_masks"]
    assert row.ids == ids[:-1], "all but the line feed that the template writes after the turn"
    batch = Batch.of([row], model.pad)
    assert (batch.labels[0] != IGNORED).long().tolist() == mask[:-1]
    assert learned(model, batch, 0)[-1] == tokenizer.convert_tokens_to_ids("<|im_end|>")


def test_what_fills_may_be_what_ends(chatting: Open) -> None:
    """The end token of a short row has a loss, the same token as filling behind it has none."""
    short, long = Example(Request.of("a"), "", "b"), Example(Request.of("a"), "", "b" * 20)
    batch = Batch.of(encoded(chatting, [short, long], 200).rows, chatting.pad)
    ends = (batch.ids[0] == chatting.end) & (batch.labels[0] != IGNORED)
    assert ends.sum() == 1
    assert (batch.ids[0, int(ends.nonzero()[0]) :] == chatting.end).all()
    assert batch.targets.eq(chatting.end).sum() == 2


def test_targets_are_the_next_tokens_and_rows_say_whose(plain: Open) -> None:
    examples = [Example(Request.of(text), "", said) for text, said in (("a", "bcd"), ("efg", "h"))]
    batch = Batch.of(encoded(plain, examples, 100).rows, plain.pad)
    expected = [[*plain.encode([said])[0], plain.end] for said in ("bcd", "h")]
    assert batch.targets.tolist() == expected[0] + expected[1]
    assert batch.rows.tolist() == [0] * 4 + [1] * 2
    places = batch.keep.nonzero()
    assert batch.ids[places[:, 0], places[:, 1] + 1].tolist() == batch.targets.tolist()


def test_what_is_too_long_is_cut_and_counted(plain: Open) -> None:
    texts = [("a", "b"), ("a", "b" * 30), ("a" * 30, "b")]
    examples = [Example(Request.of(asked), "", said) for asked, said in texts]
    rows, truncated = encoded(plain, examples, 10)
    assert truncated == 2
    assert [(row.at, len(row.ids)) for row in rows] == [(0, 4), (1, 10)], "a prompt without a response teaches nothing"
    assert rows[0].ids[-1] == plain.end
    assert rows[1].ids[-1] != plain.end


def test_members_are_the_examples_that_were_handed_in(plain: Open) -> None:
    examples = [Example(Request.of("a" * 30), "", "x"), Example(Request.of("a"), "", "y", weight=0.25)]
    batch = Batch.of(encoded(plain, examples, 10).rows, plain.pad)
    assert batch.members == (1,)
    assert batch.weights.tolist() == [0.25]


sizes = st.tuples(st.integers(1, 70), st.integers(1, 9), st.integers(0, 999))


@given(sizes)
def test_an_epoch_holds_every_example_once_but_for_the_remainder(drawn: tuple[int, int, int]) -> None:
    examples, size, seed = drawn
    rows = [Encoded([5] * (2 + at % 7), 1, 1.0, at) for at in range(examples)]
    an_epoch = max(1, examples // size)
    members = [batch.members for batch in batches(rows, size, 2 * an_epoch, seed, 0)]
    for epoch in (members[:an_epoch], members[an_epoch:]):
        seen = Counter(at for batch in epoch for at in batch)
        assert set(seen.values()) == {1}
        assert len(seen) == (an_epoch * size if examples >= size else examples)
    assert members == [batch.members for batch in batches(rows, size, 2 * an_epoch, seed, 0)]


def test_the_order_is_the_seeds() -> None:
    rows = [Encoded([5] * 4, 1, 1.0, at) for at in range(40)]
    one, two = ([batch.members for batch in batches(rows, 4, 20, seed, 0)] for seed in (0, 1))
    assert one != two
    assert one[:10] != one[10:], "another epoch, another order"


def test_the_longest_are_not_left_out() -> None:
    """40 examples in batches of 32: the eight that wait for another epoch are any eight."""
    rows = [Encoded([5] * (2 + at), 1, 1.0, at) for at in range(40)]
    seen = Counter(at for batch in batches(rows, 32, 30, 0, 0) for at in batch.members)
    assert min(seen[at] for at in range(32, 40)) > 15


def test_rows_of_like_length_go_together() -> None:
    rows = [Encoded([5] * (2 + at % 50), 1, 1.0, at) for at in range(400)]
    spread = [len(set(batch.labels.ne(IGNORED).sum(-1).tolist())) for batch in batches(rows, 8, 50, 0, 0)]
    assert sum(spread) / len(spread) < 4


def test_a_batch_elsewhere_is_the_same_batch(plain: Open) -> None:
    batch = Batch.of(encoded(plain, [Example(Request.of("a"), "", "b")], 10).rows, plain.pad)
    there = batch.to("meta")
    assert (there.members, there.ids.device.type, there.keep.device.type) == (batch.members, "meta", "meta")
    assert torch.equal(batch.to("cpu").labels, batch.labels)
