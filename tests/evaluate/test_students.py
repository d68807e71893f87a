"""Students that are remembered: the same one, at what it cost; anything else that decides makes another."""

import copy
import errno
import importlib

import pytest
import torch

import azeotrope.evaluate.students as students
from azeotrope.distill import examples, published
from azeotrope.evaluate.students import Remembering
from azeotrope.models.shipped import shipped
from azeotrope.tasks import steps
from azeotrope.training import tiny
from azeotrope.training.tiny import Tiny, TinyLearner


class Counting(TinyLearner):
    fits = 0

    def fit(self, examples, **how):
        self.fits += 1
        return super().fit(examples, **how)


@pytest.fixture(scope="module")
def learned():
    task = steps.build(steps.Config("easy", train=12))
    return examples(published(task.problems("train")))


@pytest.fixture
def counting():
    recipe = Tiny(hidden=16, layers=1, heads=2, intermediate=32, steps=4, batch=4, warmup=1)
    return Counting(recipe, shipped("steps").tokenizer)


def weights(fitted) -> torch.Tensor:
    return torch.cat([one.detach().flatten() for one in fitted.model.net.parameters()])


def test_the_same_student_is_trained_once_and_costs_what_it_cost(counting, learned, tmp_path) -> None:
    learner = Remembering(counting, tmp_path / "students", "one")
    first = learner.fit(learned, seed=1)
    again = Remembering(counting, tmp_path / "students", "one").fit(learned, seed=1)
    assert counting.fits == 1
    assert torch.equal(weights(first), weights(again))
    assert not again.model.net.training and again.model.name == first.model.name
    assert (again.steps, again.tokens, again.cpu_seconds, again.truncated, again.curve) == (
        first.steps, first.tokens, first.cpu_seconds, first.truncated, first.curve,
    )  # fmt: skip
    asked = [one.request for one in learned[:3]]
    assert [one.answer for one in first.model.answers(asked)] == [one.answer for one in again.model.answers(asked)]


def test_whatever_decides_makes_another_student(counting, learned, tmp_path) -> None:
    def fit(identity="one", what=learned, **how):
        return Remembering(counting, tmp_path, identity).fit(what, **{"seed": 1, **how})

    fit()
    for others in ({"seed": 2}, {"share": 0.5}, {"identity": "two"}, {"what": learned[:-1]}, {"what": learned[::-1]}):
        before = counting.fits
        fit(**others)
        assert counting.fits == before + 1, others


def test_a_name_that_stands_for_something_else_now_makes_another_student(
    counting, learned, tmp_path, monkeypatch
) -> None:
    """The recipe names files; what stands in them decides. So do versions, and the loop's own code."""
    Remembering(counting, tmp_path, "one").fit(learned, seed=1)
    reads = copy.deepcopy(counting._tokenizer)
    reads.add_tokens(["Step 1"])
    other = Counting(counting._recipe, reads)
    Remembering(other, tmp_path, "one").fit(learned, seed=1)
    assert other.fits == 1
    drawn = tiny._drawn
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(tiny, "_drawn", lambda net, seed, spread: drawn(net, seed + 1, spread))
        Remembering(counting, tmp_path, "one").fit(learned, seed=1)
    assert counting.fits == 2, "other weights to begin with"
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(students, "version", lambda part: "0")
        Remembering(counting, tmp_path, "one").fit(learned, seed=1)
    assert counting.fits == 3, "another torch"


def test_an_edited_loop_makes_another_student(tmp_path, monkeypatch) -> None:
    source = "class Mine:\n    name = 'mine'\n"
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "loop_of_mine.py").write_text(source)
    learner = importlib.import_module("loop_of_mine").Mine()
    before = students._trained_by(learner)
    assert students._trained_by(learner) == before
    (tmp_path / "beside.py").write_text("RATE = 1\n")
    assert students._trained_by(learner) != before


def test_what_steers_the_training_is_never_remembered(counting, learned, tmp_path) -> None:
    learner = Remembering(counting, tmp_path, "one")
    start = learner.fresh(3)
    weigh = lambda net, batch: torch.ones(len(batch.ids))  # noqa: E731
    for how in ({"start": start}, {"weigh": weigh}, {"loss": lambda logits, batch: logits.square().mean()}):
        for _ in range(2):
            learner.fit(learned, seed=1, **how)
    assert counting.fits == 6
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cut", [0, 7, 100, -1])
def test_a_torn_file_is_no_student(counting, learned, tmp_path, cut) -> None:
    learner = Remembering(counting, tmp_path, "one")
    whole = weights(learner.fit(learned, seed=1))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:cut])
    assert torch.equal(weights(learner.fit(learned, seed=1)), whole)
    assert counting.fits == 2
    learner.fit(learned, seed=1)
    assert counting.fits == 2, "and the file is whole again"


def test_without_room_a_student_is_there_all_the_same(counting, learned, tmp_path, monkeypatch) -> None:
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    assert Remembering(counting, tmp_path, "one").fit(learned, seed=1).steps == 4
    assert not list(tmp_path.iterdir())


def test_a_large_student_is_not_kept(counting, learned, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(students, "MOST", 10)
    Remembering(counting, tmp_path, "one").fit(learned, seed=1)
    assert not list(tmp_path.iterdir())
