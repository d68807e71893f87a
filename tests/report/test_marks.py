"""The table of marks: recall and proof by student, shown as the twin has them."""

import random

import pytest
from msgspec.structs import replace as altered

from azeotrope.math.stats import clopper_pearson
from azeotrope.report.marks import marks
from azeotrope.report.page import page
from azeotrope.report.records import Report
from azeotrope.report.results import Group
from azeotrope.types import Cell, Recall, Score

FAMILIES = ("unit", "lemma", "town")


def recall(*hits: bool, rounds: int = 2) -> Recall:
    """Asked `rounds` times about each association, each answer naming one fresh value; those that hit do so at once."""
    lines = [(at, 1, hit and number == 0) for number in range(rounds) for at, hit in enumerate(hits)]
    return Recall(FAMILIES[: len(hits)], (30,) * len(hits), tuple(lines), 100_000, 1000, 1e-6)


def cell(seed: int, said: Recall | None, defense: str = "association") -> Cell:
    return Cell(f"{defense}{seed}", defense, "sft", "steps", seed, "confirm", "test", {"raw": Score("+-")}, recall=said)


def stages(*cells: Cell):
    return {"confirm": {(cells[0].defense, "sft"): Group(cells, ())}, "screen": {}}


def test_a_student_is_proved_when_its_hits_are_enough_and_not_before() -> None:
    whole, none = recall(True, True, True), recall(False, False, False)
    (found,) = marks(stages(cell(1, whole), cell(2, whole), cell(3, none)))
    assert (found.students, found.told, found.recall.value) == (3, 30, pytest.approx(2 / 3))
    assert found.recall.n == 9 and found.recall.seeds == 3
    assert [probes for probes, _ in found.proved] == [1, 2, 5, 6]
    rates = [share.value for _, share in found.proved]
    assert rates[0] == 0, "one hit of 100,000 values is no proof over 1,000 keys"
    assert rates[1:] == [pytest.approx(2 / 3)] * 3
    assert (found.proved[-1][1].low, found.proved[-1][1].high) == clopper_pearson(2, 3)


def test_families_are_told_apart() -> None:
    (found,) = marks(stages(cell(1, recall(True, False, True)), cell(2, recall(True, False, False))))
    assert {name: figure.value for name, figure in found.families.items()} == {"unit": 1, "lemma": 0, "town": 0.5}


def test_contexts_and_the_control_are_shares_of_answers_and_older_results_have_none() -> None:
    said = altered(
        recall(True, False, rounds=1), passes=2.5, contexts=(("bare", 0.0, True), ("turn", 0.7, False)),
        never=(("bare", 0.0, False, True), ("turn", 0.7, False, False)),
    )  # fmt: skip
    (found,) = marks(stages(cell(1, said), cell(2, altered(said, contexts=(("bare", 0.0, False),)))))
    assert {name: figure.value for name, figure in found.contexts.items()} == {"bare, 0": 0.5, "turn, 0.7": 0}
    assert found.exposures == 75 and found.never and found.confused
    assert (found.never.value, found.confused.value, found.confused.n) == (0, 0.5, 4)
    (older,) = marks(stages(cell(1, recall(True))))
    assert (older.exposures, older.contexts, older.never) == (0, {}, None)


def test_without_a_mark_there_is_no_row_and_a_screen_counts_where_nothing_else_does() -> None:
    assert marks(stages(cell(1, None))) == ()
    only = stages(cell(1, recall(True, True, True)))
    assert marks({"confirm": {}, "screen": only["confirm"]})[0].students == 1
    other = stages(cell(2, recall(True), defense="other"))
    (found,) = marks({"confirm": only["confirm"], "screen": other["confirm"]})
    assert found.defense == "association", "stages are not mixed"


def test_the_page_shows_it(lab: Report) -> None:
    rng = random.Random(3)
    told = {"contexts": (("bare", 0.7, True),), "never": (("bare", 0.7, False, False),)}
    said = [cell(seed, altered(recall(*(rng.random() < 0.8 for _ in FAMILIES)), **told)) for seed in range(1, 21)]
    board = altered(lab.boards[0], marks=marks(stages(*said)))
    text = page(altered(lab, boards=(board,)))
    assert "Marks that survive into students" in text
    assert 'data-at="/boards/0/marks/0/recall"' in text and 'data-at="/boards/0/marks/0/proved/3/1"' in text
    assert 'data-at="/boards/0/marks/0/contexts/bare%2C%200.7"' in text and 'data-at="/boards/0/marks/0/never"' in text
    assert "Marks that survive" not in page(altered(lab, boards=(lab.boards[1],)))
