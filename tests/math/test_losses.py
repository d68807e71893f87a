"""Each loss against its formula written anew in float64, at its limits, against its bound and by finite differences."""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from azeotrope.errors import Misconfigured
from azeotrope.math import losses

Loss = Callable[..., Tensor]
Array = np.ndarray[Any, np.dtype[np.float64]]
LOSSES: dict[str, Loss] = {
    "forward_kl": losses.forward_kl,
    "reverse_kl": losses.reverse_kl,
    "jsd": losses.jsd,
    "jsd .2": partial(losses.jsd, beta=0.2),
    "skewed_kl": losses.skewed_kl,
    "skewed_kl .7": partial(losses.skewed_kl, alpha=0.7),
    "skewed_reverse_kl": losses.skewed_reverse_kl,
    "skewed_reverse_kl .7": partial(losses.skewed_reverse_kl, alpha=0.7),
    "ab 1.5 .5": partial(losses.ab_divergence, a=1.5, b=0.5),
    "ab .6 0": partial(losses.ab_divergence, a=0.6, b=0.0),
    "ab 0 .6": partial(losses.ab_divergence, a=0.0, b=0.6),
    "alphanet": losses.alphanet,
    "alphanet .3 .6": partial(losses.alphanet, a_minus=0.3, a_plus=0.6),
    "abkd": losses.abkd,
}
FINITE = [name for name in LOSSES if name != "reverse_kl" and name != "ab 0 .6"]
"""What does not become infinite where only the teacher rules a token out."""
all_losses = pytest.mark.parametrize("name", LOSSES)


def kl(x: Array, y: Array) -> float:
    return float(sum(a * math.log(a / b) for a, b in zip(x, y, strict=True) if a > 0))


def ab(p: Array, q: Array, a: float, b: float) -> float:
    if b == 0:
        return (
            float(sum((x**a * math.log(x**a / y**a) if x > 0 else 0) - x**a + y**a for x, y in zip(p, q, strict=True)))
            / a**2
        )
    if a == 0:
        return ab(q, p, b, 0)
    return float(-1 / (a * b) * (p**a * q**b - a / (a + b) * p ** (a + b) - b / (a + b) * q ** (a + b)).sum())


FORMULAS: dict[str, Callable[[Array, Array], float]] = {  # p: teacher, q: student
    "forward_kl": kl,
    "reverse_kl": lambda p, q: kl(q, p),
    "jsd": lambda p, q: (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2,
    "jsd .2": lambda p, q: 0.2 * kl(p, 0.2 * p + 0.8 * q) + 0.8 * kl(q, 0.2 * p + 0.8 * q),
    "skewed_kl": lambda p, q: kl(p, 0.1 * p + 0.9 * q),
    "skewed_kl .7": lambda p, q: kl(p, 0.7 * p + 0.3 * q),
    "skewed_reverse_kl": lambda p, q: kl(q, 0.1 * q + 0.9 * p),
    "skewed_reverse_kl .7": lambda p, q: kl(q, 0.7 * q + 0.3 * p),
    "ab 1.5 .5": lambda p, q: ab(p, q, 1.5, 0.5),
    "ab .6 0": lambda p, q: ab(p, q, 0.6, 0),
    "ab 0 .6": lambda p, q: ab(p, q, 0, 0.6),
    "alphanet": lambda p, q: max(ab(p, q, 0.1, 0.9), ab(p, q, 0.9, 0.1)),
    "alphanet .3 .6": lambda p, q: max(ab(p, q, 0.3, 0.7), ab(p, q, 0.6, 0.4)),
    "abkd": lambda p, q: ab(p, q, 0.1, 0.8),
}


def softmax(logits: Tensor, temperature: float = 1.0) -> Array:
    z = logits.double().numpy() / temperature
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def written_anew(name: str, student: Tensor, teacher: Tensor, mask: Tensor, temperature: float = 1.0) -> float:
    p, q = softmax(teacher, temperature), softmax(student, temperature)
    each = [FORMULAS[name](p[b, t], q[b, t]) for b, t in np.ndindex(*mask.shape) if mask[b, t]]
    return sum(each) / len(each)


def pair(seed: int = 0, shape: tuple[int, int, int] = (2, 3, 7), size: float = 2.0) -> tuple[Tensor, Tensor, Tensor]:
    """Student, teacher and a mask that leaves some tokens out."""
    rng = torch.Generator().manual_seed(seed)
    student, teacher = (size * torch.randn(shape, generator=rng, dtype=torch.float64) for _ in range(2))
    mask = torch.rand(shape[:2], generator=rng) < 0.7
    mask[0, 0] = True
    return student, teacher, mask


@given(
    st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 4), st.integers(2, 9), st.floats(0.3, 4),
    st.floats(0, 8), st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_the_number_is_its_formula(seed: int, b: int, t: int, v: int, heat: float, size: float, scale: bool) -> None:
    student, teacher, mask = pair(seed, (b, t, v), size)
    for name, loss in LOSSES.items():
        expected = written_anew(name, student, teacher, mask, heat) * (heat**2 if scale else 1)
        got = loss(student, teacher, mask, heat, scale=scale)
        assert got.shape == ()
        assert got.item() == pytest.approx(expected, rel=1e-9, abs=1e-11), name


@all_losses
@given(seed=st.integers(0, 10**6), offset=st.floats(-50, 50))
@settings(max_examples=10, deadline=None)
def test_neither_an_offset_nor_the_order_of_tokens_matters(name: str, seed: int, offset: float) -> None:
    student, teacher, mask = pair(seed)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(seed))
    expected = LOSSES[name](student, teacher, mask).item()
    assert LOSSES[name](student + offset, teacher - 2 * offset, mask).item() == pytest.approx(expected, abs=1e-10)
    assert LOSSES[name](student[..., order], teacher[..., order], mask).item() == pytest.approx(expected, abs=1e-10)


