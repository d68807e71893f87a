"""The parts of the pages that are read off results."""

from __future__ import annotations

from docs.generate import prose
from docs.grid import grid
from docs.methods import methods
from msgspec.structs import replace

from azeotrope import catalog
from azeotrope.report.records import Board, Control, Figure, Report, Row


def row(defense: str, student: float, role: str = "defense", utility: float = 0.99) -> Row:
    return Row(
        rank=0, role=role, defense=defense, about="", attack="sft", attacks=2, screened=3,  # pyright: ignore[reportArgumentType]
        student=Figure(student, student - 0.1, student + 0.1, 600, 0, 5), leakage=Figure(student, 0.0, 1.0),
        utility=Figure(utility, 0.9, 1.0, 600), tokens=1.0,
    )  # fmt: skip


def report(*boards: Board) -> Report:
    return Report(headline=("",) * len(boards), boards=boards, cautions=(), runs=())


def board(task: str, *rows: Row) -> Board:
    answers = Control("answers only", "", "none", "answer_only", Figure(0.15, 0.1, 0.2, 600, 0, 5), "confirm")
    return Board(task=task, split="test", attacks=(), untaught=(), rows=rows, controls=(answers,), squares=())


def test_the_grid_has_a_line_a_defense_behind_the_undefended_the_strongest_first() -> None:
    easy = board("easy", row("plan", 0.5), row("none", 0.9, "undefended"), row("half", 0.1), row("terse", 0.6))
    hard = board("hard", row("none", 0.8, "undefended"), row("terse", 0.5), row("plan", 0.7, utility=0.95))
    lines = [line for line in grid(report(easy, hard)) if line.startswith("|")]
    assert [line.split(" | ")[0] for line in lines] == ["| defense", "| ---", "| *none*", "| `terse`", "| `plan`"], (
        "what one task has no confirmed cell of is not shown"
    )
    assert "| 50.0 % [40.0, 60.0] | 70.0 % [60.0, 80.0] |" in lines[4] and "| 99.0 %; 95.0 % |" in lines[4]
    assert "| 99.0 % |" in lines[2], "what is the same in both is said once"


def test_the_grid_takes_what_several_reports_measured_from_the_first_and_leaves_yardsticks_out() -> None:
    ours = report(board("easy", row("plan", 0.5), row("withhold", 0.5, "floor")))
    others = report(board("easy", row("plan", 0.4), row("terse", 0.3), row("corrupt", 0.1, "yardstick")))
    lines = [line for line in grid(ours, others) if line.startswith("|")][2:]
    assert [line.split(" | ")[:2] for line in lines] == [
        ["| `terse`", "30.0 % [20.0, 40.0]"],
        ["| `plan`", "50.0 % [40.0, 60.0]"],
        ["| *withhold*", "50.0 % [40.0, 60.0]"],
    ]


def test_the_grid_names_its_controls_and_what_it_rests_on() -> None:
    easy = board("easy", row("plan", 0.5))
    last = list(grid(report(easy, replace(easy, task="hard"))))[-1]
    assert "n = 600 × 5 seeds" in last and "answers only 15.0 % [10.0, 20.0]" in last


def test_a_name_from_a_results_file_breaks_no_table() -> None:
    lines = list(grid(report(board("easy", row("a|b`c", 0.5)))))
    assert all(line.count("|") == lines[1].count("|") for line in lines if line.startswith("|"))


def test_a_comments_indented_line_is_a_command_with_its_remark() -> None:
    assert prose(" What is asked.") == ["What is asked."]
    assert prose("   azeotrope fit a.toml      (writes a)") == ["", "* `azeotrope fit a.toml` (writes a)", ""]
    assert prose("   azeotrope fit a.toml") == ["", "* `azeotrope fit a.toml`", ""]


def test_every_method_is_told_with_each_of_its_settings() -> None:
    page = methods()
    for kind in catalog.KINDS:
        for name in catalog.names(kind):
            told = (
                page.partition(f"\n## {kind.capitalize()}\n")[2]
                .partition(f"\n### `{name}`\n")[2]
                .partition("\n### ")[0]
            )
            config = getattr(catalog.load(kind, name), "Config", None)
            for setting in config.__struct_fields__ if config else ():
                assert f"\n| `{setting}` | " in told, f"{kind}: {name}: {setting}"


def test_a_setting_is_told_with_its_bounds_default_and_what_stands_under_it() -> None:
    page = methods()
    assert (
        "| `attempts` | integer, ≥ 1, ≤ 10 | `2` | Times that the rewriter is asked for one trace, at most. |" in page
    )
    assert '| `placed_by` | "rewriter", "rule" | `"rewriter"` | rewriter: asked where there is one' in page
    assert "| `bounds.shortest` | integer, ≥ 1 | `20` | Characters;" in page, "a table's own settings"
    assert "| `limits.train` | integer, ≥ 0 or none | unset |" in page
