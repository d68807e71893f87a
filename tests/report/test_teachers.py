"""An experiment in which only the teacher is asked: who is told of, paired with the undefended one, and how."""

from collections.abc import Container
from pathlib import Path

from msgspec.structs import replace

from azeotrope.codec import encode
from azeotrope.report import build
from azeotrope.report.markdown import markdown
from azeotrope.report.measured import Measures
from azeotrope.report.page import page
from azeotrope.report.records import Report
from azeotrope.types import Cell, Run, Score, Utility

RIGHT = {"none": 180, "paper": 160, "argmax": 20}


def found(folder: Path, *stolen: str, bare: bool = True, greedy: Container[str] = RIGHT) -> Report:
    """Teachers right on the first so many of 200 problems; `stolen`: the defenses that a student learned behind."""
    lines: list[dict[str, object]] = [{"run": Run("c", "1", "abc", "2 cores", "2026-11-25")}]
    for name, right in RIGHT.items():
        scores = {"raw": Score("+" * right + "-" * (200 - right))}
        scores |= {"greedy": Score("+" * 190 + "-" * 10)} if name in greedy else {}
        if bare or name != "none":
            lines.append({"utility": Utility(f"u/{name}", name, "steps", "test", scores)})
    for name in ("none", *stolen):
        lines.append({"cell": Cell(f"c/{name}", name, "sft", "steps", 0, "screen", "validation", {"raw": Score("+-")})})
    path = folder / "x.jsonl"
    path.write_bytes(b"".join(encode(line) + b"\n" for line in lines))
    return build(path, Measures(draws=200))


def test_every_teacher_is_told_of_paired_with_the_undefended(tmp_path) -> None:
    (board,) = (report := found(tmp_path)).boards
    told = {one.defense: one for one in board.teachers}
    assert list(told) == list(RIGHT)
    assert {name: round(200 * one.right["raw"].value) for name, one in told.items()} == RIGHT
    assert told["none"].p_values == {}
    assert told["paper"].p_values["raw"] < 1e-4 and told["paper"].p_values["greedy"] == 1
    assert "80.0 %" in report.headline[0] and "behind paper" in report.headline[0]
    assert "10.0 %" in report.headline[0] and "behind argmax" in report.headline[0]


def test_where_a_student_learned_behind_a_defense_the_leaderboard_says_it(tmp_path) -> None:
    (board,) = (report := found(tmp_path, "paper")).boards
    assert board.teachers == ()
    assert "teacher, greedy" not in markdown(report) and "The teacher behind each defense" not in page(report)


def test_without_the_undefended_teacher_there_is_no_chance_to_tell(tmp_path) -> None:
    (board,) = (report := found(tmp_path, bare=False)).boards
    assert [one.defense for one in board.teachers] == ["paper", "argmax"]
    assert all(one.p_values == {} for one in board.teachers) and "undefended" not in report.headline[0]


def test_page_and_table_show_it_and_hostile_names_stay_text(tmp_path) -> None:
    report = found(tmp_path)
    assert "`argmax` | 10.0 % [" in markdown(report) and "p < 0.001" in markdown(report)
    shown = page(report)
    assert 'data-at="/boards/0/teachers/1/right/greedy"' in shown
    assert 'data-at="/boards/0/teachers/2/p_values/raw"' in shown
    evil = replace(report.boards[0].teachers[1], defense="<script>x</script>")
    assert "<script>" not in page(replace(report, boards=(replace(report.boards[0], teachers=(evil,)),)))


def test_a_column_that_only_some_have_is_shown(tmp_path) -> None:
    report = found(tmp_path, greedy=("paper",))
    assert "teacher, greedy" in markdown(report) and markdown(report).count("95.0 %") == 1
    assert 'data-at="/boards/0/teachers/1/right/greedy"' in page(report)
    assert report.boards[0].teachers[1].p_values.keys() == {"raw"}
