"""The purifier's objective: its terms by definition, its gradient against double backward, CMI within its bounds."""

import math
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from azeotrope.math import losses, shown, turns
from azeotrope.math.information import Aim, Centroids, Found, Objective, Tail, Text, backward, measured
from azeotrope.math.lowrank import LowRank, applied, identity, inverted

V, D, N, R = 23, 6, 17, 3
Gradient = Callable[[torch.Tensor], torch.Tensor]


def randn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def tail() -> Tail:
    """Two layers, the first of which is theta; the head is wider than the teacher."""
    reads = randn(N, D, seed=0)
    theta = (randn(D, D, seed=1), randn(D, seed=2))
    return Tail(lambda t: torch.tanh(reads @ t[0] + t[1]), theta, randn(V + 4, D, seed=3))


@pytest.fixture
def text() -> Text:
    return Text(2 * randn(N, V, seed=4), torch.randint(V, (N,), generator=torch.Generator().manual_seed(5)))


def open_map(scale: float = 0.05) -> LowRank:
    m = LowRank(randn(V, R, seed=6), scale * randn(R, V, seed=7))
    return LowRank(m.a.requires_grad_(), m.b.requires_grad_())


MASK = torch.ones(1, N, dtype=torch.bool)


def student(loss: Callable[..., torch.Tensor], aim: Aim, tail: Tail, text: Text, temperature: float = 1.0) -> Gradient:
    """Its gradient by the loss itself, with the graph kept."""

    def gradient(logits: torch.Tensor) -> torch.Tensor:
        theta = tuple(t.clone().requires_grad_() for t in tail.theta)
        own = tail.states(theta) @ tail.head[:V].T
        distilled = loss(own[None], logits[None], MASK, temperature, scale=True)
        found = (1 - aim.alpha) * functional.cross_entropy(own, text.labels) + aim.alpha * distilled
        return torch.cat([g.flatten() for g in torch.autograd.grad(found, theta, create_graph=True)])

    return gradient


def cosine_of(gradient: Gradient, aim: Aim, m: LowRank, text: Text) -> torch.Tensor:
    g, g2 = gradient(text.logits).detach(), gradient(aim.shown(applied(m, text.logits), text.logits))
    return functional.cosine_similarity(g, g2, dim=0)


def by_definition(m: LowRank, tail: Tail, text: Text, how: Objective) -> tuple[torch.Tensor, torch.Tensor]:
    """(CE, cosine) of one student, the source's."""
    (aim,) = how.aims
    gradient = student(losses.forward_kl, aim, tail, text)
    return functional.cross_entropy(applied(m, text.logits), text.labels), cosine_of(gradient, aim, m, text)


HOW = {
    "paper": Objective(block=5),
    "one block": Objective(block=1000),
    "more gold": Objective([Aim(alpha=0.2)], weight=3.0, block=7),
    "logits alone": Objective([Aim(alpha=1.0)]),
    "argmax": Objective([Aim(shown=shown.argmax_kept)], block=4),
    "top": Objective([Aim(shown=shown.top(4))], block=6),
}


@pytest.mark.parametrize("name", HOW)
def test_the_gradient_is_that_of_double_backward(name: str, tail: Tail, text: Text) -> None:
    how, m = HOW[name], open_map(0.3)
    entropy, cosine = by_definition(m, tail, text, how)
    agrees(m, [tail], text, how, (entropy, cosine))
    assert cosine.item() < 0.999, "not at the maximum, where the gradient is nought"


def agrees(m: LowRank, tails: list[Tail], text: Text, how: Objective, terms: tuple[torch.Tensor, torch.Tensor]) -> None:
    """That the terms and their gradient are these."""
    entropy, cosine = terms
    expected = torch.autograd.grad(entropy + how.weight * cosine, (m.a, m.b))
    found = backward(m, tails, text, how)
    assert found == pytest.approx((entropy.item(), cosine.item()), abs=1e-9)
    assert measured(m, tails, text, how) == pytest.approx(found, abs=1e-12)
    for ours, theirs in zip((m.a.grad, m.b.grad), expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-9)


# --- several students


def seen_by_an_inverter(shaped: torch.Tensor, plain: torch.Tensor) -> torch.Tensor:
    undoing = LowRank(randn(V, R, seed=8), 0.1 * randn(R, V, seed=9))
    return applied(undoing, shown.filled(shown.top(6)(shaped, plain), 3.0))


