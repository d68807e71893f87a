"""Drawing: the softmax's own distribution, the right sets, and rows that do not know of their neighbours."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from azeotrope.models import sampling
from azeotrope.models.sampling import Row, Sampling, drawn, write

N = 20_000


def drawn_often(logits: torch.Tensor, how: Sampling, seed: int = 0) -> torch.Tensor:
    """How often each token comes in N draws, [V]."""
    uniform = torch.rand(N, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.bincount(drawn(logits.expand(N, -1), how, uniform), minlength=logits.shape[-1])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("limits", [{}, {"top_p": 1 - 1e-9}, {"top_k": 30}])
def test_draws_follow_the_softmax(temperature: float, limits: dict[str, Any]) -> None:
    logits = torch.randn(30, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    expected = (logits / temperature).softmax(-1)
    found = drawn_often(logits, Sampling(temperature, **limits))
    assert chisquare(found.numpy(), expected.numpy() * N).pvalue > 1e-3


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    logits = torch.tensor([0.1, 0.5, 0.15, 0.25], dtype=torch.float64).log()
    for top_p, kept in ((0.49, [1]), (0.51, [1, 3]), (0.74, [1, 3]), (0.76, [1, 2, 3]), (0.95, [0, 1, 2, 3])):
        found = drawn_often(logits, Sampling(1.0, top_p=top_p))
        assert found.nonzero()[:, 0].tolist() == kept
        among = logits.exp()[kept] / logits.exp()[kept].sum()
        assert len(kept) == 1 or chisquare(found[kept].numpy(), among.numpy() * N).pvalue > 1e-3


def test_top_k_keeps_k_even_among_equals() -> None:
    found = drawn_often(torch.zeros(10), Sampling(1.0, top_k=3))
    assert (found > 0).sum() == 3
    best = drawn_often(torch.tensor([0.0, 3.0, 1.0, 2.0]), Sampling(5.0, top_k=2))
    assert best.nonzero()[:, 0].tolist() == [1, 3]


@given(st.integers(0, 2**32), st.floats(0.05, 1.0), st.integers(0, 12))
def test_no_draw_is_impossible(seed: int, top_p: float, top_k: int) -> None:
    logits = torch.randn(4, 9, generator=torch.Generator().manual_seed(seed))
    logits[:, ::2] = -torch.inf
    for uniform in (torch.zeros(4, dtype=torch.float64), torch.full((4,), 1 - 2**-53, dtype=torch.float64)):
        assert set(drawn(logits, Sampling(1.0, top_p, top_k), uniform).tolist()) <= {1, 3, 5, 7}


def test_the_likeliest_at_temperature_zero() -> None:
    assert drawn(torch.tensor([[1.0, 3.0, 2.0], [5.0, 1.0, 2.0]]), Sampling(), torch.zeros(2)).tolist() == [1, 0]


def rows() -> list[Row]:
    return [Row(list(range(60, 60 + length)), seed) for seed, length in enumerate((3, 17, 5, 9, 1, 12))]


@pytest.mark.parametrize("how", [Sampling(max_tokens=12), Sampling(1.5, 0.9, 40, max_tokens=12)])
def test_a_row_says_alone_what_it_says_among_others(tiny: Any, how: Sampling) -> None:
    together = write(tiny.net, rows(), how, ends=tiny.ends, pad=tiny.pad)
    alone = [write(tiny.net, [row], how, ends=tiny.ends, pad=tiny.pad)[0] for row in rows()]
    assert together == alone
    assert len({tuple(said.ids) for said in together}) == len(together)
    assert together == write(tiny.net, rows(), how, ends=tiny.ends, pad=3)  # what stands in the padding is not read


def test_rows_leave_when_they_end(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many end tokens rows end early, one by one; the others go on as if they had stayed."""
    how, ends = Sampling(1.5, max_tokens=40), set(range(2, 40))
    dropped = write(tiny.net, rows(), how, ends=ends, pad=0)
    monkeypatch.setattr(sampling, "_DENSE", -1.0)
    assert dropped == write(tiny.net, rows(), how, ends=ends, pad=0)
    lengths = sorted(len(said.ids) for said in dropped if said.stopped)
    assert len(set(lengths)) >= 3, "the rows were to end at different times"
    assert all(not ends & set(said.ids) for said in dropped)


def test_a_net_without_a_cache_says_the_same(tiny: Any) -> None:
    class Forgetful:
        parameters = tiny.net.parameters

        def __call__(self, *, cache: Any, use_cache: bool, **given: Any) -> Any:
            assert cache is None
            return tiny.net(use_cache=False, **given)

    how = Sampling(1.5, max_tokens=8)
    assert write(Forgetful(), rows(), how, ends={1}, pad=0) == write(tiny.net, rows(), how, ends={1}, pad=0)


def test_greedy_is_what_transformers_generates(tiny: Any) -> None:
    ids = rows()[1].ids
    generated = tiny.net.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=20,
        do_sample=False, eos_token_id=list(tiny.ends), pad_token_id=tiny.pad,
    )  # fmt: skip
    [said] = write(tiny.net, [Row(ids, 0)], Sampling(max_tokens=20), ends=tiny.ends, pad=tiny.pad)
    assert generated[0, len(ids) :].tolist() == [*said.ids, *([1] if said.stopped else [])]


def test_a_shape_sees_what_was_read_and_written(tiny: Any) -> None:
    seen: list[torch.Tensor] = []

    def counting_up(ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        seen.append(ids)
        wanted = torch.full_like(logits, -torch.inf)
        return wanted.scatter(1, (ids[:, -1:] + 1) % 200 + 2, 0.0)

    [one, two] = write(tiny.net, [Row([50], 0), Row([60, 61], 1)], Sampling(1.0, max_tokens=3), ends={1}, pad=0,
                       shape=counting_up)  # fmt: skip
    assert (one.ids, two.ids) == ([53, 56, 59], [64, 67, 70])
    assert seen[-1].tolist() == [[0, 50, 53, 56], [60, 61, 64, 67]]


@pytest.mark.parametrize("wrong", [{"temperature": -1}, {"top_p": 0}, {"top_p": 1.1}, {"top_k": -1}, {"max_tokens": 0}])
def test_settings_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="temperature is at least 0"):
        Sampling(**wrong)
