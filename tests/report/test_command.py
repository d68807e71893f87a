"""`azeotrope report` from outside."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured


@pytest.fixture(scope="module")
def small(made: Callable[..., Path]) -> Path:
    return made(("steps",), ("none", "withhold", "terse"), ("sft", "never", "answer_only"), n=20, seeds=2)


def ran(*arguments: object):
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_page_twin_and_tables_say_the_same(small: Path, tmp_path: Path) -> None:
    page, twin, readme = (tmp_path / "new" / name for name in ("report.html", "report.json", "README.md"))
    done = ran(small, "-o", page, "--json", twin, "--markdown", readme)
    assert done.exit_code == 0, done.output
    (headline,) = json.loads(twin.read_text())["headline"]
    assert headline in done.output
    assert "warnings; read them" in done.output
    assert headline in page.read_text()
    assert "| `terse` |" in readme.read_text().replace(" 1 |", " 1 |")
    assert sorted(path.name for path in page.parent.iterdir()) == ["README.md", "report.html", "report.json"]


def test_nothing_is_written_where_one_of_the_files_cannot_be(small: Path, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("no place")
    done = ran(small, "-o", tmp_path / "report.html", "--markdown", readme)
    assert isinstance(done.exception, Misconfigured)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md"]
    assert readme.read_text() == "no place"


def test_a_file_without_cells_is_a_mistake_to_mend(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.touch()
    done = ran(path)
    assert isinstance(done.exception, Misconfigured)
    assert "holds no cell yet" in str(done.exception)


def test_a_report_needs_no_torch(small: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import azeotrope.report.page as page\n"
        "from azeotrope.report import build, measured\n"
        "page.page(build(Path(sys.argv[1]), measured.Measures(draws=100)))\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code, str(small)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
