"""A fit: what it leaves, that it goes on after a kill to the same bytes, what its rule chooses, its report."""

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace
from typer.testing import CliRunner

from azeotrope import fit as fits
from azeotrope.cli import app
from azeotrope.codec import decode, encode
from azeotrope.distill import examples, published
from azeotrope.errors import Misconfigured
from azeotrope.fit import bench, descent, plan, procedure
from azeotrope.fit.proxies import check, parts, tail
from azeotrope.fit.results import Check, Outcome
from azeotrope.models import purifier
from azeotrope.models.shipped import shipped
from azeotrope.report import fitted
from azeotrope.tasks import steps
from azeotrope.training import Batch, encoded
from azeotrope.training.tiny import Tiny, TinyLearner, kept_logits
from azeotrope.types import Score

RECIPE: dict[str, Any] = {
    "task": {"name": "steps", "config": {"difficulty": "easy", "train": 24, "proxy": 16, "validation": 4}},
    "teacher": {"temperature": 0.0, "max_tokens": 64},
    "proxy": {"hidden": 16, "layers": 1, "heads": 2, "intermediate": 16, "steps": 3},
    "purifier": {"rank": 4, "epochs": 1.0, "batch": 6, "together": 3, "rate": 1e-4},
    "choose": {"texts": 3, "problems": 3, "held": 0.25},
}
SHORT = {"rank": 4, "epochs": 0.5, "batch": 6, "together": 6, "rate": 1e-3}


def recipe(**members: Any) -> fits.Fitting:
    return plan.checked({**RECIPE, **members}, "here")


def fitted_in(folder: Path, of: fits.Fitting, **given: Any) -> Outcome:
    return asyncio.run(fits.fit(of, folder, **given))


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("fit")
    return folder, fitted_in(folder, recipe())


def test_it_leaves_an_artifact_and_a_report(done) -> None:
    folder, outcome = done
    assert sorted(path.name for path in folder.iterdir()) == ["history.jsonl", "purifier.safetensors", "report.json"]
    assert encode(decode((folder / "report.json").read_bytes(), Outcome)) == encode(outcome)
    found = purifier.read(folder)
    teacher = shipped("steps")
    found.check(teacher)
    assert found.m.a.shape == (teacher.net.config.vocab_size, 4)
    assert encode(found.about.recipe) == encode(outcome.recipe)
    assert [one.step for one in outcome.curve] == list(range(1, outcome.steps + 1)) == list(range(1, 4))
    assert [one.step for one in outcome.checks] == [0, 1, 2, 3]
    first = outcome.checks[0]
    assert (first.cosine, first.length) == pytest.approx((1.0, 0.0), abs=1e-5), "it begins as the identity"
    assert outcome.checks[-1].length > 0
    assert 0 <= outcome.agreement <= 1 and outcome.condition >= 1


def test_finished_it_is_only_read_again(done) -> None:
    folder, outcome = done
    before = (folder / "report.json").stat().st_mtime_ns
    assert encode(fitted_in(folder, recipe())) == encode(outcome)
    assert (folder / "report.json").stat().st_mtime_ns == before
    with pytest.raises(Misconfigured, match="another recipe"):
        fitted_in(folder, recipe(seed=1))


def test_stopped_it_goes_on_to_the_same_bytes(done, tmp_path, monkeypatch) -> None:
    folder, outcome = done
    noted = itertools.count()

    def killed(line: Any, steps: int) -> None:
        if next(noted) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted_in(tmp_path, recipe(), watch=killed)
    assert (tmp_path / "state.safetensors").exists() and not (tmp_path / "report.json").exists()
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(b'{"step": {"st')  # torn
    with pytest.raises(Misconfigured, match="another recipe"):
        fitted_in(tmp_path, recipe(seed=1))
    with monkeypatch.context() as elsewhere, pytest.raises(Misconfigured, match="other weights"):
        elsewhere.setattr(purifier, "fingerprint", lambda net: "retrained meanwhile")
        fitted_in(tmp_path, recipe())
    again = fitted_in(tmp_path, recipe())
    assert (again.artifact, again.curve, again.checks) == (outcome.artifact, outcome.curve, outcome.checks)
    assert (tmp_path / "history.jsonl").read_bytes() == (folder / "history.jsonl").read_bytes()


