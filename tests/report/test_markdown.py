"""Tables that stay tables, in their place."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from azeotrope.errors import Misconfigured
from azeotrope.report import build
from azeotrope.report.headline import headline
from azeotrope.report.markdown import BEGIN, END, markdown, written
from azeotrope.report.measured import Measures
from azeotrope.report.records import Curve, Figure, Marked, Point, Report


def tables(text: str) -> list[list[list[str]]]:
    """Cells as GitHub's Markdown cuts them: at every | that no backslash escapes."""
    found: list[list[list[str]]] = [[]]
    for line in text.split("\n"):
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def test_a_table_for_each_task_with_every_defense(lab: Report) -> None:
    text = markdown(lab)
    found = tables(text)
    assert len(found) == len(lab.boards) == text.count("Controls: undefended")
    for table, board in zip(found, lab.boards, strict=True):
        assert {len(row) for row in table} == {8}
        assert table[1] == ["---"] * 8
        assert [row[1] for row in table[2:]] == [f"`{row.defense}`" for row in board.rows]
        for row, shown in zip(board.rows, table[2:], strict=True):
            assert shown[3].startswith(f"{100 * row.student.value:.1f} % [")
            assert "n = 60 × 5 seeds" in shown[3]
            assert shown[4] == f"{row.leakage.value:.2f} [{row.leakage.low:.2f}, {row.leakage.high:.2f}]"


@given(some.text(max_size=30))
def test_no_name_breaks_the_table_or_its_place(lab: Report, name: str) -> None:
    board = lab.boards[0]
    evil = replace(board, task=name, rows=tuple(replace(row, defense=name, attack=name) for row in board.rows))
    text = markdown(replace(lab, boards=(evil,), headline=(f"On {name} {END}",)))
    (table,) = tables(text)
    assert {len(row) for row in table} == {8}
    assert len(table) == 2 + len(board.rows)
    assert END not in text


def test_the_table_goes_between_its_marks_and_nothing_else_moves(lab: Report, tmp_path: Path) -> None:
    page, table = tmp_path / "README.md", markdown(lab)
    assert written(page, table) == table
    page.write_text(f"# before\n\n{BEGIN}old\n{END}\n\nafter\n")
    first = written(page, table)
    assert first == f"# before\n\n{BEGIN}{table}{END}\n\nafter\n"
    page.write_text(first)
    assert written(page, table) == first


@pytest.mark.parametrize("text", ["no place", f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}", BEGIN])
def test_a_page_without_one_place_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "README.md"
    page.write_text(text)
    with pytest.raises(Misconfigured, match="no place for the table"):
        written(page, "table")


def test_what_is_only_screened_is_shown_as_leads(made: Callable[..., Path]) -> None:
    found = markdown(build(made(n=60, confirm=0, attacks=("sft", "normalize", "public", "never")), Measures(draws=100)))
    assert "no leaderboard" in found and "a lead, flattered by the choice" in found
    rows = [line for line in found.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [
        "none", "paraphrase", "shuffle", "answer_first", "terse", "plan", "corrupt", "withhold",
    ], "each defense once"  # fmt: skip
    assert not any(f"| `{name}` |" in row for row in rows for name in ("public", "never")), "controls are no attacks"
    assert "Controls:" not in found


def test_learning_curves_are_a_table_by_steps_and_no_defense_needs_no_leaderboard(lab: Report) -> None:
    bare = tuple(square for square in lab.boards[0].squares if square.defense == "none")
    curves = (
        Curve("none", "text", (Point(200, Figure(0.25, 0.2, 0.3, 600, seeds=5)), Point(400, Figure(0.5)))),
        Curve("none", "fkl", (Point(400, Figure(0.75)),)),
    )
    board = replace(lab.boards[0], squares=bare, rows=(), curves=curves)
    text = markdown(replace(lab, boards=(board,), headline=("x",)))
    assert tables(text) == [[
        ["attack", "200 steps", "400 steps"],
        ["---"] * 3,
        ["`text`", "25.0 % [20.0, 30.0] (n = 600 × 5 seeds)", "50.0 % (n = 0)"],
        ["`fkl`", "–", "75.0 % (n = 0)"],
    ]]  # fmt: skip
    several = replace(board, curves=(*curves, replace(curves[1], defense="plan")))
    (table,) = tables(markdown(replace(lab, boards=(several,), headline=("x",))))
    assert table[0][:2] == ["defense", "attack"] and table[-1][:2] == ["`plan`", "`fkl`"]


def test_marks_are_a_table_and_the_headline_says_most_and_least(lab: Report) -> None:
    kept = Marked(
        "mark|10", "sft", 10, 250, Figure(0.9, 0.8, 0.95), {}, ((5, Figure(0.5)), (20, Figure(0.8, 0.4, 0.9))),
        1000, 1e-6, 320.4, never=Figure(0.0, n=500),
    )  # fmt: skip
    lost = replace(kept, attack="mix-90", recall=Figure(0.1), proved=((20, Figure(0.0)),), exposures=32, never=None)
    board = replace(lab.boards[0], marks=(lost, kept), rows=())
    said = headline(board)
    assert said.startswith("On steps students say most of mark|10 under sft: 90.0 % [80.0, 95.0] of the")
    assert "80.0 % [40.0, 90.0] of 10 students proved within 20 probes; least of mark|10 under mix-90: 10.0 %" in said
    assert said.endswith("(family-wise 1e-06 over 1,000 keys)."), "marks are not ranked by what students learn"
    assert "the strongest of 4 defenses is plan" in headline(replace(lab.boards[0], marks=(kept,)))
    marked, _ = tables(markdown(replace(lab, boards=(board,), headline=(said,))))
    assert marked[0] == [
        "defense",
        "attack",
        "students",
        "told",
        "read",
        "recall",
        "proved by 5",
        "proved by 20",
        "never told",
    ]
    assert marked[2] == ["`mark?10`", "`mix-90`", "10", "250", "32", "10.0 %", "–", "0.0 %", "–"]
    assert marked[3][-3:] == ["50.0 %", "80.0 % [40.0, 90.0]", "0.0 % of 500"]
