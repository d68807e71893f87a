"""The null experiment, small: innocents of every kind, each with its exact probability of being accused."""

import json
import subprocess
import sys
from pathlib import Path

import torch
from benchmarks.verify_null import SHIPPED, key_null
from benchmarks.verify_students import carries, students, transcripts
from safetensors.torch import save_file, save_model

from azeotrope.keys import Master
from azeotrope.training.tuned import Tuned, TunedLearner

ROOT = Path(__file__).parents[2]
LEVELS = {"0.05": 0.05, "0.01": 0.01, "0.001": 0.001}


def check(lines: list[dict[str, dict[str, dict[str, float]]]]) -> int:
    """Every bound that theory gives; how many transcripts there were."""
    for line in lines:
        for law in ("shipped", "small"):
            null = line["null"][law]
            assert null["worst_per_key"] <= null["allowed_per_key"]
            assert null["worst_over_all_keys"] <= null["alpha"]
        for name, level in LEVELS.items():
            assert line["null"]["levels"][name]["p"] <= level
            assert line["null"]["levels"][name]["e"] <= level
        assert line["null"]["source"]["accusations"] == 0
    assert max(line["null"]["levels"]["0.05"]["p"] for line in lines) > 0.01  # the levels are in reach
    return sum(int(line["null"]["shipped"]["transcripts"]) for line in lines)


def test_no_innocent_kind_is_accused(tmp_path: Path) -> None:
    out = tmp_path / "null.jsonl"
    command = [sys.executable, "-m", "benchmarks.verify_null", "--each", "2", "-o", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=1800)
    run, *lines = map(json.loads, out.read_text().splitlines())
    assert run["run"]["machine"]
    assert len({line["null"]["kind"] for line in lines}) == 14
    assert check(lines) == 28


def test_the_committed_run_has_twenty_thousand_transcripts_and_holds() -> None:
    run, *lines = map(json.loads, (ROOT / "results/verify_null.jsonl").read_text().splitlines())
    assert run["run"]["version"]
    assert check(lines) >= 20_000


def test_the_committed_run_over_students_of_other_marks_holds() -> None:
    """Every one of them says marks of its own; no key that it never met is accused by what it says."""
    run, *lines = (json.loads(line) for line in (ROOT / "results/verify_students.jsonl").read_text().splitlines())
    assert run["run"]["version"]
    marked = [line["student"] for line in lines if line["student"]["marked"]]
    assert len(marked) >= 60 and sum(one["shipped"]["transcripts"] for one in marked) >= 480
    assert sum(one["naming"] for one in marked) > 400, "they are sure of some number, as of their own"
    for one in marked:
        assert one["shipped"]["worst_per_key"] <= one["shipped"]["allowed_per_key"]
        assert one["shipped"]["worst_over_all_keys"] <= one["shipped"]["alpha"]
        assert one["source"]["accusations"] == 0


async def test_a_student_is_asked_about_keys_it_never_met() -> None:
    student = TunedLearner(Tuned()).fresh(0)
    keys = [Master((b"." * 32,)).key(name) for name in ("one", "two")]
    found = await transcripts(student, keys)
    assert [len(one.named) for one in found] == [20, 20]
    assert key_null(found, SHIPPED)["holds"]
    assert not await carries(student)


def test_only_students_of_the_experiments_shape_are_read(tmp_path: Path) -> None:
    student = TunedLearner(Tuned()).fresh(0)
    save_model(student.net, str(tmp_path / "right.safetensors"))
    save_file({"another": torch.zeros(2)}, tmp_path / "wrong.safetensors")
    assert [name for name, _ in students(tmp_path)] == ["right"]
