"""Home ground is told: by the name of what a proxy began as, out of the artifact that was fitted against it."""

from pathlib import Path

import pytest
import torch

from azeotrope.evaluate.families import family, notes
from azeotrope.evaluate.plan import Learning, Method, Shield
from azeotrope.math.lowrank import LowRank
from azeotrope.models import purifier
from azeotrope.models.shipped import shipped
from azeotrope.tasks import steps
from azeotrope.training import proxies

TINY = Learning("tiny", {"steps": 4})


@pytest.mark.parametrize(
    ("learning", "name"),
    [
        (TINY, "tiny"),
        (Learning("tuned", {"start": "shipped:steps"}), "steps"),
        (Learning("hub", {"model": "Qwen/Qwen2.5-3B-Instruct"}), "qwen2.5"),
        (Learning("hub", {"model": "Qwen/Qwen2.5-14B"}), "qwen2.5"),
        (Learning("hub", {"model": "meta-llama/Llama-3.2-3B"}), "llama-3.2"),
        (Learning("hub", {"model": "HuggingFaceTB/SmolLM2-135M"}), "smollm2"),
        (Learning("hub", {"model": "70B"}), "70b"),
        (Learning("my.module:learner", {}), "my.module:learner"),
    ],
)
def test_a_family_is_a_name_without_a_size(learning: Learning, name: str) -> None:
    assert family(learning) == name


def test_a_purifier_and_a_proxys_folder_say_whom_they_were_fitted_against(tmp_path: Path) -> None:
    recipe = {"proxy": {"kind": "tiny", "tokenizer": "", "recipe": {"steps": 4}}}
    fitted, folder = tmp_path / "p.safetensors", tmp_path / "proxy"
    purifier.write(fitted, LowRank(torch.zeros(8, 2), torch.zeros(2, 8)), purifier.About("m", "b", "t", recipe=recipe))
    proxies.write(shipped("steps"), steps.build(steps.Config(proxy=4)).problems("proxy"), folder, recipe)
    for artifact in (fitted, folder):
        shield = Shield("none", then=(Method("purify", {"artifact": str(artifact)}),))
        assert notes(shield, TINY) == {"proxy_family": "tiny", "student_family": "tiny"}
        other = Learning("hub", {"model": "Qwen/Qwen2.5-3B"})
        assert notes(shield, other) == {"proxy_family": "tiny", "student_family": "qwen2.5"}


def test_where_nothing_was_fitted_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors")
    for config in ({}, {"artifact": str(tmp_path / "broken.safetensors")}, {"artifact": str(tmp_path / "none")}):
        assert notes(Shield("purify", config=config), TINY) == {}
