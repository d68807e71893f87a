"""Drawings beside the tables: what they show in words, when there is nothing to draw, and files that stand alone."""

import re
from xml.etree import ElementTree

import pytest
from docs.pictures import pictures, words

from azeotrope.report.recalling import recalling
from azeotrope.report.records import Board, Control, Figure, Marked, Report, Row
from azeotrope.report.weakest import weakest

EVIL = '<script>"&$x_1$'


def row(defense: str, value: float, rank: int = 1) -> Row:
    return Row(rank, "defense", defense, "", "sft", 1, 1, Figure(value, value - 0.1, value + 0.1))


def board(*rows: Row, marks: tuple[Marked, ...] = ()) -> Board:
    controls = (Control("undefended", "", "none", "sft", Figure(0.9)), Control("public only", "", "none", "public"))
    return Board("steps", "test", ("sft",), (), rows, controls, (), marks=marks)


def marked(defense: str, attack: str, exposures: float, value: float) -> Marked:
    figure = Figure(value, max(0, value - 0.2), min(1, value + 0.2))
    return Marked(defense, attack, 5, 100, figure, {}, (), 1000, 1e-6, exposures)


def test_the_weakest_cells_are_drawn_between_the_controls_that_were_run() -> None:
    svg = weakest(board(row(EVIL, 0.25), row("none", 0.9, 0)), "one")
    assert "by sft: 25.0 %" in words(svg) and "undefended: 90.0 %" in words(svg)
    assert "public only" not in svg and "<script" not in svg and "http" not in svg
    assert not set(re.findall(r'\bid="(?!one-)([^"]*)"', svg))
    assert weakest(board(row("none", 0.9, 0)), "one") == "", "nothing is ranked"
    assert weakest(board(), "one") == ""


@pytest.mark.parametrize(
    ("marks", "names"),
    [
        ((marked("mark-1", "sft", 32, 0.0), marked(EVIL, "sft", 320, 0.9)), ("mark-1, read 32 times: 0.0 %",)),
        ((marked("m", "sft", 32, 0.0), marked("m", "mix", 320, 0.9)), ("sft, read 32", "mix, read 320")),
        ((marked("m", "sft", 32, 0.0), marked("n", "mix", 320, 0.9)), ("m x sft, read 32", "n x mix, read 320")),
    ],
)
def test_marks_are_called_by_what_sets_them_apart(marks: tuple[Marked, ...], names: tuple[str, ...]) -> None:
    svg = recalling(marks, "one")
    assert all(name in words(svg) for name in names)
    assert "<script" not in svg and "http" not in svg


def test_a_mark_whose_readings_are_not_known_has_no_place() -> None:
    assert recalling((marked("m", "sft", 32, 0.5), marked("n", "sft", 0, 0.5)), "one") == ""


def test_a_picture_is_a_file_that_stands_alone() -> None:
    marks = (marked("mark-1", "sft", 32, 0.0), marked("mark-10", "sft", 320, 0.9))
    report = Report((), (board(row("plan", 0.5)), board(row("m", 0.9), marks=marks)), (), ())
    (first, second) = pictures("lab", report)
    assert (first[0], second[0]) == ("lab-steps-weakest.svg", "lab-steps-recall.svg")
    for _, told, svg in (first, second):
        drawn = ElementTree.fromstring(svg)
        assert drawn.tag == "{http://www.w3.org/2000/svg}svg" and drawn.get("aria-label")
        assert told == words(svg) and "--accent" in svg
        for name in set(re.findall(r"var\((--\w+)\)", svg)):
            assert f"{name}:" in svg, "every colour is the picture's own"
