"""Who stands where, and what is said beside it."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from azeotrope.math import stats
from azeotrope.report import tables, words
from azeotrope.report.board import IDENTITY, PARAPHRASE, UNTAUGHT, board
from azeotrope.report.cautions import cautions
from azeotrope.report.headline import headline
from azeotrope.report.measured import Measures
from azeotrope.report.page import page
from azeotrope.report.records import Board, Report
from azeotrope.report.results import Results, read
from azeotrope.types import Cell, Score, Spent, Utility

QUICK = Measures(draws=200)


def verdicts(share: float, n: int = 40, miss: str = "-", seed: int = 0) -> str:
    """Exactly that share is right, in a drawn order."""
    letters = ["+"] * round(share * n) + [miss] * (n - round(share * n))
    random.Random(seed).shuffle(letters)
    return "".join(letters)


def cells(
    defense: str, attack: str, share: float, seeds: int = 5, stage: str = "confirm", miss: str = "-", **more: object
) -> list[Cell]:
    """Students of one kind; `more` goes into the notes of each."""
    return [
        Cell(
            f"{defense}/{attack}/{seed}/{stage}", defense, attack, "steps", seed,
            "confirm" if stage == "confirm" else "screen", "test" if stage == "confirm" else "validation",
            {"raw": Score(verdicts(share, miss=miss, seed=seed))}, Spent(notes=dict(more)),
        )
        for seed in range(seeds)
    ]  # fmt: skip


def utility(defense: str, share: float, tokens: int = 100) -> Utility:
    return Utility(defense, defense, "steps", "test", {"raw": Score(verdicts(share))}, {}, tokens)


def told(*kinds: list[Cell], utilities: tuple[Utility, ...] = (), remarks: tuple[str, ...] = ()) -> tuple[Board, str]:
    """(the board, all its cautions)."""
    results = Results([], [cell for kind in kinds for cell in kind], list(utilities), remarks=list(remarks))
    found = board(results, "steps", QUICK)
    return found, "\n".join(one.text for one in cautions(results, [found]))


ENDS = (cells("none", "sft", 0.8), cells("withhold", "sft", 0.05), cells("none", "never", 0.0))


def test_a_defense_is_judged_by_its_best_attack_however_good_it_is_against_the_others() -> None:
    many = [cells("weak", f"harmless-{i}", 0.0) for i in range(6)]
    found, _ = told(*ENDS, *many, cells("weak", "clever", 0.5), cells("even", "sft", 0.3), cells("even", "clever", 0.3))
    ranked = [(row.rank, row.defense, row.attack) for row in found.rows if row.rank]
    assert ranked == [(1, "even", "clever"), (2, "weak", "clever")]
    assert {square.attack for square in found.squares if square.defense == "weak" and square.weakest} == {"clever"}
    assert next(row for row in found.rows if row.defense == "weak").student.value == pytest.approx(0.5)


def test_students_that_asked_no_teacher_are_controls_and_judge_nobody() -> None:
    found, _ = told(*ENDS, cells("none", "public", 0.95), cells("plan", "sft", 0.1), cells("plan", "public", 0.95))
    assert {row.defense: row.attack for row in found.rows} == {"none": "sft", "withhold": "sft", "plan": "sft"}
    named = {control.name: control.student.value for control in found.controls if control.student}
    assert named == {"undefended": 0.8, "public only": 0.95, "never distilled": 0.0}
    assert found.attacks == ("sft", "public", "never")
    assert found.untaught == ("public", "never")


def test_screened_cells_make_no_leaderboard() -> None:
    found, said = told(
        *ENDS,
        cells("plan", "sft", 0.1),
        cells("plan", "invert", 0.9, 1, "screen"),
        cells("new", "sft", 0.0, 1, "screen"),
    )
    assert [row.defense for row in found.rows if row.rank] == ["plan"]
    assert found.unranked == ("new",)
    assert "Only screened, so not on the leaderboard: new" in said
    assert "invert on plan screened at 90.0 %" in said
    assert "may be weaker" in said


def test_controls_floor_and_yardsticks_have_no_rank() -> None:
    found, _ = told(*ENDS, cells("paraphrase", "sft", 0.75), cells("corrupt", "sft", 0.0), cells("plan", "sft", 0.2))
    assert {row.defense: (row.role, row.rank) for row in found.rows} == {
        "corrupt": ("yardstick", 0), "withhold": ("floor", 0), "plan": ("defense", 1), "paraphrase": ("control", 0),
        "none": ("undefended", 0),
    }  # fmt: skip
    assert "the only defense tested is plan" in headline(found)


def test_leakage_is_1_undefended_and_0_withheld_and_half_way_between() -> None:
    found, _ = told(cells("none", "sft", 0.8), cells("withhold", "sft", 0.2), cells("half", "sft", 0.5))
    leakage = {row.defense: row.leakage for row in found.rows}
    for name, value in {"none": 1.0, "withhold": 0.0, "half": 0.5}.items():
        assert leakage[name] is not None
        assert leakage[name].value == pytest.approx(value)
    assert leakage["half"].low < 0.5 < leakage["half"].high


def test_there_is_no_ratio_where_nothing_could_leak_or_an_end_is_missing() -> None:
    found, said = told(cells("none", "sft", 0.2), cells("withhold", "sft", 0.2), cells("plan", "sft", 0.2))
    assert all(row.leakage is None and "includes 0" in row.no_ratio for row in found.rows)
    assert "No leakage for 3 of 3 defenses" in said
    assert "There is no leakage to tell: the interval" in headline(found)
    found, said = told(cells("none", "sft", 0.8), cells("plan", "sft", 0.2))
    assert {row.no_ratio for row in found.rows} == {"nothing is confirmed on withholding"}
    apart = [
        Cell(f"{c.digest}!", c.defense, c.attack, c.task, c.seed + 50, c.stage, c.split, c.scores)
        for c in cells("plan", "sft", 0.2)
    ]
    found, _ = told(*ENDS, apart)
    assert "no seed in common" in next(row.no_ratio for row in found.rows if row.defense == "plan")


def test_only_the_seeds_that_all_have_enter_a_leakage() -> None:
    found, said = told(*ENDS, cells("plan", "sft", 0.2), cells("plan", "mix", 0.1, seeds=3))
    plan = next(row for row in found.rows if row.defense == "plan")
    assert (plan.student.seeds, plan.leakage.seeds) == (5, 3)
    assert "Fewer than 5 seeds" not in said
    assert "rests on the seeds that all of its attacks have, fewer than its student's: plan (3 of 5)." in said
    (line,) = (line for line in tables.leaderboard(found) if "`plan`" in line)
    assert f"| {words.ratio(plan.leakage)} (n = 40 × 3 seeds) |" in line
    assert f"Leakage {words.ratio(plan.leakage)} (n = 40 × 3 seeds)." in headline(found)
    assert "n = 40 × 3 seeds" in page(Report(("x",), (found,), (), ()))


@pytest.mark.parametrize("end", ["none", "withhold"])
def test_a_control_of_fewer_seeds_takes_none_from_a_leakage(end: str) -> None:
    plain, unsaid = told(*ENDS, cells("plan", "sft", 0.2))
    found, said = told(*ENDS, cells("plan", "sft", 0.2), cells(end, "answer_only", 0.025, seeds=1))
    own, other = ({row.defense: row.leakage for row in one.rows} for one in (found, plain))
    assert own == other and {one.seeds for one in own.values()} == {5}
    assert f"so in no end of the scale of leakage: answer_only on {end} (1 of 5)." in said
    assert "no end of the scale" not in unsaid
    assert not any("× 1 seed" in line for line in tables.leaderboard(found))


def test_the_best_on_an_end_counts_whatever_seeds_it_has() -> None:
    found, said = told(*ENDS, cells("plan", "sft", 0.2), cells("none", "answer_only", 0.9, seeds=2))
    plan = next(row for row in found.rows if row.defense == "plan")
    assert plan.leakage.seeds == 2 and plan.leakage.value == pytest.approx((0.2 - 0.05) / (0.9 - 0.05), abs=0.02)
    assert "plan (2 of 5)" in said and "no end of the scale" not in said


def test_intervals_are_those_of_the_statistics() -> None:
    found, _ = told(*ENDS, cells("plan", "sft", 0.2), cells("plan", "sft", 0.3, 1, "screen"))
    square = next(one for one in found.squares if one.defense == "plan")
    confirmed, screened = square.stages
    arm = [cell.scores["raw"].verdicts for cell in cells("plan", "sft", 0.2)]
    expected = stats.mean_accuracy(arm, rng=np.random.default_rng(0), draws=200)
    assert (confirmed.raw.value, confirmed.raw.low, confirmed.raw.high) == expected
    assert (screened.raw.low, screened.raw.high) == stats.wilson(12, 40)
    assert (confirmed.raw.n, confirmed.raw.seeds) == (40, 5)


def test_utility_is_paired_with_the_undefended_teacher() -> None:
    own, bare = utility("plan", 0.5, 30), utility("none", 0.9)
    found, said = told(*ENDS, cells("plan", "sft", 0.2), utilities=(own, bare))
    rows = {row.defense: row for row in found.rows}
    assert rows["plan"].p_value == stats.mcnemar(bare.scores["raw"].verdicts, own.scores["raw"].verdicts).p_value < 0.05
    assert rows["plan"].tokens == pytest.approx(0.3)
    assert rows["none"].p_value is None
    assert "behind plan differs" in said
    assert "Utility was not measured: withhold" in said


def test_neighbours_are_told_apart_only_by_their_paired_difference() -> None:
    found, said = told(*ENDS, cells("a", "sft", 0.3), cells("b", "sft", 0.32), cells("c", "sft", 0.7))
    assert {row.defense: row.tied for row in found.rows if row.rank} == {"a": True, "b": False, "c": False}
    assert "a and b" in said
    assert "b and c" not in said
    assert "not set apart from b." in headline(found)


def test_a_student_that_withholding_leaves_too_is_told_to_be_out_of_reach() -> None:
    regrown = cells("withhold", "sft+invert", 0.6), cells("plan", "sft+invert", 0.6)
    found, _ = told(*ENDS, *regrown, cells("plan", "sft", 0.2))
    assert "Withholding leaves the same student" in headline(found)
    found, _ = told(*ENDS, *regrown, cells("plan", "sft", 0.7))
    assert "Withholding leaves" not in headline(found)


def test_what_does_not_beat_a_paraphrase_is_named() -> None:
    _, said = told(*ENDS, cells("paraphrase", "sft", 0.75), cells("idle", "sft", 0.74), cells("plan", "sft", 0.1))
    assert "Not shown to do more than a plain paraphrase: idle." in said


def test_where_no_paraphrase_was_run_that_is_said() -> None:
    missing = "No plain paraphrase was run"
    assert missing in told(*ENDS, cells("plan", "sft", 0.1))[1]
    assert missing not in told(*ENDS, cells("plan", "sft", 0.1), cells("paraphrase", "sft", 0.7, 1, "screen"))[1]
    assert missing not in told(*ENDS)[1]  # there is no defense to hold against it


def test_an_attack_that_fails_on_the_teacher_itself_is_no_evidence() -> None:
    answers = (cells("none", "answer_only", 0.1), cells("none", "answer_only", 0.05, 1, "screen"))
    weak = (cells("none", "elicit", 0.0, 1, "screen"), cells("none", "mix", 0.3, 1, "screen"))
    points = (cells("none", "sft@0.1", 0.0), cells("plan", "prefill", 0.0))
    _, said = told(*ENDS, *answers, *weak, *points)
    assert "than its answers alone: elicit. That they" in said
    assert "than its answers alone" not in told(*ENDS, *weak)[1]  # nothing to compare with
    _, said = told(*ENDS, cells("none", "answer_only", 0.9))
    assert "than its answers alone: sft." in said


def test_few_seeds_missing_controls_failures_collapse_and_family_are_told() -> None:
    broken = Cell("x", "plan", "mix", "steps", 0, "screen", "validation", reason="no public data")
    home = {"proxy_family": "tiny", "student_family": "tiny"}
    _, said = told(*ENDS, cells("plan", "sft", 0.1, 3, miss="@", **home), [broken], remarks=("torn",))
    assert "Fewer than 5 seeds: plan x sft (3)." in said
    assert "Controls that were not run: answers only and public only." in said
    assert "Cells that failed and have no score: 1 x no public data." in said
    assert "At the weakest cell of plan most misses are degenerate" in said
    assert "Fitted against tiny, the family of the thief's student, so judged on home ground: plan." in said
    assert "torn" in said


def test_verdicts_stay_apart() -> None:
    every = [Cell("a", "none", "sft", "steps", 0, "confirm", "test", {"raw": Score("+-0>@?" * 3)})]
    found, said = told(every)
    judged = found.squares[0].shown
    assert judged.verdicts == {"right": 3, "wrong": 3, "no_answer": 3, "no_stop": 3, "loop": 3, "failed": 3}
    assert judged.raw.value == pytest.approx(3 / 15)
    assert (judged.raw.n, judged.raw.failed) == (18, 3)
    assert "Problems that could not be asked, and are in no denominator: 3." in said


def test_subjects_are_shown_on_both_sides() -> None:
    both = {"raw": Score("++--"), "raw:algebra": Score("--"), "raw:law": Score("++"), "forced:law": Score("++")}
    students = [Cell("a", "plan", "sft", "mmlu", 0, "confirm", "test", both)]
    results = Results([], students, [Utility("u", "plan", "mmlu", "test", both)])
    row = board(results, "mmlu", QUICK).rows[0]
    assert {name: figure.value for name, figure in row.subjects.items()} == {"algebra": 0.0, "law": 1.0}
    assert row.utility_subjects.keys() == {"algebra", "law"}


def test_costs_are_ranges_over_students() -> None:
    pair = [
        Cell(f"{n}", "plan", "sft", "steps", n, "confirm", "test", {"raw": Score("+-")}, Spent(n, cpu_seconds=n / 2))
        for n in (10, 30)
    ]
    (cost,) = told(pair)[0].costs
    assert (cost.students, cost.queries, cost.cpu_seconds) == (2, (10, 30), (5.0, 15.0))


def test_a_grid_that_is_only_screened_says_so(made: Callable[..., Path]) -> None:
    results = read(made(("steps",), ("none", "plan"), ("sft", "never"), n=20, seeds=0))
    found = board(results, "steps", QUICK)
    assert not found.rows
    assert "no defense has a confirmed cell yet" in headline(found)
    assert "3 of 3 cells are screened" in headline(found)


def test_the_strongest_of_a_whole_grid_is_the_one_whose_worst_is_least(lab: Report) -> None:
    for found, said in zip(lab.boards, lab.headline, strict=True):
        ranked = [row for row in found.rows if row.rank]
        values = [row.student.value for row in ranked]
        assert values == sorted(values)
        assert f"the strongest of {len(ranked)} defenses is {ranked[0].defense}" in said
        for row in found.rows:
            rivals = [
                s.shown.raw.value
                for s in found.squares
                if s.defense == row.defense and s.shown.stage == "confirm" and s.attack not in UNTAUGHT
            ]
            assert row.student.value == max(rivals)


def test_the_names_are_those_of_the_grid() -> None:
    from azeotrope.evaluate import grid

    assert (IDENTITY, PARAPHRASE, UNTAUGHT) == (grid.IDENTITY, grid.PARAPHRASE, grid.UNTAUGHT)
