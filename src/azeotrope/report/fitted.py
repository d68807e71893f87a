"""What a fit found, as one HTML page that needs nothing else. Recomputes nothing: its JSON twin has every number."""

# matplotlib is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from azeotrope.fit.results import Match, Outcome
from azeotrope.report.frame import framed
from azeotrope.report.svg import END, FAINT, INK, POINT, drawn, plain
from azeotrope.report.words import chance, scored


def page(outcome: Outcome) -> str:
    """The page."""
    drawn_curve = Markup(curve(outcome)) if outcome.curve else ""  # noqa: S704 - escaped
    return framed(
        "fitted.html", found=outcome, shown=scored, chance=chance, number=number, headline=headline(outcome),
        control=control, curve=drawn_curve,
    )  # fmt: skip


def number(value: float | None) -> str:
    """Three digits; None is what JSON has for infinity."""
    return "infinite" if value is None else f"{value:.3g}"


def control(match: Match) -> str:
    """smooth: temper temperature = 1.31 costs 0.082 by cross-entropy, the purifier 0.082 (n = 3,214 tokens)"""
    settings = ", ".join(f"{name} = {value:g}" for name, value in match.config.items())
    unit = "problems" if match.by == "accuracy" else "tokens"
    is_ = "leaves" if match.by == "accuracy" else "costs"
    return (
        f"{match.control}: {match.defense} {settings} {is_} {number(match.reached)} by {match.by}, the purifier "
        f"{number(match.target)} (n = {match.n:,} {unit})"
    )


def headline(outcome: Outcome) -> str:
    """The first thing to know."""
    kept = next(check for check in outcome.checks if check.step == outcome.chosen)
    if outcome.chosen == 0:
        return (
            "No checkpoint protects within the accuracy that was asked for: the artifact is the identity. Lower the "
            "rate, or allow more tolerance."
        )
    lost = 100 * (outcome.before.rate - outcome.after.rate)
    return (
        f"A student's gradient from these logits agrees with the true one by {kept.cosine:.2f} (1: entirely), at a "
        f"cost of {lost:.1f} points of the teacher's accuracy ({chance(outcome.p_value)}, n = {outcome.before.asked})."
    )


def curve(outcome: Outcome) -> str:
    """The cosine over the steps; held out as points, the chosen one marked."""

    def draw(axes: Any) -> None:
        axes.axhline(0, color=FAINT, linewidth=1, zorder=0)
        axes.plot([one.step for one in outcome.curve], [one.cosine for one in outcome.curve], color=END, linewidth=1)
        for one in outcome.checks:
            axes.plot([one.step], [one.cosine], "o" if one.step == outcome.chosen else "s", color=POINT, markersize=5)
        axes.set_xlabel("step", color=INK)
        axes.set_ylabel("cos(g, g')", color=INK)
        plain(axes)

    told = "; ".join(f"step {one.step}: {one.cosine:.3f}" for one in outcome.checks)
    return drawn(draw, f"Cosine of the student's gradients, held out. {told}", "cosine")