@all_losses
def test_zero_where_equal_and_nowhere_else(name: str) -> None:
    student, teacher, mask = pair()
    assert LOSSES[name](teacher + 3, teacher, mask).item() == pytest.approx(0, abs=1e-12)
    for nudge in (1e-3, 0.1, 3.0):
        near = teacher.clone()
        near[0, 0, 2] += nudge
        assert LOSSES[name](near, teacher, mask).item() > 1e-9
    assert LOSSES[name](student, teacher, mask).item() > 0.01


@all_losses
def test_gradients_agree_with_finite_differences_on_both_sides(name: str) -> None:
    student, teacher, mask = pair(3, (2, 2, 5), 1.5)
    both = student.requires_grad_(), teacher.requires_grad_()
    assert torch.autograd.gradcheck(lambda s, t: LOSSES[name](s, t, mask, 1.7, scale=True), both)


def test_gradients_of_what_remains_of_the_top_k_and_of_labels() -> None:
    student, teacher, mask = pair(4, (2, 2, 6), 1.5)
    both = student.requires_grad_(), teacher.requires_grad_()
    assert torch.autograd.gradcheck(lambda s, t: losses.jsd(*losses.top_k(s, t, 2), mask), both)
    assert torch.autograd.gradcheck(lambda s: losses.hard_target(s, teacher, mask, 2.0, scale=True), both[:1])


def test_the_gradient_of_forward_kl_is_the_difference_of_the_distributions() -> None:
    student, teacher, mask = pair()
    student.requires_grad_()
    losses.forward_kl(student, teacher, mask, 2.0).backward()
    expected = (softmax(student.detach(), 2.0) - softmax(teacher, 2.0)) / 2.0 / int(mask.sum())
    assert student.grad is not None
    np.testing.assert_allclose(student.grad.numpy(), expected * mask.numpy()[..., None], atol=1e-14)


class TestBounds:
    @given(st.integers(0, 10**6), st.floats(0, 60))
    @settings(max_examples=40, deadline=None)
    def test_none_is_exceeded(self, seed: int, size: float) -> None:
        student, teacher, mask = pair(seed, size=size)
        entropy = -0.2 * math.log(0.2) - 0.8 * math.log(0.8)
        bounds = {
            "jsd": math.log(2), "jsd .2": entropy, "skewed_kl": math.log(10), "skewed_reverse_kl": math.log(10),
            "skewed_kl .7": -math.log(0.7), "alphanet": 1 / 0.09, "ab 1.5 .5": 1 / 0.75,
        }  # fmt: skip
        for name, bound in bounds.items():
            assert -1e-12 <= LOSSES[name](student, teacher, mask).item() <= bound + 1e-12, name

    def test_two_that_never_agree_reach_them(self) -> None:
        teacher = torch.tensor([[[0.0, 0.0, -math.inf, -math.inf]]])
        student = teacher.flip(-1)
        mask = torch.ones(1, 1, dtype=torch.bool)
        assert losses.jsd(student, teacher, mask).item() == pytest.approx(math.log(2))
        assert losses.skewed_kl(student, teacher, mask).item() == pytest.approx(math.log(10))
        assert losses.skewed_reverse_kl(student, teacher, mask).item() == pytest.approx(math.log(10))
        assert losses.alphanet(student, teacher, mask).item() == pytest.approx(1 / 0.09)
        assert losses.forward_kl(student, teacher, mask).item() == math.inf
        assert losses.reverse_kl(student, teacher, mask).item() == math.inf