def test_the_rule_takes_the_least_cosine_whose_accuracy_holds() -> None:
    class Chosen(procedure._Run):
        def __init__(self, tolerance: float, *found: tuple[float, int]) -> None:
            checks = [
                Check(at, 0.0, cosine, Score("+" * right + "-" * (100 - right)), 0.0)
                for at, (cosine, right) in enumerate(found)
            ]
            self.checks = checks
            self.bench = bench.Bench(recipe(choose={"tolerance": tolerance}), None, (), (), (), (), ())  # type: ignore[arg-type]

    found = (1.0, 90), (0.2, 89), (-0.3, 80), (0.1, 95)
    assert [Chosen(t, *found).best().step for t in (0.01, 0.0, 0.2)] == [3, 3, 2]
    assert Chosen(0.0, (1.0, 90), (0.5, 10)).best().step == 0, "the identity is always allowed"


@pytest.mark.parametrize("members", [
    {"shows": {"variant": "topk", "top_k": 5}}, {"shows": {"variant": "rounded"}}, {"shows": {"variant": "argmax"}},
    {"texts": "samples", "proxies": 2, "purifier": {"centred": True, "budget": 0.01, **SHORT}},
])  # fmt: skip
def test_variants_share_the_recipe(members, tmp_path) -> None:
    quick = {**RECIPE["choose"], "controls": False}
    outcome = fitted_in(tmp_path, recipe(**{"purifier": SHORT, "choose": quick, **members}))
    assert outcome.matched == (), "nobody asked for controls"
    found = purifier.read(tmp_path)
    assert found.about.shows.variant == members.get("shows", {}).get("variant", "paper")
    if found.about.shows.variant == "argmax":
        assert outcome.agreement == 1.0
    if outcome.recipe["purifier"]["centred"]:
        assert found.m.b.mean(-1).abs().max() < 1e-6
        assert all(one.length <= 0.01 + 1e-6 for one in outcome.checks) and outcome.checks[-1].length > 0


def test_a_recipe_is_checked(tmp_path) -> None:
    for members, what in (
        ({"proxy": {"hiden": 3}}, "hiden"),
        ({"shows": {"top_k": 21}}, "top_k"),
        ({"teacher": {"kind": "endpoint", "name": "http://x/v1"}}, "open weights"),
        ({"purifier": {"rank": 0}}, "rank"),
    ):
        with pytest.raises(Misconfigured, match=what):
            recipe(**members)
    (tmp_path / "x.toml").write_text('task = { name = "steps" }\n')
    assert fits.read(tmp_path / "x.toml").name == "x"


def test_a_sheet_is_several_recipes_that_share_their_tables(tmp_path) -> None:
    (tmp_path / "s.toml").write_text(
        'texts = "samples"\ntask = { name = "steps" }\npurifier = { rank = 4, alpha = 0.3 }\n[[variants]]\n'
        'label = "a"\n[[variants]]\nlabel = "b"\ntexts = "gold"\npurifier = { alpha = 1.0 }\n'
    )
    found = fits.sheet(tmp_path / "s.toml")
    assert [(label, one.name) for label, one in found.items()] == [("a", "s-a"), ("b", "s-b")]
    assert [(one.texts, one.purifier.rank, one.purifier.alpha) for one in found.values()] == [
        ("samples", 4, 0.3), ("gold", 4, 1.0),
    ]  # fmt: skip
    with pytest.raises(Misconfigured, match=r"2 recipes \(a, b\)"):
        fits.read(tmp_path / "s.toml")
    for label, what in (("a", "of its own"), ("../b", "label"), ("", "label")):
        (tmp_path / "t.toml").write_text(
            f'task = {{ name = "steps" }}\n[[variants]]\nlabel = "a"\n[[variants]]\nlabel = "{label}"\n'
        )
        with pytest.raises(Misconfigured, match=what):
            fits.sheet(tmp_path / "t.toml")


def test_a_proxy_is_taught_once_for_all_variants_or_stays_as_it_comes() -> None:
    teacher = shipped("steps")
    first, second = (bench.made(recipe(shows={"variant": name}), teacher) for name in ("paper", "topk"))
    assert first.proxies[0] is second.proxies[0]
    plain = bench.made(recipe(taught=False), teacher)
    assert plain.taught[0].steps == 0 and procedure._told(plain.taught[0]) == "as it comes"
    fresh = TinyLearner(Tiny(**recipe().proxy.recipe), teacher.tokenizer).fresh(0)
    assert purifier.fingerprint(plain.proxies[0].net) == purifier.fingerprint(fresh.net)


# --- the parts


@pytest.fixture(scope="module")
def proxy() -> Any:
    teacher = shipped("steps")
    return TinyLearner(Tiny(hidden=16, layers=2, heads=2, intermediate=16), teacher.tokenizer).fresh(0)


