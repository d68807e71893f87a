"""Learning curves: an attack at several shares of the training budget, as one line of students against their steps."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from azeotrope.evaluate.plan import CURVE
from azeotrope.report.records import Curve, Judged, Point, Square


def curves(squares: Iterable[Square]) -> tuple[Curve, ...]:
    """Those with two points or more, in the order of the squares. Stages are not mixed: they differ in budget and
    problems, so what was only screened is left out of a curve that has confirmed points."""
    found: dict[tuple[str, str], list[Judged]] = {}
    for square in squares:
        stem, at, _ = square.attack.rpartition(CURVE)
        if at and square.shown:
            found.setdefault((square.defense, stem), []).append(square.shown)
    drawn = ((where, _points(judged)) for where, judged in found.items())
    return tuple(Curve(*where, points) for where, points in drawn if len(points) > 1)


def _points(judged: Iterable[Judged]) -> tuple[Point, ...]:
    kept = list(judged)
    kept = [one for one in kept if one.stage == "confirm"] or kept
    return tuple(sorted(map(_point, kept), key=lambda point: point.steps))


def _point(judged: Judged) -> Point:
    assert judged.raw is not None
    return Point(fmean(seed.steps for seed in judged.seeds), judged.raw)
