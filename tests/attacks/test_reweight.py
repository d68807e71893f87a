"""Reweighting: the agreement of every row with the holdout, against exact per-row gradients; and what weights do."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from azeotrope.attacks import reweight
from azeotrope.distill import examples, published
from azeotrope.training import Batch, Example, encoded
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.types import Problem


def batch_of(learner: TinyLearner, problems: tuple[Problem, ...], answers: dict[int, str] | None = None) -> Batch:
    rows = [
        Example(p.request, p.solution if at % 3 else "", (answers or {}).get(at, f"\\boxed{{{p.gold}}}"))
        for at, p in enumerate(problems)
    ]
    model = learner.fresh(0)
    return Batch.of(encoded(model, rows, 256).rows, model.pad)


@pytest.fixture
def net(words):
    """A net in float64 throughout (Llama's norms are not), far from its beginning, of tied embeddings."""
    config = GPT2Config(
        vocab_size=len(words), n_positions=99, n_embd=16, n_layer=2, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0
    )
    made = GPT2LMHeadModel(config).double().eval()
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in made.parameters():
            value.normal_(0.0, 0.2, generator=draw)
    return made


def exact(net, clean: Batch, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """(|v|, <v, g_i> / |v|) by a backward pass for each row."""

    def gradient(loss: torch.Tensor) -> torch.Tensor:
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()), retain_graph=True)])

    def losses(rows: Batch) -> list[torch.Tensor]:
        logits = torch.log_softmax(net(input_ids=rows.ids).logits[:, :-1][rows.keep], -1)
        each = -logits[torch.arange(len(logits)), rows.targets]
        return [each[rows.rows == at].mean() for at in range(len(rows.ids))]

    v = gradient(torch.stack(losses(clean)).mean())
    return v.norm(), torch.stack([gradient(one) @ v for one in losses(batch)]) / v.norm()


def test_agreement_is_the_inner_product_of_exact_gradients(net, learner, problems, task) -> None:
    clean, batch = batch_of(learner, task.problems("proxy")[:6]), batch_of(learner, problems[:9], {2: "\\boxed{1}"})
    length, products = exact(net, clean, batch)
    assert length > 0.1
    assert products.std() > 0.01
    v = reweight.direction(net, clean)
    assert torch.stack([part.square().sum() for part in v.values()]).sum().item() == pytest.approx(1, abs=1e-12)
    errors = [(reweight.agreement(net, batch, v, h) - products).abs().max().item() for h in (2e-2, 1e-2, 1e-4)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)  # O(h^2)
    assert errors[2] < 1e-7 * products.abs().max()


def test_at_single_precision_and_default_width_the_order_is_right(net, learner, problems, task) -> None:
    clean, batch = batch_of(learner, task.problems("proxy")[:6]), batch_of(learner, problems[:9])
    _, products = exact(net, clean, batch)
    net = net.float()
    found = reweight.agreement(net, batch, reweight.direction(net, clean), reweight.Config().width)
    assert (found - products).abs().max() < 0.02 * products.std()


def test_a_step_along_a_row_lowers_the_holdout_by_its_agreement(net, learner, problems, task) -> None:
    clean, batch = batch_of(learner, task.problems("proxy")[:6]), batch_of(learner, problems[:3])
    length, products = exact(net, clean, batch)
    parameters = dict(net.named_parameters())
    for at in range(3):
        loss = reweight.row_losses(net, parameters, batch)[at]
        gradients = torch.autograd.grad(loss, list(parameters.values()))
        stepped = {name: p - 1e-5 * g for (name, p), g in zip(parameters.items(), gradients, strict=True)}
        before, after = [reweight.row_losses(net, at_, clean).mean() for at_ in (parameters, stepped)]
        assert ((before - after) / 1e-5).item() == pytest.approx((products[at] * length).item(), rel=1e-3)


def test_the_net_stays_as_it_is(net, learner, problems, task) -> None:
    clean, batch = batch_of(learner, task.problems("proxy")[:4]), batch_of(learner, problems[:4])
    before = [p.clone() for p in net.parameters()]
    net.train()
    reweight.Agreement(reweight.Config(), clean)(net, batch)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    assert net.training
    assert all(p.grad is None for p in net.parameters())


def test_weights_average_one_and_follow_agreement(net, learner, problems, task) -> None:
    clean, batch = batch_of(learner, task.problems("proxy")[:6]), batch_of(learner, problems[:9])
    _, products = exact(net, clean, batch)
    for eta in (0.0, 1.0, 5.0):
        weigh = reweight.Agreement(reweight.Config(eta=eta, width=1e-4), clean)
        weights = weigh(net, batch)
        expected = torch.exp(eta * products)
        assert torch.allclose(weights, expected / expected.mean(), rtol=1e-5)
        effective = expected.sum() ** 2 / (9 * expected.square().sum())
        assert weigh.effective == pytest.approx(effective.item(), rel=1e-5)


def test_at_its_default_nearly_every_row_of_a_batch_still_teaches(net, learner, problems, task) -> None:
    """At eta = 1 a batch taught as much as 60 % of its rows and a student learned a quarter of what it could."""
    clean, batch = batch_of(learner, task.problems("proxy")[:6]), batch_of(learner, problems[:9])
    weigh, sharp = (reweight.Agreement(one, clean) for one in (reweight.Config(), reweight.Config(eta=1.0)))
    assert not torch.equal(weigh(net, batch), torch.ones(9))
    sharp(net, batch)
    assert 1 > weigh.effective > max(0.9, sharp.effective)


def test_the_direction_is_refreshed_when_its_time_has_come(net, learner, problems, task) -> None:
    clean, batch = batch_of(learner, task.problems("proxy")[:4]), batch_of(learner, problems[:4])
    weigh = reweight.Agreement(reweight.Config(refresh=3, eta=5), clean)
    first = weigh(net, batch)
    with torch.no_grad():
        net.lm_head.weight.mul_(-1)
    held = reweight.direction(net, clean)
    old = [weigh(net, batch) for _ in range(2)]
    new = weigh(net, batch)
    fresh = (5 * reweight.agreement(net, batch, held, 1e-2)).softmax(-1) * 4
    assert torch.equal(old[0], old[1])
    assert not torch.allclose(old[0], first)
    assert torch.allclose(new, fresh)
    assert not torch.allclose(new, old[0])


async def test_clean_rows_weigh_more_than_garbage_once_something_is_learned(words, problems, task) -> None:
    """Trained a little on clean workings, a student finds that clean traces help and shuffled letters do not."""
    recipe = Tiny(hidden=24, layers=1, heads=2, intermediate=32, steps=40, batch=12, warmup=2)
    model = TinyLearner(recipe, words).fit(examples(published(task.problems("proxy"))), seed=0).model
    rows = [Example(p.request, p.solution if at < 6 else p.solution[::-1], "") for at, p in enumerate(problems[:12])]
    batch = Batch.of(encoded(model, rows, 256).rows, model.pad)
    clean = Batch.of(encoded(model, examples(published(task.problems("proxy"))), 256).rows, model.pad)
    weights = reweight.Agreement(reweight.Config(eta=5), clean)(model.net, batch)
    assert weights[:6].mean() > 1.2 * weights[6:].mean()


async def test_the_bill_says_what_was_public_and_how_weights_spread(thief, teacher, problems) -> None:
    made = thief()
    await reweight.attack(reweight.Config(holdout=5, eta=3), made)(teacher(), problems)
    assert made.bill.notes["public_traces"] == 5
    assert 0 < made.bill.notes["weights_effective"] < 1
