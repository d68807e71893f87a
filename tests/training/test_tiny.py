"""Tiny students: a few steps show that they learn, from what they are told to learn, as the seed says."""

from typing import Any

import pytest
import torch
from msgspec.structs import replace

from azeotrope.errors import Misconfigured
from azeotrope.models.open import Open
from azeotrope.training import Batch, Example
from azeotrope.training.tiny import Tiny, TinyLearner, kept_logits, schedule, weighted_cross_entropy
from azeotrope.types import Request

RECIPE = Tiny(hidden=32, layers=1, heads=2, intermediate=64, steps=30, batch=8, warmup=3, rate=1e-2)


@pytest.fixture(scope="module")
def learner(alphabet: Any) -> TinyLearner:
    return TinyLearner(RECIPE, alphabet, device="cpu")


def weights(model: Open) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.net.parameters()])


def test_the_loss_falls(learner: TinyLearner, lessons: list[Example]) -> None:
    fitted = learner.fit(lessons, seed=0)
    assert fitted.curve[0] > 4.5, "near log 258 at first"
    assert fitted.curve[-1] < fitted.curve[0] - 1.5
    assert (fitted.steps, fitted.truncated, fitted.tokens > 30 * 8 * 10) == (30, 0, True)
    assert fitted.cpu_seconds > 0
    assert not fitted.model.net.training


def test_seeds_decide(learner: TinyLearner, lessons: list[Example]) -> None:
    one, again, other = (learner.fit(lessons, seed=seed, share=0.2) for seed in (1, 1, 2))
    assert one.steps == 6
    assert torch.equal(weights(one.model), weights(again.model))
    assert one.curve == again.curve
    assert not torch.allclose(weights(one.model), weights(other.model))
    assert not torch.equal(weights(learner.fresh(1)), weights(learner.fresh(2)))


def test_fresh_weights_are_drawn_by_nobody_else(learner: TinyLearner) -> None:
    """Other threads make students meanwhile: torch's own generator has no say."""
    torch.manual_seed(1)
    one = weights(learner.fresh(5))
    torch.manual_seed(2)
    assert torch.equal(one, weights(learner.fresh(5)))
    matrices = torch.cat([w.flatten() for w in learner.fresh(5).net.parameters() if w.ndim > 1])
    assert matrices.std().item() == pytest.approx(0.04, rel=0.02)


def test_a_row_of_no_weight_teaches_nothing(learner: TinyLearner, lessons: list[Example]) -> None:
    """Lies of weight 0 beside truths: any other lies lead to the same weights."""

    def with_lies(word: str) -> Open:
        lies = [Example(one.request, "", word, weight=0.0) for one in lessons[:8]]
        truths = [Example(one.request, "", "yes", weight=2.0) for one in lessons[8:16]]
        return learner.fit([*lies, *truths], seed=0, share=0.2).model

    assert torch.equal(weights(with_lies("aaa")), weights(with_lies("bbb")))


def test_weights_may_be_asked_for_before_every_step(learner: TinyLearner, lessons: list[Example]) -> None:
    asked: list[tuple[int, ...]] = []

    def weigh(net: Any, batch: Batch) -> torch.Tensor:
        asked.append(batch.members)
        return torch.tensor([float(at < 12) for at in batch.members])

    weighed = learner.fit(lessons, seed=0, weigh=weigh, share=0.2).model
    told = [Example(one.request, one.reasoning, one.answer, float(at < 12)) for at, one in enumerate(lessons)]
    assert torch.equal(weights(weighed), weights(learner.fit(told, seed=0, share=0.2).model))
    assert len(asked) == 6


def test_a_loss_of_ones_own(learner: TinyLearner, lessons: list[Example]) -> None:
    seen: list[torch.Size] = []

    def loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        seen.append(logits.shape)
        assert logits.shape == (len(batch.targets), 258)
        return weighted_cross_entropy(logits, batch, torch.ones(len(batch.ids)))

    own = learner.fit(lessons, seed=0, loss=loss, share=0.2)
    assert torch.equal(weights(own.model), weights(learner.fit(lessons, seed=0, share=0.2).model))
    assert len(seen) == 6


def test_kept_logits_are_those_of_the_whole(learner: TinyLearner, lessons: list[Example]) -> None:
    from azeotrope.training import encoded

    model = learner.fresh(0)
    batch = Batch.of(encoded(model, lessons[:5], 200).rows, model.pad)
    whole = model.net(input_ids=batch.ids).logits[:, :-1][batch.keep]
    assert torch.allclose(kept_logits(model.net, batch), whole, atol=1e-6)
    loss = weighted_cross_entropy(whole, batch, torch.ones(5))
    reference = model.net(input_ids=batch.ids, labels=batch.labels).loss
    assert loss.item() == pytest.approx(reference.item(), rel=1e-5)


def test_a_start_is_copied_and_left_as_it_is(learner: TinyLearner, lessons: list[Example]) -> None:
    start = learner.fit(lessons, seed=0, share=0.2).model
    before, said = weights(start).clone(), start.answers([Request.of("2?")])[0]
    onward = learner.fit(lessons, seed=0, start=start, share=0.2)
    assert torch.equal(weights(start), before)
    assert not torch.equal(weights(onward.model), before)
    assert onward.curve[0] < learner.fit(lessons, seed=0, share=0.2).curve[0] - 0.3, "it goes on where the start was"
    assert said.usage["completion_tokens"] <= RECIPE.max_tokens
    assert onward.model.answers([Request.of("2?")])[0].usage["completion_tokens"] <= RECIPE.max_tokens


def test_the_schedule() -> None:
    assert [schedule(step, 100, 10) for step in (0, 4, 9, 10, 49)] == pytest.approx([0.1, 0.5, 1.0, 1.0, 1.0])
    assert [schedule(step, 100, 10) for step in (50, 75, 99)] == pytest.approx([1.0, 0.5, 0.02])
    assert schedule(0, 1, 0) == 1.0


def test_nothing_to_learn(learner: TinyLearner) -> None:
    with pytest.raises(Misconfigured, match="nothing to learn"):
        learner.fit([], seed=0)
    with pytest.raises(Misconfigured, match="longer than 256 tokens"):
        learner.fit([Example(Request.of("a" * 300), "", "b")], seed=0)


def test_muon_moves_every_weight_and_learns(alphabet: Any, lessons: list[Example]) -> None:
    recipe = replace(RECIPE, optimiser="muon")
    learner = TinyLearner(recipe, alphabet, device="cpu")
    fitted, fresh = learner.fit(lessons, seed=0), learner.fresh(0)
    assert fitted.curve[-1] < fitted.curve[0] - 1.5
    moved = zip(fitted.model.net.parameters(), fresh.net.parameters(), strict=True)
    assert all(not torch.equal(after, before) for after, before in moved)
    assert not torch.allclose(weights(fitted.model), weights(TinyLearner(RECIPE, alphabet).fit(lessons, seed=0).model))
