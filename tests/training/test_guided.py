"""What a teacher says beside a student: asked once of each example, whatever the batches, and within its room."""

import random

import pytest
import torch

from azeotrope.training import Batch, encoded
from azeotrope.training.guided import Told
from azeotrope.training.tiny import Tiny, TinyLearner


class Asked:
    """A teacher that counts the texts it is asked about, padding left out."""

    name = "asked"

    def __init__(self, net) -> None:
        self.net, self.texts = net, []

    def logits(self, ids):
        self.texts += [[token for token in row if token != self.net.pad] for row in ids.tolist()]
        return self.net.logits(ids)


@pytest.fixture
def teacher(alphabet) -> Asked:
    return Asked(TinyLearner(Tiny(hidden=16, layers=1, heads=2, intermediate=16), alphabet, device="cpu").fresh(7))


@pytest.fixture
def rows(teacher, lessons):
    return encoded(teacher.net, lessons[:7], 256).rows


def directly(teacher: Asked, batch: Batch) -> torch.Tensor:
    return teacher.net.logits(batch.ids)[:, :-1][batch.keep]


def shuffled(rows, seed: int, size: int):
    """Three epochs of batches, each in an order of its own; the last batch of each is short."""
    draw = random.Random(seed)
    for _ in range(3):
        order = draw.sample(rows, len(rows))
        yield from (order[at : at + size] for at in range(0, len(order), size))


@pytest.mark.parametrize("size", [1, 3, 7])
def test_each_text_is_asked_about_once_and_every_batch_gets_what_the_teacher_says(teacher, rows, size) -> None:
    told = Told(teacher)
    for members in shuffled(rows, size, size):
        batch = Batch.of(members, teacher.net.pad)
        torch.testing.assert_close(told.of(batch), directly(teacher, batch), rtol=0, atol=1e-5)
    assert sorted(teacher.texts) == sorted(row.ids for row in rows)


@pytest.mark.parametrize("texts", [0, 1, 4])
def test_what_finds_no_room_is_asked_about_again_and_costs_no_more_than_the_room(teacher, rows, texts) -> None:
    kept = [int(Batch.of([row], teacher.net.pad).keep.sum()) for row in rows]
    a_position = directly(teacher, Batch.of(rows, teacher.net.pad))[0].nbytes
    told = Told(teacher, room=sum(kept[:texts]) * a_position)
    for members in [rows, *shuffled(rows, 5, 3)]:
        batch = Batch.of(members, teacher.net.pad)
        torch.testing.assert_close(told.of(batch), directly(teacher, batch), rtol=0, atol=1e-5)
    again = {tuple(row.ids): teacher.texts.count(row.ids) for row in rows}
    assert [again[tuple(row.ids)] for row in rows] == [1] * texts + [4] * (len(rows) - texts)


def test_what_is_handed_out_can_be_changed_without_changing_what_is_kept(teacher, rows) -> None:
    told, batch = Told(teacher), Batch.of(rows, teacher.net.pad)
    before = told.of(batch).clone()
    told.of(batch).zero_()
    assert torch.equal(told.of(batch), before)
