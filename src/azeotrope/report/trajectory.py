"""The wealth of one mark, answer by answer, drawn: a step line on a logarithmic scale, and the level that proves.

Takes its colours from the page and names nothing outside of it. Knows no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from azeotrope.verify.records import Line

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 240, 52, 34, 14


def trajectory(lines: Sequence[Line], log_e: float, name: str) -> Markup:
    """`log_e`: ln of the e-value that proves. `name`: whose wealth it is, for who cannot see it."""
    values = [0.0, *(line.log_e / math.log(10) for line in lines)]
    proof = log_e / math.log(10)
    low, high = math.floor(min(0.0, *values)), math.ceil(max(proof, *values)) + 1

    def x(at: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 12) * at / max(1, len(lines)), 1)

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low), 1)

    told = f"e-value of {name} after {len(lines)} probes: 10 to the power of {values[-1]:.1f}; {proof:.1f} proves"
    parts = [Markup('<svg role="img" aria-label="{}" viewBox="0 0 {} {}">').format(told, WIDTH, HEIGHT)]
    parts += [_tick(y(value), value) for value in range(low, high + 1, max(1, (high - low) // 6))]
    parts.append(
        Markup('<line class="proof" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(LEFT, WIDTH - 12, y(proof), y(proof))
    )
    parts.append(Markup('<text class="proof" x="{}" y="{}">proof</text>').format(LEFT + 6, y(proof) - 5))
    path = "".join(f"H{x(at)}V{y(value)}" for at, value in enumerate(values[1:], 1))
    parts.append(Markup('<path class="wealth" d="M{} {}{}"/>').format(x(0), y(0.0), path))
    parts += [_point(x(at), y(line.log_e / math.log(10)), line) for at, line in enumerate(lines, 1)]
    parts.append(
        Markup('<text x="{}" y="{}" text-anchor="end">probes, in the order in which they were asked</text>').format(
            WIDTH - 12, HEIGHT - 8
        )
    )
    return Markup("").join([*parts, Markup("</svg>")])


def _tick(at: float, value: int) -> Markup:
    line = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(LEFT, WIDTH - 12, at, at)
    label = Markup('<text x="{}" y="{}" text-anchor="end">10<tspan dy="-5" font-size="9">{}</tspan></text>')
    return line + label.format(LEFT - 8, at + 4, value)


def _point(x: float, y: float, line: Line) -> Markup:
    """A dot for a hit, a cross for a failure; other answers are the line's own corners."""
    if line.hit:
        return Markup('<circle class="hit" cx="{}" cy="{}" r="5"/>').format(x, y)
    if line.outcome == "failed":
        return Markup('<text class="failed" x="{}" y="{}" text-anchor="middle">×</text>').format(x, y - 6)
    return Markup("")
