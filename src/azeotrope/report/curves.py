"""Learning curves: an attack at several shares of the training budget, as one line of students against their steps."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from azeotrope.evaluate.plan import CURVE
from azeotrope.report.records import Curve, Judged, Point, Square


def curves(squares: Iterable[Square]) -> tuple[Curve, ...]:
    """Those with two points or more, in the order of the squares; a point is the stage of the square that counts."""
    found: dict[tuple[str, str], list[Point]] = {}
    for square in squares:
        stem, at, _ = square.attack.rpartition(CURVE)
        if at and square.shown:
            found.setdefault((square.defense, stem), []).append(_point(square.shown))
    return tuple(
        Curve(defense, attack, tuple(sorted(points, key=lambda point: point.steps)))
        for (defense, attack), points in found.items()
        if len(points) > 1
    )


def _point(judged: Judged) -> Point:
    assert judged.raw is not None
    return Point(fmean(seed.steps for seed in judged.seeds), judged.raw)