KINDS = {
    "forward": (losses.forward_kl, 1.0, Aim(alpha=0.5)),
    "forward, T=2": (losses.forward_kl, 2.0, Aim(turns.forward_kl(2.0), 1.0)),
    "reverse": (losses.reverse_kl, 1.0, Aim(turns.reverse_kl(), 0.5)),
    "reverse, T=2": (losses.reverse_kl, 2.0, Aim(turns.reverse_kl(2.0), 0.8)),
    "undone": (losses.forward_kl, 2.0, Aim(turns.forward_kl(2.0), 1.0, seen_by_an_inverter)),
    "undone, reverse": (losses.reverse_kl, 1.0, Aim(turns.reverse_kl(), 0.5, seen_by_an_inverter)),
}


@pytest.mark.parametrize("worst", [False, True])
def test_of_several_students_the_mean_or_the_worst_counts(worst: bool, tail: Tail, text: Text) -> None:
    other = tail._replace(theta=(randn(D, D, seed=11), randn(D, seed=12)), head=randn(V, D, seed=13))
    m, how = open_map(0.3), Objective([aim for *_, aim in KINDS.values()], 2.0, worst, block=5)
    cosines = torch.stack(
        [
            cosine_of(student(loss, aim, one, text, temperature), aim, m, text)
            for one in (tail, other)
            for loss, temperature, aim in KINDS.values()
        ]
    )
    entropy = functional.cross_entropy(applied(m, text.logits), text.labels)
    agrees(m, [tail, other], text, how, (entropy, cosines.max() if worst else cosines.mean()))


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_student_is_the_gradient_of_its_loss(name: str, tail: Tail, text: Text) -> None:
    loss, temperature, aim = KINDS[name]
    m = open_map(0.3)
    cosine = cosine_of(student(loss, aim, tail, text, temperature), aim, m, text)
    entropy = functional.cross_entropy(applied(m, text.logits), text.labels)
    agrees(m, [tail], text, Objective([aim], block=4), (entropy, cosine))


@pytest.mark.parametrize("name", KINDS)
def test_the_gradient_is_that_of_finite_differences(name: str, tail: Tail, text: Text) -> None:
    m, how = open_map(0.3), Objective([KINDS[name][2]])
    backward(m, [tail], text, how)
    to_a, to_b, step = randn(V, R, seed=20), randn(R, V, seed=21), 1e-6
    expected = (m.a.grad * to_a).sum() + (m.b.grad * to_b).sum()

    def at(by: float) -> float:
        return sum(measured(LowRank(m.a.detach() + by * to_a, m.b.detach() + by * to_b), [tail], text, how))

    assert (at(step) - at(-step)) / (2 * step) == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_who_learns_the_likeliest_token_is_measured_by_it_and_pulled_by_all(
    temperature: float, tail: Tail, text: Text
) -> None:
    aim, m = Aim(turns.hard_target(temperature), 0.7), open_map(0.3)
    hard = student(losses.hard_target, aim, tail, text, temperature)
    assert measured(m, [tail], text, Objective([aim])).cosine == pytest.approx(cosine_of(hard, aim, m, text).item())
    backward(m, [tail], text, Objective([aim], weight=4.0))
    plain = open_map(0.3)
    backward(plain, [tail], text, Objective([aim], weight=0.0))
    assert (m.b.grad - plain.b.grad).norm() > 1e-3, "the argmax itself has no gradient"


@pytest.mark.parametrize("worst", [False, True])
def test_an_ensemble_of_one_is_the_source_s_student_to_the_bit(worst: bool, tail: Tail, text: Text) -> None:
    one, two = open_map(0.3), open_map(0.3)
    assert backward(one, [tail], text) == backward(two, [tail], text, Objective([Aim()], 1.0, worst))
    assert torch.equal(one.a.grad, two.a.grad) and torch.equal(one.b.grad, two.b.grad)


def test_every_student_agrees_at_the_identity(tail: Tail, text: Text) -> None:
    """Of those that see all of it, undone by the identity or not at all."""
    m = identity(V, R, torch.Generator().manual_seed(0), torch.float64)
    aims = [aim for *_, aim in KINDS.values() if aim.shown is not seen_by_an_inverter]
    aims.append(Aim(turns.hard_target(), 0.5))
    assert measured(m, [tail, tail], text, Objective(aims)).cosine == pytest.approx(1.0, abs=1e-12)
    assert measured(m, [tail], text, Objective(aims, worst=True)).cosine == pytest.approx(1.0, abs=1e-12)


