"""Students from a checkpoint: they begin as it is, leave it as it is, and learn by the loop of `tiny`."""

from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import structs

from azeotrope.codec import convert
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import learners
from azeotrope.models import shipped
from azeotrope.models.dialect import Dialect
from azeotrope.models.open import Open
from azeotrope.training import Example
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.training.tuned import Tuned, TunedLearner
from azeotrope.types import Request

RECIPE = Tuned(steps=4, batch=4, warmup=1)


@pytest.fixture(scope="module")
def folder(alphabet: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint that was saved as ours are."""
    tiny = TinyLearner(Tiny(hidden=32, layers=1, heads=2, intermediate=64), alphabet, device="cpu")
    place = tmp_path_factory.mktemp("checkpoint")
    shipped.save(tiny.fresh(7), place, {})
    return place


@pytest.fixture(scope="module")
def learner(folder: Path) -> TunedLearner:
    return TunedLearner(structs.replace(RECIPE, start=str(folder)), device="cpu")


def weights(model: Open) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.net.parameters()])


def test_it_begins_as_the_checkpoint_whatever_the_seed(learner: TunedLearner, folder: Path) -> None:
    assert torch.equal(weights(learner.fresh(0)), weights(learner.fresh(1)))
    assert torch.equal(weights(learner.fresh(0)), weights(Open.load(folder)))
    assert (learner.fresh(3).name, learner.name) == ("tuned-3", "tuned")
    assert learner.fresh(0).dialect == Dialect(), "the checkpoint's own"


def test_it_learns_and_leaves_the_checkpoint_alone(learner: TunedLearner, lessons: list[Example]) -> None:
    before = weights(learner.fresh(0)).clone()
    fitted = learner.fit(lessons, seed=0)
    assert fitted.curve[-1] < fitted.curve[0]
    assert fitted.steps == 4
    assert torch.equal(weights(learner.fresh(0)), before)
    assert not torch.equal(weights(fitted.model), before)


def test_seeds_decide_the_order_of_examples(learner: TunedLearner, lessons: list[Example]) -> None:
    one, again, other = (weights(learner.fit(lessons, seed=seed).model) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_it_is_the_loop_of_tiny(learner: TunedLearner, alphabet: Any, lessons: list[Example]) -> None:
    """From the same start by the same recipe, the same weights to the bit."""
    recipe = Tiny(steps=4, batch=4, warmup=1, rate=RECIPE.rate)
    tiny = TinyLearner(recipe, alphabet, device="cpu").fit(lessons, seed=5, start=learner.fresh(0), share=0.5)
    tuned = learner.fit(lessons, seed=5, share=0.5)
    assert torch.equal(weights(tuned.model), weights(tiny.model))
    assert (tuned.steps, tuned.curve) == (2, tiny.curve)


def test_a_start_is_trained_on(learner: TunedLearner, lessons: list[Example]) -> None:
    first = learner.fit(lessons, seed=0).model
    before = weights(first).clone()
    onward = learner.fit(lessons, seed=0, start=first)
    assert torch.equal(weights(first), before)
    assert onward.curve[0] < learner.fit(lessons, seed=0).curve[0]


def test_its_recipe_is_that_of_tiny_but_for_the_size() -> None:
    sizes = {"hidden", "layers", "heads", "intermediate"}
    assert {*Tuned.__struct_fields__} - {"start"} == {*Tiny.__struct_fields__} - sizes


def test_the_shipped_model_is_a_start_that_solves_its_task() -> None:
    question = Request.of("Bob has 11 cards, loses 10, triples them, finds 6. How many?")
    found = learners.learner("tuned", {"steps": 2}, "", Dialect())
    assert "\\boxed{9}" in found.fresh(0).answers([question])[0].answer


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no folder"):
        TunedLearner(Tuned(start=str(tmp_path / "nowhere"))).fresh(0)
    with pytest.raises(Misconfigured, match="no shipped model called 'stairs'"):
        TunedLearner(Tuned(start="shipped:stairs")).fresh(0)
    with pytest.raises(Misconfigured, match="nothing to learn"):
        TunedLearner(Tuned()).fit([], seed=0)
    with pytest.raises(Misconfigured, match="hidden"):
        convert({"hidden": 3}, Tuned, "[learner]")
