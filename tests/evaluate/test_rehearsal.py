"""Rehearsals: the whole of an experiment, each architecture at two random layers, nothing fetched."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import read, standing_in
from azeotrope.evaluate.rehearsal import Rehearsed, rehearse, shrunk
from azeotrope.fit import sheet
from azeotrope.models.open import Open
from azeotrope.types import Request

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
EXPERIMENT = """
[teacher]
kind = "hub"
name = "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"
[learner]
kind = "hub"
model = "google/gemma-2-2b-it"
[[tasks]]
name = "gsm8k"
[[defenses]]
name = "instruct"
writer = "http://127.0.0.1:9/v1#openai/gpt-oss-120b"
[[attacks]]
name = "sft"
"""


@pytest.fixture(scope="module")
def stand_ins() -> standing_in.StandIns:
    return standing_in.read(EXPERIMENTS / "stand_ins.toml")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "small.toml").write_text(EXPERIMENT)
    (tmp_path / "stand_ins.toml").write_text((EXPERIMENTS / "stand_ins.toml").read_text())
    return tmp_path / "small.toml"


def test_every_stage_comes_to_its_end(written: Path) -> None:
    said = CliRunner().invoke(app, ["evaluate", str(written), "--dry-run", "--tiny"])
    assert said.exit_code == 0, said.output
    assert "the teacher behind instruct: ran, 2 released" in said.output
    for cell in (
        "none x answer_only, seed 0, screen",
        "instruct x sft, seed 0, screen",
        "instruct x sft, seed 1, confirm",
    ):
        assert f"{cell}: ran, 2 steps" in said.output
    assert said.output.endswith("12 rehearsed, 0 with a fault\n")
    assert sorted(path.name for path in written.parent.iterdir()) == ["small.toml", "stand_ins.toml"]


def test_of_one_defense_only_its_cells_and_the_controls_are_rehearsed(written: Path) -> None:
    written.write_text(EXPERIMENT + '\n[[defenses]]\nname = "withhold"\n')
    said = CliRunner().invoke(app, ["evaluate", str(written), "--dry-run", "--tiny", "--only", "withhold"])
    assert said.exit_code == 0, said.output
    assert "withhold x sft, seed 0, screen: ran" in said.output
    assert "none x answer_only, seed 0, screen: ran" in said.output
    assert "instruct" not in said.output
    unknown = CliRunner().invoke(app, ["evaluate", str(written), "--dry-run", "--tiny", "--only", "nobody"])
    assert "no defense is called nobody" in str(unknown.exception)


def test_stand_ins_are_what_they_stand_for(stand_ins: standing_in.StandIns, tmp_path: Path) -> None:
    """Two layers of the same architecture, heads in the same ratio, turns that end as the real template has it."""
    ends = {}
    for name, what in stand_ins.models.items():
        model = Open.load(standing_in.model(what, tmp_path / what.type), device="cpu")
        config = model.net.config
        assert (config.model_type, config.num_hidden_layers) == (what.type, 2)
        assert config.num_attention_heads / config.num_key_value_heads == what.heads / what.kv_heads
        assert config.tie_word_embeddings == what.config["tie_word_embeddings"]
        asked = Request.of("2+2?", max_tokens=40)
        assert model.dialect.prompt(asked, model.tokenizer).startswith(what.begin)
        assert standing_in.saying(model, "four: \\boxed{4}").answers([asked])[0].answer == "four: \\boxed{4}"
        ends[name.partition("/")[0]] = model.tokenizer.decode([model.end])
    assert ends == {
        "deepseek-ai": "<｜end▁of▁sentence｜>", "meta-llama": "<|eot_id|>", "google": "<end_of_turn>",
        "Qwen": "<|im_end|>",
    }  # fmt: skip


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("paper_*.toml")), ids=lambda path: path.stem)
def test_what_the_papers_experiments_name_has_its_stand_in(
    path: Path, stand_ins: standing_in.StandIns, tmp_path: Path
) -> None:
    plan = read(path, unfitted=True)
    small = shrunk(plan, stand_ins, tmp_path)
    assert [one.label for one in small.defenses] == [one.label for one in plan.defenses]
    writers = {one.writer for one in (*small.defenses, *small.attacks)}
    assert writers <= {"", "python:azeotrope.evaluate.rehearsal:rewriter"}
    assert "hf:" not in str(small)
    assert "127.0.0.1" not in str(small)


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("paper_cmi*.toml")), ids=lambda path: path.stem)
def test_a_papers_purifiers_are_fitted_as_the_source_has_them(
    path: Path, stand_ins: standing_in.StandIns, tmp_path: Path
) -> None:
    plan = read(path, unfitted=True)
    assert plan.fits and Path(plan.fits.recipe).parent.name == "fits"
    recipes = sheet(EXPERIMENTS.parent / plan.fits.recipe)
    assert list(recipes) == ["paper", "argmax", "topk", "rounded", "lambda0"]
    for label, recipe in recipes.items():
        fitted = recipe.purifier
        assert (fitted.rank, fitted.alpha, fitted.epochs, fitted.batch, fitted.rate) == (32, 0.5, 5.0, 32, 5e-7)
        assert fitted.weight == (0.0 if label == "lambda0" else 1.0)
        assert recipe.teacher.name == plan.teacher.name and recipe.proxy.recipe["model"] in stand_ins.models
        assert recipe.proxy.recipe["model"] != plan.learner.recipe["model"], "proxy and student differ"
    named = {one.config["artifact"] for one in plan.defenses if one.name == "purify"}
    assert named == {f"{plan.fits.folder}/{label}/purifier.safetensors" for label in recipes}
    small = shrunk(plan, stand_ins, tmp_path)
    moved = {one.config["artifact"] for one in small.defenses if one.name == "purify"}
    assert moved == {str(tmp_path / "fits" / label / "purifier.safetensors") for label in recipes}


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("paper_trace*.toml")), ids=lambda path: path.stem)
def test_rewriting_is_learned_as_the_source_has_it(path: Path) -> None:
    recipe = read(path).learner.recipe
    assert (recipe["rank"], recipe["alpha"], recipe["epochs"], recipe["rate"], recipe["batch"]) == (
        128,
        128,
        4,
        5e-4,
        32,
    )


FITTED = """
fits = {{ recipe = "{recipe}", folder = "fits/x" }}
[teacher]
kind = "hub"
name = "Qwen/Qwen2.5-7B"
[learner]
kind = "hub"
model = "Qwen/Qwen2.5-3B"
[[tasks]]
name = "gsm8k"
[[defenses]]
name = "purify"
label = "paper"
config = {{ artifact = "fits/x/paper/purifier.safetensors", until = "end" }}
[[attacks]]
name = "depurify"
label = "invert"
config = {{ undo = "known", artifact = "fits/x/paper/purifier.safetensors", on = "gold" }}
behind = ["paper"]
"""
RECIPE = """
taught = false
task = { name = "gsm8k" }
teacher = { kind = "hub", name = "Qwen/Qwen2.5-7B" }
proxy = { kind = "hub", model = "Qwen/Qwen2.5-1.5B" }
[[variants]]
label = "paper"
"""


def test_purifiers_are_rehearsed_from_their_fit_to_their_inverse(
    tmp_path: Path, stand_ins: standing_in.StandIns
) -> None:
    """The fit takes two steps; what it leaves is then served, and undone by who knows it. No model of the names is."""
    (tmp_path / "fits.toml").write_text(RECIPE)
    (tmp_path / "x.toml").write_text(FITTED.format(recipe=tmp_path / "fits.toml"))
    ran = list[Rehearsed]()
    for one in rehearse(read(tmp_path / "x.toml", unfitted=True), stand_ins):
        ran.append(one)
        if "x invert" in one.what:
            break
    assert [one.reason for one in ran if one.reason] == []
    assert (ran[0].what, ran[0].steps) == ("fit paper", 2)
    assert (ran[-1].what, ran[-1].steps) == ("gsm8k: paper x invert, seed 0, screen", 2)
    assert not (tmp_path / "fits").exists()


def test_what_has_no_stand_in_is_refused(written: Path, stand_ins: standing_in.StandIns) -> None:
    written.write_text(EXPERIMENT.replace("google/gemma-2-2b-it", "some/other"))
    with pytest.raises(Misconfigured, match="nothing stands in for the model some/other; there are: deepseek-ai"):
        next(rehearse(read(written), stand_ins))
    written.write_text(EXPERIMENT)
    with pytest.raises(Misconfigured, match="nothing stands in for the data hf:openai/gsm8k"):
        next(rehearse(read(written), standing_in.StandIns(stand_ins.models)))
    written.write_text(EXPERIMENT.replace('"hub"\nname', '"endpoint"\nname'))
    with pytest.raises(Misconfigured, match="asks nobody"):
        next(rehearse(read(written), stand_ins))
