"""Fitting against several students, one that inverts among them, within a norm; else the source's fit to the bit."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import to_builtins
from msgspec.structs import replace
from torch.nn import functional

from azeotrope import fit as fits
from azeotrope.codec import digest, encode
from azeotrope.errors import Misconfigured
from azeotrope.fit import bench, looking, plan
from azeotrope.fit.descent import Descent
from azeotrope.fit.inverting import Inverter
from azeotrope.fit.results import Outcome
from azeotrope.math.information import Text, measured
from azeotrope.math.lowrank import LowRank, applied, length, stretch
from azeotrope.math.shown import filled, top, whole
from azeotrope.models import purifier
from azeotrope.models.shipped import shipped
from azeotrope.report import fitted as report

SMALL = {"hidden": 16, "layers": 1, "heads": 2, "intermediate": 16, "steps": 3}
OTHER = {**SMALL, "hidden": 8, "layers": 2}
RECIPE: dict[str, Any] = {
    "task": {"name": "steps", "config": {"difficulty": "easy", "train": 24, "proxy": 16, "validation": 4}},
    "teacher": {"temperature": 0.0, "max_tokens": 64},
    "proxy": SMALL,
    "purifier": {"rank": 4, "epochs": 1.0, "batch": 6, "together": 3, "rate": 1e-4},
    "choose": {"texts": 3, "problems": 2, "held": 0.25, "controls": False},
}
HARD = {
    "against": [{}, {"temperature": 2.0, "alpha": 1.0}, {"loss": "reverse_kl"}, {"loss": "hard_target"}],
    "proxies": [OTHER],
    "undo": {"rank": 4, "turns": 2},
    "take": "worst",
    "stretch": 0.004,
}
TOP = {"variant": "topk", "top_k": 5}


def recipe(**members: Any) -> fits.Fitting:
    return plan.checked({**RECIPE, **members}, "here")


def fitted(folder: Path, of: fits.Fitting, **given: Any) -> Outcome:
    return asyncio.run(fits.fit(of, folder, **given))


def made(**members: Any) -> bench.Bench:
    return bench.made(recipe(**members), shipped("steps"))


# --- the recipe


def test_a_recipe_without_it_is_what_it_was() -> None:
    """Fits are found again by their recipe's digest, and carry it: nothing is written of what was not asked for."""
    assert b"harden" not in encode(recipe()) and "harden" not in to_builtins(recipe())
    assert digest(recipe(harden={})) != digest(recipe())


def test_it_is_checked() -> None:
    for harden, what in (
        ({"against": []}, "against"),
        ({"against": [{"loss": "jsd"}]}, "jsd"),
        ({"proxies": [SMALL, {"hiden": 3}]}, r"proxies\[1\].*hiden"),
        ({"undo": {"rank": 0}}, "rank"),
        ({"floor": 0.0}, "floor"),
        ({"undone": {}}, "undone"),
    ):
        with pytest.raises(Misconfigured, match=what):
            recipe(harden=harden)
    found = recipe(harden=HARD).hard
    assert found.proxies[0].recipe["hidden"] == 8 and found.proxies[0].kind == "tiny"


def test_an_ensemble_of_one_is_the_plain_fit(tmp_path) -> None:
    plain, one = fitted(tmp_path / "plain", recipe()), fitted(tmp_path / "one", recipe(harden={"take": "worst"}))
    assert (one.artifact, one.curve, one.checks) == (plain.artifact, plain.curve, plain.checks)


# --- the students


def test_every_loss_proxy_and_view_is_a_student() -> None:
    found = made(harden=HARD, shows=TOP)
    (part, *_) = found.parts(found.held, 0)
    assert [one.head.shape[-1] for one in part.tails] == [16, 8]
    assert len(found.taught) == 2 and found.others[0].net.config.num_hidden_layers == 2
    assert len(looking.objective(found).aims) == 4
    how = looking.objective(found, whole)
    assert len(how.aims) == 8 and how.worst
    assert [aim.alpha for aim in how.aims] == [0.5, 1.0, 0.5, 0.5] * 2


def test_what_is_not_shown_is_filled_in_for_the_loss_that_needs_it() -> None:
    found = made(harden=HARD, shows=TOP)
    logits = torch.randn(3, found.size, generator=torch.Generator().manual_seed(0))
    forward, _, reverse, _ = (aim.shown(logits, logits) for aim in looking.objective(found).aims)
    assert torch.equal(forward, top(5)(logits, logits))
    assert torch.equal(reverse, filled(top(5)(logits, logits), 3.0)) and reverse.isfinite().all()


# --- the norms


@pytest.mark.parametrize("budget, bound", [(0.0, 0.004), (0.006, 0.0), (0.006, 0.004)])
def test_the_norms_hold_after_each_step(budget: float, bound: float) -> None:
    rate = {**RECIPE["purifier"], "budget": budget, "rate": 1e-3}
    found = made(purifier=rate, harden={**HARD, "stretch": bound})
    down = Descent(found.plan, found.size, 4, found.proxies[0].device)
    assert stretch(down.m) == length(down.m) == 0.0, "the identity"
    reached = list[tuple[float, float]]()
    for turn in range(4):
        down.take(list(found.parts(found.learned[:3], turn)), looking.objective(found))
        reached.append((length(down.m), stretch(down.m)))
    assert all(size <= budget * 1.0001 for size, _ in reached) or not budget
    assert all(most <= bound * 1.0001 for _, most in reached) or not bound
    assert any(
        size == pytest.approx(budget, rel=1e-3) or most == pytest.approx(bound, rel=1e-3) for size, most in reached
    ), "a bound that is never met tests nothing"


