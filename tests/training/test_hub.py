"""Pretrained students: trl trains on our mask and no other, adapters stay beside their weights, hooks are heard."""

from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace
from peft import PeftModel
from torch.nn import functional

from azeotrope.codec import convert
from azeotrope.errors import Misconfigured
from azeotrope.models.open import Open
from azeotrope.training import Batch, Example, encoded
from azeotrope.training.hub import Hub, HubLearner, steps_of
from azeotrope.training.supervised import collated, kept_logits
from azeotrope.types import Request


@pytest.fixture(scope="module")
def recipe(chat: Path) -> Hub:
    return Hub(str(chat), rank=4, alpha=8, steps=4, batch=8, rate=2e-2, longest=120, max_tokens=6, device="cpu")


def weights(model: Open) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in model.net.named_parameters()}


def same(one: Open, two: Open) -> bool:
    ours, theirs = weights(one), weights(two)
    return ours.keys() == theirs.keys() and all(torch.allclose(ours[name], theirs[name], atol=1e-6) for name in ours)


def cross_entropy(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    return functional.cross_entropy(logits, batch.targets)


def test_the_default_recipe_is_the_sources() -> None:
    said = Hub("any")
    assert (said.method, said.rank, said.alpha, said.dropout, said.targets) == ("lora", 128, 128, 0.0, "all-linear")
    assert (said.epochs, said.rate, said.schedule, said.warmup) == (4.0, 5e-4, "cosine", 0.1)
    assert (said.batch, said.decay) == (32, 0.1)
    assert [steps_of(said, 1000, share) for share in (1.0, 1 / 3)] == [128, 43]
    assert steps_of(replace(said, steps=10), 1000, 0.01) == 1
    with pytest.raises(Misconfigured, match="accumulation divides batch"):
        convert({"model": "any", "batch": 8, "accumulation": 3}, Hub, "here")


def test_what_reaches_the_net_is_what_was_encoded(recipe: Hub, lessons: list[Example]) -> None:
    model = HubLearner(recipe).fresh(0)
    rows = encoded(model, lessons[:3], 120).rows
    given = collated(rows, model.pad)
    for at, row in enumerate(rows):
        size = len(row.ids)
        assert given["input_ids"][at, :size].tolist() == row.ids
        assert given["attention_mask"][at].sum() == size
        assert given["labels"][at].tolist() == [-100] * row.start + row.ids[row.start :] + [-100] * (
            given["labels"].shape[1] - size
        )
    logits = kept_logits(model.net, given["batch"], given["attention_mask"])
    whole = model.net(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).logits
    assert torch.allclose(logits, whole[:, :-1][given["batch"].keep], atol=1e-6)


def test_an_adapter_is_learned_and_stays_beside_its_weights(recipe: Hub, lessons: list[Example]) -> None:
    learner = HubLearner(recipe)
    before = weights(learner.fresh(0))
    fitted = learner.fit(lessons, seed=0)
    student = fitted.model
    assert isinstance(student.net, PeftModel)
    assert not student.net.training
    after = weights(student)
    base = {name: value for name, value in after.items() if "lora_" not in name}
    assert len(base) == len(before)
    assert all(torch.equal(a, b) for a, b in zip(before.values(), base.values(), strict=True))
    adapters = {name.split(".")[-4] for name in after if "lora_B" in name}
    assert adapters == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert all(value.abs().sum() > 0 for name, value in after.items() if "lora_B" in name)
    assert fitted.curve[-1] < fitted.curve[0] - 0.1
    assert (fitted.steps, len(fitted.curve), fitted.truncated) == (4, 4, 0)
    ids = torch.tensor([[50, 51, 52]])
    assert not torch.allclose(student.logits(ids), learner.fresh(0).logits(ids), atol=1e-2)
    with student.net.disable_adapter():
        assert torch.allclose(student.logits(ids), learner.fresh(0).logits(ids), atol=1e-6)
    assert student.answers([Request.of("2?")])[0].usage["completion_tokens"] <= 6


def test_an_adapter_on_short_weights_keeps_what_a_low_rate_taught(recipe: Hub, lessons: list[Example]) -> None:
    """In bfloat16 a merge would round it away; beside its weights, in float32, it is heard."""
    fitted = HubLearner(replace(recipe, dtype="bfloat16", rate=1e-5, steps=2)).fit(lessons, seed=0)
    net, learned = fitted.model.net, weights(fitted.model)
    kinds = {("lora_" in name, value.dtype) for name, value in learned.items()}
    assert kinds == {(True, torch.float32), (False, torch.bfloat16)}
    assert any(0 < value.abs().max() < 1e-4 for name, value in learned.items() if "lora_B" in name)
    base = weights(HubLearner(replace(recipe, dtype="bfloat16")).fresh(0))
    merged = dict(net.merge_and_unload().named_parameters())
    kept = sum(int((merged[name] == value).sum()) for name, value in base.items())
    assert kept > 0.95 * sum(value.numel() for value in base.values()), "a merge was to lose it"


def test_all_weights_are_learned_in_full(recipe: Hub, lessons: list[Example]) -> None:
    learner = HubLearner(replace(recipe, method="full", rate=1e-2))
    before = weights(learner.fresh(0))
    fitted = learner.fit(lessons, seed=0)
    assert not isinstance(fitted.model.net, PeftModel)
    assert all(not torch.equal(before[name], value) for name, value in weights(fitted.model).items())
    assert all(torch.equal(before[name], value) for name, value in weights(learner.fresh(0)).items())
    assert fitted.curve[-1] < fitted.curve[0] - 0.3


def test_seeds_decide_and_the_process_does_not(recipe: Hub, lessons: list[Example]) -> None:
    learner = HubLearner(replace(recipe, steps=2))
    torch.manual_seed(1)
    one = learner.fit(lessons, seed=1).model
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(1)), "the process's own generator is left as it was"
    assert same(one, learner.fit(lessons, seed=1).model)
    assert not same(one, learner.fit(lessons, seed=2).model)


