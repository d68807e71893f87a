"""What is left of the logits' advantage: shares at their fixed points, none where there is no advantage, floors kept
apart, the page and the table as the twin has them."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from azeotrope.codec import encode
from azeotrope.report import build, markdown
from azeotrope.report.measured import Measures
from azeotrope.report.page import page
from azeotrope.report.records import Logits, Report
from azeotrope.types import Cell, Run, Score, Spent, Utility

SEEDS, N = (1, 2, 3, 4, 5), 200
LOGITS, LABELS = "all logits, teacher-forced on samples", "top-1 labels, teacher-forced on samples"
UNDEFENDED = {"text": (0.4, ""), "greedy": (0.55, ""), "labels": (0.6, LABELS), "fkl": (0.8, LOGITS)}


def verdicts(rate: float, rng: random.Random, n: int = N) -> Score:
    """Each problem has its own hardness, the same for everyone: pairs matter."""
    return Score("".join("+" if (at % 100) / 100 + rng.uniform(-0.02, 0.02) < rate else "-" for at in range(n)))


def written(folder: Path, cells: dict[tuple[str, str], tuple[float, str]], stages: Sequence[str] = ("confirm",),
            utilities: dict[str, tuple[float, float]] | None = None) -> Path:  # fmt: skip
    rng = random.Random(5)
    lines: list[dict[str, Any]] = [{"run": Run("c", "1", "abc", "2 cores", "2026-11-25")}]
    for name, (raw, greedy) in (utilities or {}).items():
        scores = {"raw": verdicts(raw, rng), "greedy": verdicts(greedy, rng)}
        lines.append({"utility": Utility(f"u/{name}", name, "steps", "test", scores)})
    for (defense, attack), (rate, profile) in cells.items():
        for stage in stages:
            for seed in SEEDS if stage == "confirm" else (0,):
                spent = Spent(notes={"profile": profile} if profile else {})
                lines.append({"cell": Cell(
                    f"{defense}/{attack}/{seed}/{stage}", defense, attack, "steps", seed, stage,  # type: ignore[arg-type]
                    "test" if stage == "confirm" else "validation", {"raw": verdicts(rate, rng)}, spent,
                )})  # fmt: skip
    path = folder / "x.jsonl"
    path.write_bytes(b"".join(encode(line) + b"\n" for line in lines))
    return path


def found(folder: Path, cells: dict[tuple[str, str], tuple[float, str]], **more: Any) -> tuple[Report, Logits]:
    bare = {("none", attack): one for attack, one in UNDEFENDED.items()}
    report = build(written(folder, {**bare, **cells}, **more), Measures(draws=300))
    assert report.boards[0].logits is not None
    return report, report.boards[0].logits


def test_a_share_is_one_undefended_and_nought_at_the_floor(tmp_path) -> None:
    cells = {("kept", "fkl"): (0.8, LOGITS), ("taken", "fkl"): (0.4, LOGITS), ("half", "fkl"): (0.6, LOGITS)}
    _, logits = found(tmp_path, cells)
    assert (logits.attack, [floor.attack for floor in logits.floors]) == ("fkl", ["text", "labels"])
    assert [floor.advantage.value for floor in logits.floors if floor.advantage] == pytest.approx([0.4, 0.2], abs=0.01)
    left = {row.defense: (row.weakest.first.value, row.weakest.second.value) for row in logits.rows}
    assert left["kept"] == pytest.approx((1, 1), abs=0.05)
    assert left["taken"] == pytest.approx((0, -1), abs=0.1)
    assert left["half"] == pytest.approx((0.5, 0), abs=0.1)
    for row in logits.rows:
        for one in (row.weakest.first, row.weakest.second):
            assert one.low <= one.value <= one.high and (one.n, one.seeds) == (N, 5)


def test_the_weakest_cell_counts_and_is_held_against_the_best(tmp_path) -> None:
    cells = {("paper", "fkl"): (0.45, LOGITS), ("paper", "invert"): (0.8, LOGITS), ("paper", "greedy"): (0.9, "")}
    _, logits = found(tmp_path, cells)
    (row,) = logits.rows
    assert row.weakest.attack == "invert" and row.weakest.first.value == pytest.approx(1, abs=0.05)
    assert [(one.attack, one.twin) for one in row.shares] == [("invert", ""), ("fkl", "fkl")], "text took no logits"


def test_where_logits_add_nothing_there_is_no_ratio_and_that_is_the_headline(tmp_path) -> None:
    bare = {("none", "text"): (0.8, ""), ("none", "fkl"): (0.8, LOGITS), ("paper", "fkl"): (0.2, LOGITS)}
    report = build(written(tmp_path, bare), Measures(draws=300))
    logits = report.boards[0].logits
    assert logits and not any(floor.shown for floor in logits.floors)
    (row,) = logits.rows
    assert row.weakest.first is None and row.weakest.second is None
    assert "not shown to teach anything that cannot be had without them" in report.headline[0]
    assert "no ratio" in page(report) and "no ratio" in markdown.markdown(report)


def test_one_floor_may_be_passed_and_the_other_not(tmp_path) -> None:
    cells = {("none", "greedy"): (0.8, ""), ("paper", "fkl"): (0.4, LOGITS), ("plain", "fkl"): (0.41, LOGITS)}
    report, logits = found(tmp_path, cells)
    assert [floor.shown for floor in logits.floors] == [True, False]
    assert all(row.weakest.first is not None and row.weakest.second is None for row in logits.rows)
    assert "Least of what they add to text alone is left by paper" in report.headline[0]
    assert "not shown to do more than plain" in report.headline[0]


def test_who_is_not_beaten_is_said(tmp_path) -> None:
    cells = {("paper", "fkl"): (0.5, LOGITS), ("scramble", "fkl"): (0.5, LOGITS), ("noise", "fkl"): (0.75, LOGITS)}
    _, logits = found(tmp_path, cells)
    unbeaten = {row.defense: row.unbeaten for row in logits.rows}
    assert unbeaten == {"paper": ("scramble",), "scramble": ("paper",), "noise": ("paper", "scramble")}


def test_the_teacher_pays_by_how_it_answers(tmp_path) -> None:
    _, logits = found(tmp_path, {("paper", "fkl"): (0.4, LOGITS)},
                      utilities={"none": (0.9, 0.98), "paper": (0.6, 0.98)})  # fmt: skip
    raw, greedy = logits.rows[0].paid
    assert (raw.kind, greedy.kind) == ("raw", "greedy")
    assert raw.lost - raw.gained == round(N * (raw.before - raw.after)) and raw.p_value < 0.001
    assert raw.change[1] <= raw.change[0] <= raw.change[2] < 0 < greedy.p_value


def test_what_is_only_screened_is_held_against_the_screen(tmp_path) -> None:
    _, logits = found(tmp_path, {("paper", "fkl"): (0.6, LOGITS)}, stages=("screen",))
    assert logits.stage == "screen" and logits.rows[0].shares[0].stage == "screen"
    assert logits.rows[0].shares[0].student.seeds == 1


def test_until_a_defense_is_confirmed_the_screen_counts(tmp_path) -> None:
    bare = {("none", attack): one for attack, one in UNDEFENDED.items()}
    both = written(tmp_path, bare, ("confirm",)).read_bytes() + written(
        tmp_path, {**bare, ("paper", "fkl"): (0.6, LOGITS)}, ("screen",)
    ).read_bytes()  # fmt: skip
    (tmp_path / "both.jsonl").write_bytes(both)
    found = build(tmp_path / "both.jsonl", Measures(draws=300)).boards[0].logits
    assert found and found.stage == "screen" and found.rows[0].weakest and found.rows[0].weakest.first


def test_without_logits_there_is_no_section(lab: Report) -> None:
    assert all(board.logits is None for board in lab.boards)
    assert "logits' advantage" not in page(lab)


def test_the_page_shows_it_and_hostile_names_stay_text(tmp_path) -> None:
    report, logits = found(
        tmp_path, {("paper", "fkl"): (0.6, LOGITS)}, utilities={"none": (0.9, 0.98), "paper": (0.8, 0.9)}
    )
    text = page(report)
    assert "What is left of the logits' advantage" in text
    assert 'data-at="/boards/0/logits/rows/0/weakest/first"' in text
    assert 'data-at="/boards/0/logits/rows/0/paid/1/p_value"' in text
    table = markdown.markdown(report)
    assert "left over best without logits" in table and "`paper`" in table and "% (n = 200, p" in table
    evil = replace(logits.rows[0], defense="<script>x</script>", unbeaten=("<b>",))
    board = replace(report.boards[0], logits=replace(logits, rows=(evil,)))
    hostile = page(replace(report, boards=(board,)))
    assert "<script>" not in hostile and "<b></td>" not in hostile