def test_a_tail_is_the_student(proxy) -> None:
    """Its states through the head are the student's logits; theta is the last block's, and no other weight moves."""
    task = steps.build(steps.Config("easy", train=3))
    batch = Batch.of(encoded(proxy, examples(published(task.problems("train"))), 256).rows, proxy.pad)
    found = tail(proxy.net, batch)
    expected = kept_logits(proxy.net, batch)
    assert torch.allclose(found.states(found.theta) @ found.head.T, expected, atol=1e-5)
    block, _, _ = parts(proxy.net)
    assert block is proxy.net.model.layers[-1]
    assert sum(t.numel() for t in found.theta) == sum(p.numel() for p in block.parameters())
    moved = found.states(tuple(t + 0.1 for t in found.theta))
    assert not torch.allclose(moved, found.states(found.theta))
    assert torch.allclose(kept_logits(proxy.net, batch), expected), "the student stays as it is"


def test_a_net_that_does_something_behind_its_head_is_no_proxy(proxy) -> None:
    task = steps.build(steps.Config("easy", train=3))
    batch = Batch.of(encoded(proxy, examples(published(task.problems("train"))), 256).rows, proxy.pad)
    check(proxy.net, batch)
    scaled = proxy.copied().net
    scaled.lm_head.register_forward_hook(lambda _, given, out: out / 4)
    with pytest.raises(Misconfigured, match="capped, scaled"):
        check(scaled, batch)


def test_a_net_of_another_shape_is_no_proxy(proxy) -> None:
    class Odd(torch.nn.Module):
        def get_output_embeddings(self) -> Any:
            return torch.nn.Linear(2, 2)

    with pytest.raises(Misconfigured, match="cannot be a proxy student"):
        parts(Odd())


def test_the_rate_rises_then_falls_as_a_cosine() -> None:
    rates = [descent.schedule(step, 100, 0.1) for step in range(100)]
    assert rates[9] == 1.0 == max(rates) and rates[0] == pytest.approx(0.1)
    assert all(a >= b for a, b in itertools.pairwise(rates[9:]))
    assert rates[55] == pytest.approx(0.5, abs=0.02) and rates[-1] < 0.001
    assert descent.schedule(0, 1, 0.0) == 1.0


# --- the faces


def test_the_command_writes_a_page_that_needs_nothing_else(tmp_path, done) -> None:
    source = tmp_path / "mine.toml"
    source.write_text(
        'task = { name = "steps", config = { train = 9, proxy = 8, validation = 2 } }\n'
        "teacher = { temperature = 0.0, max_tokens = 64 }\n"
        "proxy = { hidden = 16, layers = 1, heads = 2, intermediate = 16, steps = 2 }\n"
        "purifier = { rank = 2, epochs = 1.0, batch = 6, together = 6 }\nchoose = { texts = 2, problems = 2 }\n"
    )
    said = CliRunner().invoke(app, ["fit", str(source), "-o", str(tmp_path / "out")])
    assert said.exit_code == 0, said.output
    assert "held out: cosine 1.000" in said.output and "report.html" in said.output
    page = (tmp_path / "out/report.html").read_text()
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page
    assert "A purifier of steps" in page and "until the answer starts" in page
    json.loads((tmp_path / "out/report.json").read_text())
    with source.open("a") as file:
        file.write('[[variants]]\nlabel = "one"\n[[variants]]\nlabel = "cut"\nshows = { variant = "topk" }\n')
    said = CliRunner().invoke(app, ["fit", str(source), "-o", str(tmp_path / "both")])
    assert said.exit_code == 0, said.output
    assert "one:\n" in said.output and "cut:\n" in said.output
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == ["cut", "one"]
    assert "by divergence" in said.output + (tmp_path / "both/one/report.html").read_text()


def test_hostile_text_stays_text(done) -> None:
    _, outcome = done
    evil = replace(outcome.samples[0], problem="<script>alert(1)</script>", after="a\u202eb")
    page = fitted.page(replace(outcome, samples=(evil,), model="<b>"))
    assert "<script>" not in page and "&lt;script&gt;" in page and "\\u{202e}" in page
    assert "A purifier of &lt;b&gt;" in page


def test_a_cmi_that_rests_on_nothing_is_no_number(done) -> None:
    _, outcome = done
    row = "(CMI)</th>"
    some = fitted.page(replace(outcome, cmi_tokens=1234)).partition(row)[2]
    assert "–" not in some.partition("</tr>")[0] and "1,234 tokens" in some
    none = fitted.page(replace(outcome, cmi_tokens=0)).partition(row)[2]
    assert none.partition("</tr>")[0].count(">–<") == 2 and "there is no CMI" in none


def test_the_headline_says_when_nothing_was_found(done) -> None:
    _, outcome = done
    assert "identity" in fitted.headline(replace(outcome, chosen=0))
    assert "agrees with the true one" in fitted.headline(replace(outcome, chosen=2))