class TestLimits:
    def test_jsd_becomes_either_kl(self) -> None:
        student, teacher, mask = pair()
        forward, reverse = losses.forward_kl(student, teacher, mask), losses.reverse_kl(student, teacher, mask)
        tiny = 1e-6
        assert (losses.jsd(student, teacher, mask, beta=tiny) / tiny).item() == pytest.approx(forward.item(), rel=1e-3)
        late = losses.jsd(student, teacher, mask, beta=1 - tiny) / tiny
        assert late.item() == pytest.approx(reverse.item(), rel=1e-3)

    def test_skewed_without_skew_is_kl(self) -> None:
        student, teacher, mask = pair()
        assert losses.skewed_kl(student, teacher, mask, alpha=0) == losses.forward_kl(student, teacher, mask)
        assert losses.skewed_reverse_kl(student, teacher, mask, alpha=0) == losses.reverse_kl(student, teacher, mask)

    def test_ab_divergence_becomes_either_kl_and_gets_there_continuously(self) -> None:
        student, teacher, mask = pair()
        forward, reverse = losses.forward_kl(student, teacher, mask), losses.reverse_kl(student, teacher, mask)
        of = partial(losses.ab_divergence, student, teacher, mask)
        assert of(a=1.0, b=0.0).item() == pytest.approx(forward.item(), rel=1e-12)
        assert of(a=0.0, b=1.0).item() == pytest.approx(reverse.item(), rel=1e-12)
        for a, b in ((1.0, 0.0), (0.6, 0.0), (0.0, 0.6)):
            gaps = [abs(of(a=a + d, b=b + d) - of(a=a, b=b)).item() for d in (1e-2, 1e-3, 1e-4)]
            assert gaps[0] > 5 * gaps[1] > 25 * gaps[2] > 0, "the gap shrinks with the distance"

    def test_alphanet_between_the_kls_is_their_larger_token_by_token(self) -> None:
        student, teacher, mask = pair()
        one = mask & False
        expected = 0.0
        for at in mask.nonzero().tolist():
            only = one.clone()
            only[tuple(at)] = True
            ends = losses.forward_kl(student, teacher, only), losses.reverse_kl(student, teacher, only)
            expected += max(ends).item() / int(mask.sum())
        assert losses.alphanet(student, teacher, mask, a_minus=0, a_plus=1).item() == pytest.approx(expected)

    def test_hellinger_is_the_symmetric_ab_divergence(self) -> None:
        student, teacher, mask = pair(shape=(1, 1, 5))
        p, q = softmax(teacher)[0, 0], softmax(student)[0, 0]
        half = losses.ab_divergence(student, teacher, mask, a=0.5, b=0.5).item()
        assert half == pytest.approx(2 * ((p**0.5 - q**0.5) ** 2).sum())

    def test_a_teacher_that_is_sure_makes_forward_kl_the_hard_target(self) -> None:
        student, teacher, mask = pair()
        sure = torch.where(teacher == teacher.amax(-1, keepdim=True), 0.0, -math.inf)
        for heat in (1.0, 2.0):
            hard = losses.hard_target(student, teacher, mask, heat, scale=True)
            torch.testing.assert_close(losses.forward_kl(student, sure, mask, heat, scale=True), hard)