# --- who inverts


def drawn(seed: int, count: int = 400, size: int = 12) -> tuple[LowRank, Text]:
    """A map, and logits whose labels are drawn from them."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(count, size, generator=generator)
    labels = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
    a, b = torch.randn(size, 2, generator=generator), torch.randn(2, size, generator=generator) / 4
    return LowRank(a, b), Text(logits, labels)


def test_it_begins_as_the_identity() -> None:
    m, text = drawn(0)
    for shows, shown in ({}, whole), ({"variant": "topk", "top_k": 4}, top(4)):
        view = Inverter(recipe(shows=shows), plan.Undoing(rank=2), m).view()
        expected = filled(shown(text.logits, text.logits), 3.0)
        assert torch.equal(view(text.logits, text.logits), expected) and expected.isfinite().all()


@pytest.mark.parametrize("shows, shown", [({}, whole), ({"variant": "topk", "top_k": 4}, top(4))])
def test_its_loss_falls_and_it_undoes_the_map(shows: dict[str, Any], shown: Any) -> None:
    m, text = drawn(1)
    inverter = Inverter(recipe(shows=shows), plan.Undoing(rank=2, rate=1e-2, turns=3), m)
    losses = [inverter.learn(m, [text]) for _ in range(60)]
    assert losses[-1] < losses[0] - 0.1
    assert losses[-1] == min(losses) or losses[-1] < losses[30] + 1e-3
    other = Text(*drawn(2)[1])
    shaped = applied(m, other.logits)
    before, after = filled(shown(shaped, other.logits), 3.0), inverter.view()(shaped, other.logits)
    target = other.logits.softmax(-1)

    def apart(said: torch.Tensor) -> float:
        return float(functional.kl_div(said.log_softmax(-1), target, reduction="batchmean"))

    assert apart(after) < 0.7 * apart(before), "also on texts it has not seen"


def test_labels_without_a_logit_do_it_no_harm() -> None:
    m, text = drawn(3, count=8)
    inverter = Inverter(recipe(), plan.Undoing(rank=2), m)
    labels = text.labels.clone()
    labels[2] = 99
    assert inverter.learn(m, [Text(text.logits, labels)]) > 0
    assert inverter.view()(text.logits, text.logits).isfinite().all()


def test_what_it_undoes_moves_the_map_and_the_map_does_not_move_it() -> None:
    found = made(harden=HARD, shows=TOP)
    down = Descent(found.plan, found.size, 4, found.proxies[0].device)
    inverter = Inverter(found.plan, plan.Undoing(rank=4), down.m)
    parts = list(found.parts(found.learned[:3], 0))
    moved = LowRank(down.m.a, 0.3 * torch.randn(down.m.b.shape, generator=torch.Generator().manual_seed(0)))
    for _ in range(20):
        inverter.learn(moved, [part.text for part in parts])
    before = {name: tensor.clone() for name, tensor in inverter.state().items()}
    how = looking.objective(found, inverter.view())
    down.take(parts, how)
    assert all(torch.equal(tensor, before[name]) for name, tensor in inverter.state().items())
    raw, undone = how.aims[0], how.aims[len(how.aims) // 2]
    cosines = [measured(moved, parts[0].tails, parts[0].text, how._replace(aims=[aim])).cosine for aim in (raw, undone)]
    assert cosines[0] != pytest.approx(cosines[1], abs=1e-2), "two views, two students"


# --- the whole


def test_all_at_once_goes_on_to_the_same_bytes_after_a_kill(tmp_path) -> None:
    hard = recipe(harden=HARD, shows=TOP)
    whole_fit = fitted(tmp_path / "whole", hard)
    noted = itertools.count()

    def killed(line: Any, steps: int) -> None:
        if next(noted) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "cut", hard, watch=killed)
    again = fitted(tmp_path / "cut", hard)
    assert (again.artifact, again.curve, again.checks) == (whole_fit.artifact, whole_fit.curve, whole_fit.checks)
    assert whole_fit.checks[0].cosine == pytest.approx(1.0, abs=0.05) and whole_fit.checks[0].length == 0.0
    assert whole_fit.checks[-1].length > 0
    assert stretch(purifier.read(tmp_path / "whole").m) <= 0.004 * 1.0001
    assert set(whole_fit.notes) >= {"proxy 0", "proxy 1"}


def test_recipes_compare_by_the_source_s_student(tmp_path) -> None:
    """Of the same map a hardened recipe says what a plain one does; only a hardened one has to say it."""
    plain = fitted(tmp_path / "plain", recipe())
    same = fitted(tmp_path / "same", recipe(harden={}))
    kept = next(one for one in plain.checks if one.step == plain.chosen)
    assert same.notes["cosine of the source's one student"] == pytest.approx(kept.cosine, abs=1e-6)
    assert not any("cosine" in note for note in plain.notes)
    assert "The mean of 1 students" in report.page(same) and "source's one student" not in report.page(plain)
    many = {**same.recipe, "harden": to_builtins(recipe(harden=HARD).hard)}
    assert "The greatest of 16 students" in report.page(replace(same, recipe=many))
