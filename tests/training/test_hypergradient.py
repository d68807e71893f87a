"""Gradients through one step of training: against finite differences, and against each other, in float64."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from azeotrope.models.open import Open
from azeotrope.training import Batch, Example, encoded, hypergradient
from azeotrope.training.hypergradient import Passes, Text
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.types import Request

ETA = 0.3


class Exact(nn.Module):
    """A root-mean-square norm in float64: transformers' own computes in float32 inside."""

    def __init__(self, norm) -> None:
        super().__init__()
        self.weight, self.eps = norm.weight, norm.variance_epsilon

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)


@pytest.fixture(scope="module")
def model(alphabet) -> Open:
    made = TinyLearner(Tiny(hidden=16, layers=2, heads=2, intermediate=16), alphabet, device="cpu").fresh(3)
    net = made.net.double()
    for block in net.model.layers:
        block.input_layernorm, block.post_attention_layernorm = (
            Exact(block.input_layernorm), Exact(block.post_attention_layernorm),
        )  # fmt: skip
    net.model.norm = Exact(net.model.norm)
    with torch.no_grad():
        net.model.embed_tokens.weight.mul_(4)
    return made


@pytest.fixture(scope="module")
def held(model) -> list[Batch]:
    examples = [Example(Request.of(f"{a}+{a}?"), f"so {a}", f"{2 * a}") for a in range(4)]
    rows = encoded(model, examples, 64).rows
    return [Batch.of(rows[:3], model.pad), Batch.of(rows[3:], model.pad)]


@pytest.fixture(scope="module")
def text(model) -> Text:
    row = encoded(model, [Example(Request.of("q?"), "add both", "4")], 64).rows[0]
    return Text(torch.tensor(row.ids), row.start, torch.arange(row.start, row.start + 8))


def changes(model, text, many: int = 6) -> list[torch.Tensor]:
    """Some single weights [n, V], one at a time."""
    draw, size = torch.Generator().manual_seed(0), model.net.config.vocab_size
    out = []
    for _ in range(many):
        w = torch.zeros(len(text.at), size, dtype=torch.float64)
        w[torch.randint(len(text.at), (1,), generator=draw), torch.randint(size, (1,), generator=draw)] = 1.0
        out.append(w)
    return out


def after(model, text, held, w) -> float:
    """J(w): held-out loss after a step on the text with these weights added."""
    table = model.net.get_input_embeddings().weight.detach()
    theta = hypergradient.after_step(model.net, text, ETA, w @ table, w)
    with torch.no_grad():
        total = sum(hypergradient.held_loss(model.net, theta, batch).item() for batch in held)
    return total / sum(len(batch.targets) for batch in held)


def own(model, text, w) -> float:
    table = model.net.get_input_embeddings().weight.detach()
    return hypergradient.sft_loss(model.net, hypergradient.weights(model.net), text, w @ table, w).item()


def test_hb_is_the_slope_of_the_loss_after_the_step(model, text, held) -> None:
    rise = hypergradient.hb(model.net, text, held, ETA).of
    scale = rise.abs().max().item()
    for w in changes(model, text):
        h = 1e-4
        slope = (after(model, text, held, h * w) - after(model, text, held, -h * w)) / (2 * h)
        assert slope == pytest.approx((rise * w).sum().item(), abs=1e-6 * scale)


def test_the_finite_difference_comes_as_near_as_the_square_of_its_width(model, text, held) -> None:
    exact = hypergradient.hb(model.net, text, held, ETA).of
    widths = [0.4, 0.2, 0.1, 0.05]
    errors = [
        ((hypergradient.fo_difference(model.net, text, held, ETA, width).of - exact).norm() / exact.norm()).item()
        for width in widths
    ]
    slopes = [math.log2(a / b) for a, b in pairwise(errors)]
    assert slopes == pytest.approx([2.0] * 3, abs=0.1)
    assert errors[-1] < 1e-3
    fine = hypergradient.fo_difference(model.net, text, held, ETA, 1e-3).of
    assert ((fine - exact).norm() / exact.norm()).item() < 1e-6


