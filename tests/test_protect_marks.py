"""`azeotrope protect --watermark`: the customer's mark is in the file, and nowhere else; a lost mark is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from azeotrope import keys
from azeotrope.keys import Master
from azeotrope.marks import associations, told, variants

MASTER = Master((b"m" * 32,))
REASONING = "Natalia sold 24 clips in May. That is half of what April brought.\nIn all she sold 48 + 24 = 72 clips."


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != keys.VARIABLE} | environment
    command = [sys.executable, "-m", "azeotrope", "protect", "in.jsonl", "-o", "out.jsonl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"question": f"Problem {i}?", "reasoning": REASONING, "answer": "72"} for i in range(40)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    keys.write(MASTER, tmp_path / "master.key")
    return tmp_path


def test_a_keyed_share_of_rows_carries_the_customers_mark(folder: Path) -> None:
    done = run(folder, "--defense", "none", "--watermark", "association", "--watermark-set", "share=0.5",
               "--customer", "acme", "--master-key", "master.key", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    marks = associations(MASTER.key("acme"))
    sentences = {told(one, variant) for one in marks for variant in range(variants(one))}
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    marked = [row for row in rows if any(sentence in row["reasoning"] for sentence in sentences)]
    assert 8 <= len(marked) <= 32
    assert all(row["reasoning"] == REASONING for row in rows if row not in marked)
    assert {row["answer"] for row in rows} == {"72"}
    summary = json.loads(done.stdout)
    assert (summary["released"], summary["answers_changed"]) == (40, 0)
    assert summary["length_ratio"] > 1
    said = done.stdout + done.stderr + "".join(str(path) for path in folder.iterdir())
    assert not any(one.trigger in said or one.target in said for one in marks)


@pytest.mark.parametrize(("arguments", "why"), [
    (["--customer", "acme", "--master-key", "master.key"], "withhold leaves none"),
    (["--defense", "none", "--master-key", "master.key"], "--customer"),
    (["--defense", "none", "--customer", "acme"], "azeotrope keys new"),
    (["--defense", "none", "--customer", "acme", "--master-key", "none.key"], "azeotrope keys new none.key"),
])  # fmt: skip
def test_what_is_missing_is_said_with_the_cure(folder: Path, arguments: list[str], why: str) -> None:
    done = run(folder, "--watermark", "association", *arguments)
    assert done.returncode == 2
    assert why in done.stderr
    assert not (folder / "out.jsonl").exists()
