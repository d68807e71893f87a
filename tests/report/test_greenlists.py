"""The table of token bias: shares, median p and proof by student, shown as the twin has them."""

import math

import pytest
from msgspec.structs import replace as altered

from azeotrope.report import tables
from azeotrope.report.greenlists import greenlists
from azeotrope.report.headline import headline
from azeotrope.report.page import page
from azeotrope.report.records import Report
from azeotrope.report.results import Group
from azeotrope.types import Cell, Greened, Greenness, Score


def greened(share: float, log_p: float) -> Greened:
    def of(rate: float, p: float) -> Greenness:
        return Greenness(round(1000 * rate), 1000, p)

    return Greened(of(share, log_p), of(0.5, -0.7), of(0.7, -300.0), 0.5, 1000, 1e-6)


def cell(seed: int, said: Greened | None, defense: str = "green") -> Cell:
    return Cell(f"{defense}{seed}", defense, "sft", "steps", seed, "confirm", "test", {"raw": Score("+")}, greened=said)


def stages(*cells: Cell):
    return {"confirm": {(cells[0].defense, "sft"): Group(cells, ())}, "screen": {}}


def test_a_student_is_proved_where_its_p_reaches_the_level_over_all_keys() -> None:
    level = math.log(1e-9)
    students = [cell(1, greened(0.6, level)), cell(2, greened(0.62, -50.0)), cell(3, greened(0.52, level + 1e-6))]
    (found,) = greenlists(stages(*students))
    assert found.proved.value == pytest.approx(2 / 3) and found.proved.n == 3
    assert found.own.value == pytest.approx(0.58) and (found.own.n, found.own.seeds) == (3000, 3)
    assert (found.taught.value, found.never.value, found.pairs) == (pytest.approx(0.7), pytest.approx(0.5), 1000)
    assert found.log_p == level


def test_without_a_bias_there_is_no_row_and_stages_are_not_mixed() -> None:
    assert greenlists(stages(cell(1, None))) == ()
    screened, confirmed = stages(cell(1, greened(0.6, -9.0))), stages(cell(2, greened(0.6, -9.0), "other"))
    assert greenlists({"confirm": {}, "screen": screened["confirm"]})[0].defense == "green"
    (found,) = greenlists({"confirm": confirmed["confirm"], "screen": screened["confirm"]})
    assert found.defense == "other"


def test_page_and_table_show_it(lab: Report) -> None:
    found = greenlists(stages(cell(1, greened(0.6, -50.0)), cell(2, greened(0.61, -60.0))))
    board = altered(lab.boards[0], greenlists=found)
    text = page(altered(lab, boards=(board,)))
    assert "Token bias in students' text" in text
    for name in ("own", "never", "taught", "proved", "log_p", "pairs"):
        assert f'data-at="/boards/0/greenlists/0/{name}"' in text
    assert "Token bias" not in page(altered(lab, boards=(lab.boards[1],)))
    rows = list(tables.greenlists(found))
    assert rows[-1].startswith("| `green` | `sft` | 2 | 1,000 | 50.0 % | 70.0 %") and "1.3e-24" in rows[-1]


def test_the_headline_says_it_and_ranks_no_mark(lab: Report) -> None:
    found = greenlists(stages(cell(1, greened(0.6, -50.0)), cell(2, greened(0.61, -60.0))))
    rows = tuple(altered(row, defense="green") for row in lab.boards[0].rows if row.rank == 1)
    said = headline(altered(lab.boards[0], greenlists=found, marks=(), logits=None, rows=rows))
    assert "students' text is greenest of green under sft: 60.5 %" in said and "of 2 students proved" in said
    assert "strongest" not in said and "only defense" not in said