def test_a_map_undone_exactly_cannot_be_trained(tail: Tail, text: Text) -> None:
    """With all logits and M known the student learns from z itself: the cosine is 1 wherever A and B are."""

    def undone(shaped: torch.Tensor, plain: torch.Tensor) -> torch.Tensor:
        return applied(inverted(m), shaped)

    m, plain = open_map(0.3), open_map(0.3)
    found = backward(m, [tail], text, Objective([Aim(alpha=1.0, shown=undone)], weight=5.0))
    backward(plain, [tail], text, Objective(weight=0.0))
    assert found.cosine == pytest.approx(1.0, abs=1e-9)
    assert torch.allclose(m.b.grad, plain.b.grad, atol=1e-8), "the entropy's gradient is all there is"


def test_gradients_are_added_and_scaled(tail: Tail, text: Text) -> None:
    one, two = open_map(), open_map()
    backward(one, [tail], text)
    for _ in range(2):
        backward(two, [tail], text, scale=0.5)
    assert torch.allclose(one.a.grad, two.a.grad) and torch.allclose(one.b.grad, two.b.grad)
    assert all(not t.requires_grad for t in tail.theta)


def test_the_cosine_alone_does_not_leave_the_identity_and_with_the_entropy_it_does(tail: Tail, text: Text) -> None:
    """cos = 1 is a maximum: at B = 0 its gradient is nought; that of CE(z', o) is not, and of CE(z, o) would be."""
    m = identity(V, R, torch.Generator().manual_seed(0), torch.float64)
    m = LowRank(m.a.requires_grad_(), m.b.requires_grad_())
    found = backward(m, [tail], text, Objective(weight=1.0))
    with_entropy = m.b.grad.clone()
    assert found.cosine == pytest.approx(1.0, abs=1e-12)
    m.b.grad = None
    backward(m, [tail], text, Objective(weight=0.0))
    assert torch.allclose(m.b.grad, with_entropy, atol=1e-10)
    assert with_entropy.norm() > 1e-3
    assert m.a.grad.norm() < 1e-10


def test_steps_downhill_lower_the_cosine(tail: Tail, text: Text) -> None:
    m, found = open_map(), list[Found]()
    descent = torch.optim.Adam([*m], lr=0.02)
    for _ in range(90):
        descent.zero_grad()
        found.append(backward(m, [tail], text, Objective([Aim(alpha=1.0)], weight=4.0)))
        descent.step()
    assert found[-1].cosine < 0.5 < found[0].cosine
    assert found[-1].cross_entropy < found[0].cross_entropy


def test_labels_the_teacher_has_no_logit_for_do_no_harm(tail: Tail, text: Text) -> None:
    labels = text.labels.clone()
    labels[3] = V + 2
    assert all(map(math.isfinite, backward(open_map(), [tail], text._replace(labels=labels))))
    with pytest.raises(AssertionError, match="cut the teacher's"):
        measured(open_map(), [tail._replace(head=tail.head[: V - 1])], text)


# --- what is shown


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 30))
def test_what_is_shown_keeps_what_it_says(seed: int, size: int) -> None:
    plain, shaped = randn(5, size, seed=seed) * 4, randn(5, size, seed=seed + 1) * 4
    kept = shown.argmax_kept(shaped, plain)
    assert torch.equal(kept.argmax(-1), plain.argmax(-1))
    changed = kept != shaped
    assert (changed.sum(-1) <= 1).all() and (kept >= shaped).all()
    few = shown.top(3)(shaped, plain)
    assert ((few > -math.inf).sum(-1) == min(3, size)).all()
    assert torch.equal(few.argmax(-1), shaped.argmax(-1))
    coarse = shown.rounded(0.5)(shaped, plain)
    assert torch.allclose(coarse / 0.5, (coarse / 0.5).round(), atol=1e-9)
    assert ((coarse - shaped.log_softmax(-1)).abs() <= 0.25 + 1e-9).all()
    assert not shown.rounded(0.5, 2)(shaped, plain).isnan().any()