class TestTopK:
    @given(st.integers(0, 10**6), st.floats(0.1, 10))
    @settings(max_examples=30, deadline=None)
    def test_it_rises_to_the_full_loss_with_k(self, seed: int, size: float) -> None:
        student, teacher, mask = pair(seed, size=size)
        for name in ("forward_kl", "reverse_kl", "jsd", "skewed_kl", "skewed_reverse_kl"):
            seen = [LOSSES[name](*losses.top_k(student, teacher, k), mask).item() for k in range(1, 7)]
            assert all(low <= high + 1e-12 for low, high in pairwise(seen)), name
            assert seen[-1] == pytest.approx(LOSSES[name](student, teacher, mask).item(), abs=1e-11)

    def test_it_is_the_likeliest_tokens_and_the_mass_of_the_others(self) -> None:
        student, teacher, _ = pair(shape=(1, 1, 6))
        p, q = softmax(teacher)[0, 0], softmax(student)[0, 0]
        best = np.argsort(-p)[:2]
        of_student, of_teacher = (x.exp()[0, 0].numpy() for x in losses.top_k(student, teacher, 2))
        np.testing.assert_allclose(of_teacher, [*p[best], 1 - p[best].sum()])
        np.testing.assert_allclose(of_student, [*q[best], 1 - q[best].sum()])

    def test_mass_outside_the_k_is_seen_even_of_one_label(self) -> None:
        student, teacher, mask = pair()
        assert losses.forward_kl(*losses.top_k(student, teacher, 1), mask).item() > 0.05

    def test_a_teacher_with_an_empty_tail(self) -> None:
        student, teacher, mask = pair()
        student.requires_grad_()
        cut = teacher.masked_fill(teacher < teacher.topk(2, dim=-1).values[..., 1:], -math.inf)
        loss = losses.forward_kl(*losses.top_k(student, cut, 3), mask)
        loss.backward()
        assert loss.item() == pytest.approx(losses.forward_kl(student, cut, mask).item())
        assert student.grad is not None and student.grad.isfinite().all()

    @pytest.mark.parametrize("k", [0, 7, -1])
    def test_k_is_some_but_not_all(self, k: int) -> None:
        with pytest.raises(Misconfigured, match="at least 1 and fewer than all"):
            losses.top_k(*pair()[:2], k)


class TestTemperature:
    def test_scale_is_the_square(self) -> None:
        student, teacher, mask = pair()
        for loss in (*LOSSES.values(), losses.hard_target):
            plain, scaled = loss(student, teacher, mask, 3.0), loss(student, teacher, mask, 3.0, scale=True)
            torch.testing.assert_close(scaled, 9 * plain)

    def test_scaled_forward_kl_matches_logits_when_very_warm(self) -> None:
        """arXiv 1503.02531, equation 4: with centred logits the gradient tends to their difference over V."""
        student, teacher, _ = pair(shape=(1, 1, 6))
        student, teacher = (x - x.mean(-1, keepdim=True) for x in (student, teacher))
        student.requires_grad_()
        losses.forward_kl(student, teacher, torch.ones(1, 1, dtype=torch.bool), 1e4, scale=True).backward()
        torch.testing.assert_close(student.grad, (student - teacher).detach() / 6, atol=1e-3, rtol=1e-3)

    @pytest.mark.parametrize("heat", [0.0, -1.0, math.nan, math.inf])
    def test_it_is_above_zero(self, heat: float) -> None:
        with pytest.raises(Misconfigured, match="above 0"):
            losses.forward_kl(*pair(), heat)


class TestExtremes:
    @pytest.mark.parametrize("name", FINITE)
    def test_a_token_that_the_teacher_rules_out(self, name: str) -> None:
        student, teacher, mask = pair()
        teacher[..., 1:3] = -math.inf
        both = student.requires_grad_(), teacher.requires_grad_()
        loss = LOSSES[name](*both, mask)
        loss.backward()
        assert loss.item() == pytest.approx(written_anew(name, student.detach(), teacher.detach(), mask))
        assert all(x.grad is not None and x.grad.isfinite().all() for x in both)

    @pytest.mark.parametrize("name", ["jsd", "skewed_kl", "skewed_reverse_kl", "alphanet", "abkd", "forward_kl"])
    def test_a_token_that_both_rule_out(self, name: str) -> None:
        student, teacher, mask = pair()
        student[..., 2] = teacher[..., 2] = -math.inf
        student.requires_grad_()
        loss = LOSSES[name](student, teacher, mask)
        loss.backward()
        kept = [0, 1, 3, 4, 5, 6]
        expected = LOSSES[name](student[..., kept], teacher[..., kept], mask).item()
        assert loss.item() == pytest.approx(expected)
        assert student.grad is not None and student.grad.isfinite().all()

    def test_reverse_kl_is_infinite_where_it_says_so(self) -> None:
        student, teacher, mask = pair()
        teacher[0, 0, 1] = -math.inf
        assert losses.reverse_kl(student, teacher, mask).item() == math.inf

    @all_losses
    def test_logits_far_apart_in_single_precision(self, name: str) -> None:
        student = torch.tensor([[[1e4, -1e4, 0.0], [0.0, 300.0, -300.0]]], requires_grad=True)
        teacher = torch.tensor([[[-1e4, 1e4, 5.0], [300.0, 0.0, -300.0]]])
        loss = LOSSES[name](student, teacher, torch.ones(1, 2, dtype=torch.bool))
        loss.backward()
        assert loss.isfinite()
        assert student.grad is not None and student.grad.isfinite().all()

    @all_losses
    def test_half_precision_is_computed_in_single(self, name: str) -> None:
        student, teacher, mask = pair()
        short = student.bfloat16(), teacher.bfloat16()
        got = LOSSES[name](*short, mask)
        assert got.dtype == torch.float32
        assert got.item() == pytest.approx(written_anew(name, *short, mask), rel=1e-4)


