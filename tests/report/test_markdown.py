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
from azeotrope.report.markdown import BEGIN, END, markdown, written
from azeotrope.report.measured import Measures
from azeotrope.report.records import Report


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