def test_the_other_reading_is_the_slope_of_the_loss_on_the_text(model, text) -> None:
    rise = hypergradient.fo_loss(model.net, text).of
    for w in changes(model, text):
        h = 1e-5
        slope = (own(model, text, h * w) - own(model, text, -h * w)) / (2 * h)
        assert slope == pytest.approx((rise * w).sum().item(), abs=1e-7 * rise.abs().max().item())


def test_what_gains_most_by_hb_does_raise_the_loss_when_it_is_learned(model, text, held) -> None:
    """To first order: half a token's weight moved from the one that is there to another."""
    ids = text.ids[text.at]
    gain = hypergradient.gains(hypergradient.hb(model.net, text, held, ETA).of, ids)
    plain = after(model, text, held, torch.zeros_like(gain))
    for sign, place in ((1, gain.argmax()), (-1, gain.argmin())):
        at, token = divmod(place.item(), gain.shape[1])
        w = torch.zeros_like(gain)
        w[at, token], w[at, ids[at]] = 0.05, -0.05
        assert sign * (after(model, text, held, w) - plain) > 0


def test_a_gradient_over_several_batches_is_that_of_their_mean(model, held) -> None:
    theta = hypergradient.weights(model.net)
    parts = hypergradient.held_gradient(model.net, theta, held)
    for name, value in theta.items():
        index = tuple(0 for _ in value.shape)
        moved = []
        for h in (1e-5, -1e-5):
            other = value.clone()
            other[index] += h
            total = sum(hypergradient.held_loss(model.net, {**theta, name: other}, batch).item() for batch in held)
            moved.append(total / sum(len(batch.targets) for batch in held))
        assert (moved[0] - moved[1]) / 2e-5 == pytest.approx(parts[name][index].item(), abs=1e-7), name


def test_the_net_stays_as_it_is_and_what_it_took_is_counted(model, text, held) -> None:
    before = {name: value.clone() for name, value in model.net.state_dict().items()}
    found = [
        hypergradient.hb(model.net, text, held, ETA), hypergradient.fo_difference(model.net, text, held, ETA, 0.1),
        hypergradient.fo_loss(model.net, text),
    ]  # fmt: skip
    assert [one.passes for one in found] == [Passes(3, 4), Passes(5, 5), Passes(1, 1)]
    assert found[0].passes.plus(found[2].passes) == Passes(4, 5)
    assert all(torch.equal(value, before[name]) for name, value in model.net.state_dict().items())
    assert all(value.grad is None for value in model.net.parameters())


@pytest.mark.parametrize("seed", range(5))
def test_a_projection_is_allowed_and_the_nearest_that_gains_then_what_loses_least(seed) -> None:
    draw = torch.Generator().manual_seed(seed)
    gain, near = torch.randn(7, 30, generator=draw), torch.rand(7, 30, generator=draw)
    allowed = torch.rand(7, 30, generator=draw) < 0.5
    allowed[3] = False
    found = hypergradient.projected(gain, near, allowed, 4)
    assert len(found) == 7 and found[3] == []
    for place, options in enumerate(found):
        floor = sorted(gain[place][allowed[place]].tolist(), reverse=True)[:4]
        assert sorted((g for _, g in options), reverse=True) == floor
        assert all(allowed[place, token] and gain[place, token].item() == g for token, g in options)
        assert options == _best_first(options, near[place])
    assert hypergradient.projected(gain, near, torch.zeros_like(allowed), 4) == [[]] * 7
    (every,) = hypergradient.projected(gain[:1], near[:1], ~torch.zeros_like(allowed[:1]), 100)
    assert len(every) == 30 and every == _best_first(every, near[0])


def _best_first(options, near):
    gaining = sorted((one for one in options if one[1] > 0), key=lambda one: near[one[0]].item())
    return [*gaining, *sorted((one for one in options if one[1] <= 0), key=lambda one: -one[1])]


def test_distance_is_of_embeddings(model) -> None:
    table = model.net.get_input_embeddings().weight.detach()
    found = hypergradient.apart(model.net, torch.tensor([5, 9]))
    assert found.shape == (2, len(table)) and found[0, 5] == found[1, 9] == 0
    assert found[0, 9].item() == pytest.approx((table[5] - table[9]).square().sum().item(), rel=1e-4)