def test_rounding_lets_the_gradient_through() -> None:
    leaf = randn(3, 9, seed=0).requires_grad_()
    weights = randn(3, 9, seed=1)
    (shown.rounded(0.3)(leaf, leaf) * weights).sum().backward()
    other = leaf.detach().clone().requires_grad_()
    (other.log_softmax(-1) * weights).sum().backward()
    assert torch.allclose(leaf.grad, other.grad)


# --- CMI


def estimate(logits: torch.Tensor, labels: torch.Tensor, least: int = 1) -> tuple[float, int, int]:
    found = Centroids()
    for at in range(0, len(labels), 7):
        found.add(logits[at : at + 7], labels[at : at + 7])
    return found.found(least)


def test_cmi_is_the_mean_divergence_from_the_centroids() -> None:
    logits, labels = randn(40, 6, seed=0) * 2, torch.arange(40) % 3
    p = logits.softmax(-1)
    centres = torch.stack([p[labels == y].mean(0) for y in range(3)])[labels]
    by_hand = (p * (p.log() - centres.log())).sum(-1)
    assert estimate(logits, labels) == pytest.approx((by_hand.mean().item(), 40, 3), abs=1e-12)
    assert estimate(logits, labels, least=14) == pytest.approx((by_hand[labels == 0].mean().item(), 14, 1), abs=1e-12)
    assert estimate(logits, labels, least=50) == (0.0, 0, 0)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 4), st.floats(0.01, 20))
def test_cmi_stays_in_its_bounds_and_falls_when_tokens_are_merged(
    seed: int, size: int, kinds: int, spread: float
) -> None:
    logits = randn(30, size, seed=seed) * spread
    labels = torch.arange(30) % kinds
    nats = estimate(logits, labels)[0]
    assert 0 <= nats <= min(math.log(size), math.log(math.ceil(30 / kinds))) + 1e-9
    merged = torch.cat([logits[:, :1], logits[:, 1:].logsumexp(-1, keepdim=True)], -1)
    assert estimate(merged, labels)[0] <= nats + 1e-9
    assert estimate(logits[:1].expand(30, -1), labels)[0] == pytest.approx(0, abs=1e-9), (
        "all alike: nothing of the query"
    )


def test_cmi_of_certain_answers_is_what_the_label_does_not_say() -> None:
    """Each of 4 tokens for sure, equally often, under one label: ln 4. A label for each: 0."""
    sure = torch.full((40, 4), -1e9, dtype=torch.float64).scatter(-1, (torch.arange(40) % 4)[:, None], 0.0)
    assert estimate(sure, torch.zeros(40, dtype=torch.long))[0] == pytest.approx(math.log(4))
    assert estimate(sure, torch.arange(40) % 4)[0] == pytest.approx(0, abs=1e-12)


PEAK = """
import resource, sys
import torch
from azeotrope.math.information import Objective, Tail, Text, backward
from azeotrope.math.lowrank import LowRank
words, tokens, width, block = 151_936, int(sys.argv[1]), 64, int(sys.argv[2])
def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))
m = LowRank(torch.zeros(words, 32).requires_grad_(), (drawn(32, words) / words**0.5).requires_grad_())
inputs, labels = drawn(tokens, width), torch.arange(tokens)
tail = Tail(lambda theta: torch.tanh(inputs @ theta[0]), (drawn(width, width) / 8,), drawn(words, width) / 8)
text = Text(drawn(tokens, words), labels)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
adamw = torch.optim.AdamW([*m], lr=1e-6)
backward(m, [tail], text, Objective(block=block))
adamw.step()
unit = 1 if sys.platform == 'darwin' else 1024
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit / (4 * words))
"""


BETWEEN = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
"""A small process between: a new one's peak begins at what whoever starts it takes."""


def test_a_step_at_150k_words_takes_the_memory_of_a_block_and_not_of_the_text() -> None:
    """Rank 32, |V| = 151,936, 320 tokens. A map, its gradients and AdamW's state are 192 rows of [V] floats, a block of
    32 tokens what some 17 blocks take; worked on whole (block = 320) the same text takes some 2,400 rows."""
    held = b"." * 2**30  # as who runs many tests may hold
    command = [sys.executable, "-c", BETWEEN, sys.executable, "-c", PEAK, "320", "32"]
    done = subprocess.run(command, capture_output=True, check=True)
    del held
    assert 192 < float(done.stdout) < 1_100
