"""The low-rank map: the identity at first, undone by its inverse, the same folded as applied, in every precision."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from azeotrope.errors import Misconfigured
from azeotrope.math.lowrank import LowRank, applied, centred, folded, identity, inverted, length, stretch


def drawn(size: int, rank: int, seed: int = 0, scale: float = 0.1, dtype=torch.float64) -> LowRank:
    generator = torch.Generator().manual_seed(seed)
    m = identity(size, rank, generator, dtype)
    b = torch.randn(rank, size, generator=generator, dtype=torch.float64) * scale / math.sqrt(size)
    return LowRank(m.a, b.to(dtype))


def logits(*shape: int, seed: int = 1, dtype=torch.float64) -> torch.Tensor:
    return (torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 5).to(dtype)


@pytest.mark.parametrize("size", [3, 454])
def test_it_begins_as_the_identity_and_b_alone_opens_it(size: int) -> None:
    m = identity(size, 2, torch.Generator().manual_seed(0))
    assert m.a.shape == (size, 2) and not m.b.any()
    z = logits(4, size, dtype=torch.float32)
    assert torch.equal(applied(m, z), z)
    assert torch.equal(folded(m, z.T), z.T)
    assert abs(m.a.double().std().item() - 1) < 4 / math.sqrt(2 * size) + 0.4 * (size < 10)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.data())
def test_it_is_the_dense_matrix_and_the_inverse_undoes_it(size: int, data: st.DataObject) -> None:
    m = drawn(size, data.draw(st.integers(1, size)), data.draw(st.integers(0, 99)))
    dense = torch.eye(size, dtype=torch.float64) + m.a @ m.b
    z = logits(2, 3, size)
    assert torch.allclose(applied(m, z), z @ dense.T, atol=1e-10)
    assert length(m) == pytest.approx(float(torch.linalg.norm(m.a @ m.b)), abs=1e-9)
    assert stretch(m) == pytest.approx(float(torch.linalg.matrix_norm(m.a @ m.b, 2)), abs=1e-7)
    try:
        back = inverted(m)
    except Misconfigured:
        assert torch.linalg.cond(torch.eye(m.rank, dtype=torch.float64) + m.b @ m.a) > 1e5
        return
    assert torch.allclose(applied(back, applied(m, z)), z, atol=1e-6)
    assert torch.allclose(torch.eye(size, dtype=torch.float64) + back.a @ back.b, torch.linalg.inv(dense), atol=1e-6)


def test_what_cannot_be_undone_is_refused() -> None:
    a = torch.tensor([[1.0], [0.0]])
    with pytest.raises(Misconfigured, match="cannot be inverted"):
        inverted(LowRank(a, torch.tensor([[-1.0, 3.0]])))  # 1 + BA = 0: the first logit becomes a copy of the second
    with pytest.raises(Misconfigured, match="cannot be inverted"):
        inverted(LowRank(a, torch.tensor([[math.nan, 0.0]])))
    for rank in (0, 3):
        with pytest.raises(Misconfigured, match="rank"):
            identity(2, rank, torch.Generator())


def unfolded(m: LowRank, weight: torch.Tensor, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(logits of the folded head, the map applied to those of the plain one, exactly)."""
    exact = LowRank(m.a.double(), m.b.double())
    return states @ folded(m, weight).T, applied(exact, states.double() @ weight.double().T)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-10), (torch.float32, 1e-4), (torch.bfloat16, 0.25)])
def test_folded_is_applied(dtype: torch.dtype, bound: float) -> None:
    """bfloat16 has 8 bits: each logit is off by about 2^-9 of |row| |state|, here some 0.02 on a spread of 5."""
    m = drawn(454, 32, dtype=torch.float64 if dtype == torch.float64 else torch.float32)
    weight, states = logits(454, 64, dtype=dtype) / 5, logits(9, 64, seed=2, dtype=dtype) / 5
    ours, exact = unfolded(m, weight, states)
    off = (ours.double() - exact).abs().max().item()
    assert off < bound
    assert off < 0.05 * exact.std().item()
    assert (exact - states.double() @ weight.double().T).abs().max() > 2 * bound, "there was something to fold"


def test_a_head_in_bfloat16_is_rounded_once() -> None:
    m, weight = drawn(200, 4, dtype=torch.float32), logits(200, 16, dtype=torch.bfloat16)
    exact = folded(LowRank(m.a.double(), m.b.double()), weight.double())
    assert ((folded(m, weight).double() - exact).abs() <= exact.abs() * 2**-8).all()


@pytest.mark.parametrize("width", [30, 40, 50])
def test_members_of_a_family_share_what_both_have(width: int) -> None:
    m, z = drawn(40, 4), logits(5, width)
    shared = min(40, width)
    out = applied(m, z)
    small = applied(LowRank(m.a[:shared], m.b[:, :shared]), z[:, :shared])
    assert torch.equal(out[:, :shared], small) and torch.equal(out[:, shared:], z[:, shared:])
    weight, states = logits(width, 8, seed=3), logits(6, 8, seed=4)
    assert torch.allclose(states @ folded(m, weight).T, applied(m, states @ weight.T), atol=1e-10)


def test_an_offset_changes_nothing_once_centred() -> None:
    m, z = drawn(64, 8, scale=1.0), logits(7, 64)
    raw = (applied(m, z + 3).softmax(-1) - applied(m, z).softmax(-1)).abs().max()
    assert raw > 1e-3, "raw, the offset is read"
    still = centred(m)
    assert torch.allclose(applied(still, z + 3), applied(still, z) + 3, atol=1e-10)
    assert torch.allclose(applied(still, z), applied(m, z - z.mean(-1, keepdim=True)) + z.mean(-1, keepdim=True))
    assert torch.allclose(centred(still).b, still.b, atol=1e-15)


def test_a_token_ruled_out_stays_so_and_harms_no_other() -> None:
    m, z = drawn(20, 3, scale=1.0), logits(2, 20)
    z[:, 4] = -math.inf
    out = applied(m, z)
    assert (out[:, 4] == -math.inf).all() and out[:, :4].isfinite().all()
    read = z.clone()
    read[:, 4] = 0
    keep = torch.arange(20) != 4
    assert torch.allclose(out[:, keep], applied(m, read)[:, keep])


def test_a_vocabulary_of_150k() -> None:
    m, z = drawn(151_936, 32, dtype=torch.float32), logits(2, 151_936, dtype=torch.float32)
    out = applied(m, z)
    at = torch.tensor([0, 77, 151_935])
    by_hand = z[:, at].double() + (z.double() @ m.b.double().T) @ m.a[at].double().T
    assert torch.allclose(out[:, at].double(), by_hand, atol=1e-3)
    assert torch.allclose(applied(inverted(m), out.double()), z.double(), atol=1e-3)
    assert applied(m, z.bfloat16()).dtype == torch.bfloat16
