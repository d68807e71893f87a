"""Fixtures: `lab` is a folder with a small experiment that needs no weights (see microlab.py)."""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from azeotrope.evaluate import Experiment, read

HERE = Path(__file__).parent
HEAD = """
[teacher]
kind = "python"
name = "microlab:teacher"
[learner]
kind = "microlab:Copying"
[[tasks]]
name = "micro"
[confirm]
seeds = [1, 2]
worst = 1
"""


@dataclass(frozen=True)
class Lab:
    folder: Path

    def write(self, body: str, head: str = HEAD) -> Path:
        path = self.folder / "x.toml"
        path.write_text(head + body)
        return path

    def plan(self, body: str, head: str = HEAD) -> Experiment:
        return read(self.write(body, head))

    @property
    def results(self) -> Path:
        return self.folder / "results" / "x.jsonl"

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """Whole lines of the results."""
        text = self.results.read_text() if self.results.exists() else ""
        found = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        return [line[kind] for line in found if kind in line]

    def log(self, word: str) -> list[str]:
        """What happened, without process ids."""
        path = self.folder / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.rpartition(" ")[0].partition(" ")[2] for line in lines if line.startswith(word)]

    def pids(self, word: str) -> set[int]:
        return {int(line.rpartition(" ")[2]) for line in (self.folder / "log").read_text().splitlines()
                if line.startswith(word)}  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Methods come through entry points, here and in processes that are started meanwhile."""
    home = tmp_path / "site"
    offered = home / "microlab-1.dist-info"
    offered.mkdir(parents=True)
    shutil.copy(HERE / "microlab.py", home)
    (offered / "METADATA").write_text("Metadata-Version: 2.1\nName: microlab\nVersion: 1\n")
    (offered / "entry_points.txt").write_text(
        "[azeotrope.tasks]\nmicro = microlab:task\n[azeotrope.attacks]\ndeed = microlab:attack\n"
    )
    monkeypatch.syspath_prepend(str(home))
    monkeypatch.delitem(sys.modules, "microlab", raising=False)
    monkeypatch.setenv("PYTHONPATH", f"{home}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep))
    monkeypatch.setenv("MICROLAB_LOG", str(tmp_path / "log"))
    return Lab(tmp_path)