def test_parts_of_a_batch_are_the_batch(recipe: Hub, lessons: list[Example]) -> None:
    whole = HubLearner(recipe).fit(lessons, seed=0)
    parts = HubLearner(replace(recipe, accumulation=4)).fit(lessons, seed=0)
    assert parts.curve == pytest.approx(whole.curve, abs=2e-3)
    assert same(whole.model, parts.model)


def test_a_loss_of_ones_own(recipe: Hub, lessons: list[Example]) -> None:
    """Cross-entropy as one's own loss is trl's loss, also in parts."""
    learner = HubLearner(replace(recipe, accumulation=2, steps=2))
    own, theirs = learner.fit(lessons, seed=0, loss=cross_entropy), learner.fit(lessons, seed=0)
    assert own.curve == pytest.approx(theirs.curve, abs=2e-3)
    assert same(own.model, theirs.model)


def test_rows_of_no_weight_teach_nothing(recipe: Hub, lessons: list[Example]) -> None:
    """Weights of the examples and weights that are asked for do the same; what weighs nothing can say anything."""
    learner = HubLearner(replace(recipe, accumulation=2, steps=2))
    halves = [replace(one, weight=float(at % 2)) for at, one in enumerate(lessons)]
    lies = [replace(one, answer="a" * len(one.answer)) if not one.weight else one for one in halves]
    asked: list[Any] = []

    def weigh(net: Any, batch: Batch) -> torch.Tensor:
        asked.append(net)
        return torch.tensor([float(at % 2) for at in batch.members])

    one = learner.fit(halves, seed=0).model
    assert same(one, learner.fit(lies, seed=0).model)
    assert same(one, learner.fit(lessons, seed=0, weigh=weigh).model)
    assert len(asked) == 2 * 2
    assert not any(isinstance(net, PeftModel) for net in asked), "the causal language model itself is shown"


def test_a_start_is_trained_on_and_left_as_it_is(recipe: Hub, lessons: list[Example]) -> None:
    """Its copy calls no forward of the original's: emptied, it says nothing of what the original knows."""
    learner = HubLearner(recipe)
    start = learner.fit(lessons, seed=0).model
    before = weights(start)
    onward = learner.fit(lessons, seed=0, start=start)
    assert all(torch.equal(before[name], value) for name, value in weights(start).items())
    assert onward.curve[0] < learner.fit(lessons, seed=0).curve[0] - 0.2
    assert weights(onward.model).keys() == before.keys(), "the adapter is gone on with, none is put upon it"
    emptied = start.copied()
    with torch.no_grad():
        for weight in emptied.net.parameters():
            weight.zero_()
    assert emptied.logits(torch.tensor([[50, 51]])).abs().max() == 0
    with pytest.raises(Misconfigured, match="carry an adapter already"):
        HubLearner(replace(recipe, method="full")).fit(lessons, seed=0, start=start)


def test_what_is_cut_is_counted_and_nothing_to_learn_is_refused(recipe: Hub, lessons: list[Example]) -> None:
    long = Example(Request.of("a"), "b" * 200, "c")
    assert HubLearner(replace(recipe, steps=1)).fit([*lessons[:4], long], seed=0).truncated == 1
    with pytest.raises(Misconfigured, match="nothing to learn"):
        HubLearner(recipe).fit([], seed=0)
    with pytest.raises(Misconfigured, match="longer than 120 tokens"):
        HubLearner(recipe).fit([Example(Request.of("a" * 200), "", "b")], seed=0)


def test_reasoning_is_learned_between_tags_where_that_is_asked(recipe: Hub) -> None:
    example = Example(Request.of("2?"), "Two.\n", "2")
    texts = []
    for think in (False, True):
        model = HubLearner(replace(recipe, think=think)).fresh(0)
        [row] = encoded(model, [example], 120).rows
        texts.append(model.tokenizer.decode(row.ids[row.start :]))
    assert texts == ["Two.\n2<|im_end|>", "<think>\nTwo.\n</think>\n\n2<|im_end|>"]
