"""Searchers on a finished table, as one HTML page and as lines. Recomputes nothing: its JSON twin has every number."""

# matplotlib is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from markupsafe import Markup

from azeotrope.optimize.replay import Curve, Mean, Replayed
from azeotrope.report.frame import framed
from azeotrope.report.svg import END, INK, POINT, drawn, plain

COLOURS = {"gepa": POINT, "opro": INK, "random": END}
STYLES: dict[str, Any] = {"gepa": "-", "opro": (0, (5, 2)), "random": (0, (1, 1.5))}


def page(found: Replayed) -> str:
    """The page."""
    best = drawn(lambda axes: _draw(axes, found, lambda curve: curve.best, "best so far, points"), told(found), "best")
    near = drawn(
        lambda axes: _draw(axes, found, lambda curve: curve.near, "within five points, % of seeds"), told(found), "near"
    )
    return framed(
        "replayed.html", found=found, best=Markup(best), near=Markup(near), headline=headline(found), points=points,  # noqa: S704 - escaped
        at=at(found), ranks=ranks(found),
    )  # fmt: skip


def headline(found: Replayed) -> str:
    """The first thing to know."""
    said = [
        f"{curve.kind} is within five points of the best in {points(curve.near[-1])} % of {found.seeds} searches"
        for curve in found.curves
    ]
    return f"After {len(found.curves[0].best)} evaluations {', '.join(said)}."


def lines(found: Replayed) -> Iterator[str]:
    """As the command line tells it."""
    yield (
        f"{found.entries} entries, best {100 * found.best_worth:.1f} points, {found.near} within five of it; "
        f"begun at the worst ({100 * found.start_worth:.1f}), {found.seeds} seeds"
    )
    yield ranks(found)
    for curve in found.curves:
        yield f"{curve.kind}: {curve.full:.1f} scored in full"
        for number in at(found):
            ahead = f", ahead of random by {points(curve.ahead_after[number - 1])}" if curve.ahead_after else ""
            near = points(curve.near[number - 1])
            yield f"  after {number:>3}: best {points(curve.best[number - 1])}, near {near} %{ahead}"
        if curve.ahead:
            yield f"  ahead of random, mean over all numbers of evaluations: {points(curve.ahead)}"


def ranks(found: Replayed) -> str:
    """How much the cheap score knows of the damage, and how rare the good ones are."""
    rank = found.rank
    said = f"{rank.value:.2f} [{rank.low:.2f}, {rank.high:.2f}]" if rank else "cannot be ranked"
    return (
        f"rank correlation (Spearman) of the cheap score with the damage: {said}, n = {found.ranked} entries taught at "
        f"both stages; {found.above} are above the floors, {found.near} of them within five points of the best"
    )


def at(found: Replayed) -> list[int]:
    """The numbers of evaluations that are told."""
    size = len(found.curves[0].best)
    return sorted({*(number for number in (1, 5, 10, 15, 20, 25, 30, 40, 50) if number < size), size})


def points(mean: Mean) -> str:
    """31.4 [28.1, 34.9]"""
    return f"{100 * mean.value:.1f} [{100 * mean.low:.1f}, {100 * mean.high:.1f}]"


def told(found: Replayed) -> str:
    """The curves in words."""
    return "; ".join(
        f"{curve.kind}: " + ", ".join(f"{number}: {points(curve.best[number - 1])}" for number in at(found))
        for curve in found.curves
    )


def _draw(axes: Any, found: Replayed, of: Callable[[Curve], tuple[Mean, ...]], label: str) -> None:
    for curve in found.curves:
        means, colour = of(curve), COLOURS.get(curve.kind, INK)
        x = range(1, len(means) + 1)
        axes.plot(x, [100 * one.value for one in means], color=colour, linewidth=1.6, linestyle=STYLES[curve.kind])
        low, high = [100 * one.low for one in means], [100 * one.high for one in means]
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.annotate(
            curve.kind,
            (len(means), 100 * means[-1].value),
            (4, 0),
            textcoords="offset points",
            color=colour,
            va="center",
        )
    axes.set_xlabel("evaluations", color=INK)
    axes.set_ylabel(label, color=INK)
    plain(axes)
