"""Rehearsals: the whole of an experiment, each architecture at two random layers, nothing fetched."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import read, standing_in
from azeotrope.evaluate.rehearsal import rehearse, shrunk
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
    assert ends == {"deepseek-ai": "<｜end▁of▁sentence｜>", "meta-llama": "<|eot_id|>", "google": "<end_of_turn>"}


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("paper_*.toml")), ids=lambda path: path.stem)
def test_what_the_papers_experiments_name_has_its_stand_in(
    path: Path, stand_ins: standing_in.StandIns, tmp_path: Path
) -> None:
    plan = read(path)
    small = shrunk(plan, stand_ins, tmp_path)
    assert [one.label for one in small.defenses] == [one.label for one in plan.defenses]
    assert {one.writer for one in (*small.defenses, *small.attacks)} == {
        "",
        "python:azeotrope.evaluate.rehearsal:rewriter",
    }
    assert "hf:" not in str(small)
    assert "127.0.0.1" not in str(small)
    recipe = plan.learner.recipe
    assert (recipe["rank"], recipe["alpha"], recipe["epochs"], recipe["rate"], recipe["batch"]) == (
        128,
        128,
        4,
        5e-4,
        32,
    )


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
