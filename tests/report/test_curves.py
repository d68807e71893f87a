"""Learning curves: which cells make one, and that a page shows it without eyes and without names from elsewhere."""

import re

from azeotrope.report.curves import curves
from azeotrope.report.learning import learning
from azeotrope.report.records import Curve, Figure, Judged, Point, Seed, Square


def judged(steps: int, value: float, stage="confirm") -> Judged:
    figure = Figure(value, value - 0.05, value + 0.05, 600, seeds=2)
    seeds = tuple(Seed(seed, figure, steps=steps + seed) for seed in (0, 2))
    return Judged(stage, "test", raw=figure, seeds=seeds)


def square(attack: str, *stages: Judged) -> Square:
    return Square("none", attack, stages)


def test_an_attack_at_several_budgets_is_a_curve_by_its_steps() -> None:
    found = curves([
        square("fkl@1", judged(400, 0.7)),
        square("fkl@0.5", judged(200, 0.3)),
        square("text@1", judged(400, 0.6)),
        square("sft", judged(400, 0.6)),
        square("@home", judged(1, 0.1)),
    ])  # fmt: skip
    assert [(curve.defense, curve.attack) for curve in found] == [("none", "fkl")], "one point is no curve"
    assert [(point.steps, point.student.value) for point in found[0].points] == [(201, 0.3), (401, 0.7)]


def test_stages_are_not_mixed_and_failures_are_left_out() -> None:
    failed = Judged("confirm", "test", failures=("no room",))
    both = [
        square("a@0.1", judged(10, 0.5), judged(5, 0.1, "screen")),
        square("a@0.2", failed, judged(20, 0.6, "screen")),
        square("a@0.3", failed),
        square("a@0.4", judged(40, 0.7)),
    ]
    (found,) = curves(both)
    assert [(point.steps, point.student.value) for point in found.points] == [(11, 0.5), (41, 0.7)]
    (screened,) = curves([square(f"a@{at}", judged(at, 0.6, "screen")) for at in (1, 2)])
    assert len(screened.points) == 2
    assert curves(both[:2]) == (), "one confirmed point is no curve"


def test_the_drawing_says_in_words_what_it_shows_and_escapes_names() -> None:
    evil = '<script>"&$x_1$'
    curve = Curve("none", evil, (Point(200, Figure(0.25)), Point(400, Figure(0.75, 0.5, 1.0))))
    svg = learning([curve], "one")
    told = re.search(r'aria-label="([^"]*)"', svg)
    assert told and "200 steps 25.0 %" in told[1] and "400 steps 75.0 %" in told[1] and "&lt;script&gt;" in told[1]
    assert "<script" not in svg and "http" not in svg
    assert not set(re.findall(r'\bid="(?!one-)([^"]*)"', svg))
    assert learning([], "none") == ""
