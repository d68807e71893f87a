"""The table of marks: recall and proof by student, shown as the twin has them."""

import random

import pytest
from msgspec.structs import replace as altered

from azeotrope.math.stats import clopper_pearson
from azeotrope.report import tables
from azeotrope.report.headline import headline
from azeotrope.report.marks import marks
from azeotrope.report.page import page
from azeotrope.report.recalling import recalling
from azeotrope.report.records import Report
from azeotrope.report.results import Group
from azeotrope.types import Cell, Recall, Score, Spent

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
    assert (older.exposures, older.contexts, older.never) == (None, {}, None)


def older(attack: str, passes: float = 2.0, queries: int = 20, examples: int = 20, **notes: object) -> Cell:
    """A result that does not say how often each association was read."""
    one = cell(1, altered(recall(True, False), passes=passes))
    return altered(one, attack=attack, spent=Spent(queries=queries, examples=examples, notes=dict(notes)))


@pytest.mark.parametrize(
    ("one", "readings"),
    [
        (older("sft"), 60),
        (older("mix-50", examples=40, public_examples=20, public_traces=6), 60),
        (older("two_accounts", accounts=2), 60),
        (older("reweight:mild", public_traces=64, weights_effective=0.9), 60),
        (older("sft+reword", sentences=9, sentences_reworded=9), 60),
        (older("sft", passes=0.0), None),
        (older("best_of_k", examples=5, different_samples=9), None),
        (older("relearn", examples=26, public_examples=6, public_traces=6), None),
        (older("twice", examples=40, own_examples=20), None),
        (older("sft+invert:checked", examples=15, inverter_dropped=9, inverter_public_traces=6), None),
        (older("sft+ngrams", ngrams_sentences=4, ngrams_characters=90), None),
        (older("sft+cut", cut_characters=90, cut_emptied=0), None),
        (older("sft+dedup", examples=19, duplicates=1), None),
        (older("sft+filter", examples=19, filtered_odd=0, filtered_wrong=1), None),
        (older("sft+paraphrase", writer_queries=20), None),
        (older("prefill", with_working=20), None),
        (older("elicit", with_working=20), None),
        (older("sft", failed_queries=2), None),
    ],
    ids=lambda one: one.attack if isinstance(one, Cell) else "",
)
def test_of_older_results_readings_are_known_where_every_trace_was_learned(one: Cell, readings: float | None) -> None:
    assert marks({"confirm": {("association", one.attack): Group((one,), ())}, "screen": {}})[0].exposures == readings


def test_what_was_counted_goes_before_what_is_inferred_and_a_student_without_leaves_all_unknown() -> None:
    counted, not_known = altered(recall(True, False), passes=9.0, read=(10.0, 20.0)), recall(True, False)
    assert marks(stages(cell(1, counted)))[0].exposures == 15
    assert marks(stages(cell(1, altered(counted, read=(0.0, 0.0)))))[0].exposures == 0
    assert marks(stages(cell(1, counted), cell(2, not_known)))[0].exposures is None


def test_what_is_not_known_is_a_dash_in_tables_a_gap_in_sentences_and_no_point_in_pictures(lab: Report) -> None:
    read, unread = (cell(seed, altered(recall(True, False), read=(30.0, 40.0))) for seed in (1, 2))
    unread = altered(unread, recall=recall(True, True), defense="unread")
    others = {(one.defense, "sft"): Group((one,), ()) for one in (read, unread)}
    found = marks({"confirm": others, "screen": {}})
    lines = list(tables.marks(found))
    assert "| 30 | 35 | " in lines[-2] and "| 30 | – | " in lines[-1]
    board = altered(lab.boards[0], marks=found, logits=None, greenlists=())
    said = headline(board)
    assert "of the associations, each read 35 times, and" in said and "0 times" not in said
    assert "under sft: 100.0 % [2.5, 100.0] of the associations and" in said
    assert recalling(found, "x") == "" and "read 35 times" in recalling([*found, altered(found[0], attack="a")], "x")
    assert '<span class="quiet">–</span>' in page(altered(lab, boards=(board,)))


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
