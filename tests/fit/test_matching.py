"""Matching: the mildest control that costs as much, upwards or downwards; the same each time, and on what it rests."""

import asyncio
import math
from typing import Any

import pytest
import torch

from azeotrope import catalog
from azeotrope.fit import bench, looking, matching, plan
from azeotrope.fit.matching import CONTROLS, Texts, matched, matched_accuracy, price, sought
from azeotrope.math.information import Text
from azeotrope.math.lowrank import LowRank
from azeotrope.models.shipped import shipped
from azeotrope.protocols import Given
from azeotrope.training import Encoded
from azeotrope.types import Score

RECIPE: dict[str, Any] = {
    "task": {"name": "steps", "config": {"difficulty": "easy", "train": 12, "proxy": 8, "validation": 2}},
    "teacher": {"temperature": 0.0, "max_tokens": 48},
    "proxy": {"hidden": 16, "layers": 1, "heads": 2, "intermediate": 16, "steps": 1},
    "purifier": {"rank": 4},
    "choose": {"texts": 3, "problems": 2, "held": 0.5},
}


@pytest.fixture(scope="module")
def made() -> bench.Bench:
    return bench.made(plan.checked(RECIPE, "here"), shipped("steps"))


@pytest.fixture(scope="module")
def moved(made) -> LowRank:
    draw = torch.Generator().manual_seed(1)
    return LowRank(torch.randn(made.size, 4, generator=draw), 2e-3 * torch.randn(4, made.size, generator=draw))


@pytest.mark.parametrize(("cost", "target", "mild", "strong", "expected"), [
    (lambda s: s**2, 4.0, 0.1, 50.0, 2.0),
    (lambda s: 1 / s, 4.0, 1.0, 0.01, 0.25),
    (lambda s: (math.log(s) - 1) ** 2, 0.25, 1.0, 100.0, math.exp(0.5)),  # falls first: the mildest of the two
    (lambda s: (math.log(s) - 1) ** 2, 4.0, 1.0, 100.0, math.exp(3)),  # rises beyond where it began
])  # fmt: skip
def test_the_mildest_strength_at_the_price_is_found(cost, target, mild, strong, expected) -> None:
    assert sought(cost, target, mild, strong) == pytest.approx(expected, rel=2e-3)


def test_a_price_that_is_never_paid_has_no_strength() -> None:
    assert sought(lambda s: s, 0.0, 0.1, 50.0) is None
    assert sought(lambda s: s, 99.0, 0.1, 50.0) is None
    assert sought(lambda s: s, math.inf, 0.1, 50.0) is None, "where a token is ruled out"


def test_a_price_is_what_the_formula_says() -> None:
    draw = torch.Generator().manual_seed(0)
    texts = [Text(torch.randn(n, 9, generator=draw), torch.randint(9, (n,), generator=draw)) for n in (5, 7)]
    p = torch.cat([text.logits for text in texts]).double().log_softmax(-1)
    q = (torch.cat([text.logits for text in texts]).double() / 3).log_softmax(-1)
    labels = torch.cat([text.labels for text in texts])
    found = price(lambda ids, z: z / 3, texts)
    assert found.cross_entropy == pytest.approx(-q.gather(-1, labels[:, None]).mean().item(), rel=1e-5)
    assert found.divergence == pytest.approx((p.exp() * (p - q)).sum(-1).mean().item(), rel=1e-5)
    assert price(lambda ids, z: z, texts).divergence == pytest.approx(0, abs=1e-9)
    assert math.isinf(price(lambda ids, z: z.masked_fill(z < z.amax(-1, keepdim=True), -math.inf), texts).divergence)


def test_controls_cost_what_the_purifier_does_and_say_what_that_rests_on(made, moved) -> None:
    texts = list(made.seen())
    found = list(matched(made, moved))
    assert {one.control for one in found} == set(CONTROLS)
    for one in found:
        module = catalog.load("defenses", one.defense)
        cost = price(module.shape(module.Config(**one.config), Given(seed=made.plan.seed)), texts)
        again = cost.cross_entropy if one.by == "cross-entropy" else cost.divergence
        assert again == pytest.approx(one.reached, rel=1e-6)
        assert one.reached == pytest.approx(one.target, rel=0.05, abs=1e-4)
        assert one.n == sum(len(text.labels) for text in texts)
        assert one.config.get("rank") == (4 if one.defense == "scramble" else None), "the purifier's own rank"
    assert list(matched(made, moved)) == found, "the same each time"


def test_what_is_not_kept_is_asked_for_again_and_costs_the_same(made, moved, monkeypatch) -> None:
    through, whole = looking.shape(made, moved), sum(made.lengths())
    expected = price(through, list(made.seen()))
    assert expected.tokens == whole > 0
    for kept in (0, made.lengths()[0], whole):
        monkeypatch.setattr(matching, "KEPT", kept * made.size)
        texts = Texts(made)
        assert sum(len(text.labels) for text in texts._kept) == kept
        assert price(through, texts) == price(through, texts) == expected


class Wide:
    """A teacher of very many words and next to no width: what it says depends on the token before."""

    pad, device, size = 0, torch.device("cpu"), 151_936

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(0)
        self._words, self._head = torch.randn(16, 4, generator=draw), torch.randn(self.size, 4, generator=draw)

    @property
    def net(self) -> Any:
        return self

    def get_output_embeddings(self) -> Any:
        return torch.nn.Linear(4, self.size, bias=False)

    def logits(self, ids: torch.Tensor) -> torch.Tensor:
        return self._words[ids] @ self._head.T


def test_however_many_words_there_are_every_token_held_out_is_looked_at() -> None:
    """The width of the logits bounds what is kept of them, not what is looked at."""
    rows = tuple(Encoded([1, *(2 + (at + n) % 8 for n in range(63))], 1, 1.0, at) for at in range(8))
    wide = bench.Bench(plan.checked(RECIPE, "here"), Wide(), (), (), rows, (), ())  # type: ignore[arg-type]
    identity = LowRank(torch.zeros(wide.size, 1), torch.zeros(1, wide.size))
    found = looking.seen(wide, identity)
    assert (found.tokens, found.agreement) == (8 * 63, 1.0)
    assert found.plain.cmi == pytest.approx(found.shaped.cmi) and found.plain.cmi > 0
    assert price(lambda ids, logits: logits, Texts(wide)).tokens == 8 * 63


def test_the_scramble_is_as_strong_as_the_teacher_can_bear(made, monkeypatch) -> None:
    """The greatest strength, within the bisection, whose accuracy holds; it says of how many problems."""

    async def graded(bench_, teacher) -> Score:
        right = 20 - round(10 * last["strength"])
        return Score("+" * max(0, right) + "-" * min(20, 20 - right))

    last: dict[str, float] = {}
    real = matching._made

    def noted(bench_, control, strength):
        last["strength"] = strength
        return real(bench_, control, strength)

    monkeypatch.setattr(matching, "_made", noted)
    monkeypatch.setattr(matching.looking, "graded", graded)
    found = asyncio.run(matched_accuracy(made, Score("+" * 15 + "-" * 5)))
    assert found is not None and (found.control, found.by, found.n) == ("scramble", "accuracy", 20)
    assert 0.47 < found.config["strength"] <= 0.55 and found.reached >= found.target == 0.75
    assert asyncio.run(matched_accuracy(made, Score("+" * 20))).config["strength"] <= 0.05
    monkeypatch.setattr(matching, "CONTROLS", {"scramble": CONTROLS["scramble"]._replace(mild=1.0)})
    assert asyncio.run(matched_accuracy(made, Score("+" * 20))) is None