@all_losses
def test_what_is_masked_does_not_matter(name: str) -> None:
    student, teacher, mask = pair()
    expected = LOSSES[name](student, teacher, mask).item()
    odd = student.masked_fill(~mask[..., None], math.nan).requires_grad_()
    loss = LOSSES[name](odd, teacher.masked_fill(~mask[..., None], -math.inf), mask)
    loss.backward()
    assert loss.item() == expected
    assert odd.grad is not None and (odd.grad[~mask] == 0).all() and odd.grad[mask].abs().sum() > 0


def test_the_average_is_over_unmasked_tokens() -> None:
    student, teacher, mask = pair()
    apart = [losses.jsd(student[b : b + 1], teacher[b : b + 1], mask[b : b + 1]) * mask[b].sum() for b in range(2)]
    torch.testing.assert_close(losses.jsd(student, teacher, mask), (apart[0] + apart[1]) / mask.sum())


def test_cross_entropy_is_of_the_label_whatever_stands_where_masked() -> None:
    student, _, mask = pair()
    labels = torch.arange(6).reshape(2, 3).masked_fill(~mask, -100)
    expected = torch.nn.functional.cross_entropy((student / 2).reshape(6, 7), labels.reshape(6))
    torch.testing.assert_close(losses.cross_entropy(student, labels, mask, 2.0), expected)


class TestRefusals:
    @pytest.mark.parametrize("loss", [*LOSSES.values(), losses.hard_target], ids=[*LOSSES, "hard_target"])
    def test_shapes(self, loss: Loss) -> None:
        student, teacher, mask = pair()
        with pytest.raises(AssertionError, match=r"\[B,T,V\]"):
            loss(student[0], teacher[0], mask[0])
        with pytest.raises(AssertionError, match="teacher"):
            loss(student, teacher[..., :-1], mask)
        with pytest.raises(AssertionError, match="mask is"):
            loss(student, teacher, mask[:, :-1])
        with pytest.raises(AssertionError, match="bool"):
            loss(student, teacher, mask.float())
        with pytest.raises(AssertionError, match="every token is masked"):
            loss(student, teacher, mask & False)

    def test_shapes_of_labels_and_of_the_top_k(self) -> None:
        student, teacher, mask = pair()
        with pytest.raises(AssertionError, match="labels"):
            losses.cross_entropy(student, mask[:, 0].long(), mask)
        with pytest.raises(AssertionError, match="teacher"):
            losses.top_k(student, teacher[:1], 2)
        with pytest.raises(AssertionError, match=r"\[B,T,V\]"):
            losses.top_k(student[0], teacher[0], 2)

    @pytest.mark.parametrize("beta", [0.0, 1.0, -0.1, math.nan])
    def test_jsd_names_the_cure_at_its_ends(self, beta: float) -> None:
        with pytest.raises(Misconfigured, match=r"forward_kl .* reverse_kl"):
            losses.jsd(*pair(), beta=beta)

    @pytest.mark.parametrize("alpha", [1.0, -0.1, math.nan])
    def test_skew(self, alpha: float) -> None:
        for loss in (losses.skewed_kl, losses.skewed_reverse_kl):
            with pytest.raises(Misconfigured, match="at least 0 and below 1"):
                loss(*pair(), alpha=alpha)

    @pytest.mark.parametrize(("a", "b"), [(-0.1, 0.5), (0.5, -0.1), (0.0, 0.0), (math.nan, 0.5)])
    def test_powers(self, a: float, b: float) -> None:
        for loss in (losses.ab_divergence, losses.abkd):
            with pytest.raises(Misconfigured, match="powers"):
                loss(*pair(), a=a, b=b)

    @pytest.mark.parametrize("ends", [{"a_minus": -1.0}, {"a_plus": 1.5}])
    def test_ends_of_alphanet(self, ends: dict[str, float]) -> None:
        with pytest.raises(Misconfigured, match="powers"):
            losses.alphanet(*pair(), **ends)
