"""Accuracy over trainings: what to expect of another seed on other problems, and the leakage between defenses.

Every seed's student answers the same problems, so seeds and problems are crossed, not nested. Each draw takes seeds
with replacement, then problems with replacement, the same for all seeds and for all arms that are compared: fresh
problems for each seed would pretend that five students on 200 problems had seen 1,000.
The interval is the percentile interval, expanded for few seeds (Hesterberg, Am. Stat. 69, 2015, there with n - 1
degrees of freedom): the jackknife over seeds says how much of the variance is theirs, and so how many degrees of
freedom there are (Satterthwaite). It cannot reach beyond the worst and the best seed by more than the problems add.
Measured at 95 % with 200 problems: where seeds differ wildly (accuracies with a standard deviation of 0.23), 2, 3, 5
and 10 seeds cover 78, 88, 91 and 95 %; where they hardly differ it is cautious, 98 %. Of one seed it speaks of that
student alone.
"""

# scipy is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from azeotrope.errors import Misconfigured
from azeotrope.math.stats.verdicts import Array, Estimate, Verdicts, right_and_asked, wilson

Arm = Sequence[Verdicts]
"""One kind of student, one entry a seed, all on the same problems."""

_Weighted = Callable[[Array, Array], Array]
"""(weights of seeds [R,S], weights of problems [R,P]) -> the statistic under each, [R]; nan where there is none."""

_CHUNK = 500
"""Draws at once: bounds memory at this many times the problems."""


def mean_accuracy(arm: Arm, *, rng: np.random.Generator, level: float = 0.95, draws: int = 10_000) -> Estimate:
    """The mean over seeds of right over asked, with its bootstrap interval.

    Where every seed has all right, or none, no draw differs from another and the bootstrap would claim to know the rate
    exactly: there it is Wilson's interval on one seed's problems, as few as any has (students agree, so more of them
    count for no more).
    """
    cube = _cube([arm])
    right, asked = cube.right.sum(-1), cube.asked.sum(-1)
    estimate = _estimate(lambda seeds, problems: _best(cube, seeds, problems), cube, rng, level, draws)
    if not right.any() or (right == asked).all():
        fewest = int(asked.min())
        return Estimate(estimate.value, *wilson(fewest if right.any() else 0, fewest, level))
    return estimate


def difference_of_means(
    first: Arm, second: Arm, *, rng: np.random.Generator, level: float = 0.95, draws: int = 10_000
) -> Estimate:
    """Mean accuracy of second minus that of first, with its bootstrap interval; paired by seed and by problem."""
    one, two = _cubes([first], [second])
    return _estimate(lambda s, p: _best(two, s, p) - _best(one, s, p), one, rng, level, draws)


def advantage(
    floor: Sequence[Arm], ceiling: Sequence[Arm], *, rng: np.random.Generator, level: float = 0.95,
    draws: int = 10_000,
) -> Estimate:  # fmt: skip
    """Best of the ceiling's arms minus best of the floor's, mean accuracies, each best chosen anew in each draw: what
    there is to take away, the denominator of `leakage`. Paired by seed and by problem.
    """
    low, high = _cubes(floor, ceiling)
    return _estimate(lambda s, p: _best(high, s, p) - _best(low, s, p), low, rng, level, draws)


def leakage(
    defense: Sequence[Arm], withhold: Sequence[Arm], undefended: Sequence[Arm], *, rng: np.random.Generator,
    level: float = 0.95, draws: int = 10_000,
) -> Estimate | None:  # fmt: skip
    """(best on the defense - best on withhold) / (best on undefended - best on withhold): 1 undefended, 0 withheld.

    Each argument has one arm an attack; the best is the largest mean accuracy, chosen anew in each draw. None, no
    ratio, where the denominator's interval reaches 0: there was nothing to leak. (The few draws without a positive
    denominator are left out.) The maximum of several noisy arms is too large on average: attacks are to be chosen on
    other problems and other seeds than those judged here.
    """
    defended, floor, ceiling = _cubes(defense, withhold, undefended)

    def gap(seeds: Array, problems: Array) -> Array:
        return _best(ceiling, seeds, problems) - _best(floor, seeds, problems)

    def ratio(seeds: Array, problems: Array) -> Array:
        below = gap(seeds, problems)
        above = _best(defended, seeds, problems) - _best(floor, seeds, problems)
        return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)

    if not _estimate(gap, floor, rng, level, draws).low > 0:
        return None
    return _estimate(ratio, floor, rng, level, draws)


class _Cube:
    """Right and asked of some arms, [arms, seeds, problems]."""

    def __init__(self, right: Array, asked: Array) -> None:
        self.right, self.asked = right, asked
        _, self.seeds, self.problems = right.shape


def _best(cube: _Cube, seeds: Array, problems: Array) -> Array:
    """The largest mean accuracy of the arms. Weights [R,S], [R,P] -> [R]."""
    right = np.tensordot(problems, cube.right, axes=(1, 2))  # [R,A,S]
    asked = np.tensordot(problems, cube.asked, axes=(1, 2))
    rates = right / np.maximum(asked, 1.0)
    return ((rates * seeds[:, None]).sum(-1) / seeds.sum(-1, keepdims=True)).max(-1)


def _estimate(statistic: _Weighted, of: _Cube, rng: np.random.Generator, level: float, draws: int) -> Estimate:
    if not 0 < level < 1:
        raise Misconfigured(f"level is the share of intervals that cover, between 0 and 1; got {level}")
    if draws < 100:
        raise Misconfigured(f"quantiles of few draws are noise: at least 100 draws; got {draws}")
    value = statistic(np.ones((1, of.seeds)), np.ones((1, of.problems)))[0]
    drawn = _drawn(statistic, of, rng, draws)
    tail = _tail(drawn, _variance_of_seeds(statistic, of), of.seeds, level)
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return Estimate(float(value), float(low), float(high))


def _drawn(statistic: _Weighted, of: _Cube, rng: np.random.Generator, draws: int) -> Array:
    parts: list[Array] = []
    for start in range(0, draws, _CHUNK):
        size = min(_CHUNK, draws - start)
        parts.append(statistic(_resampled(of.seeds, size, rng), _resampled(of.problems, size, rng)))
    found = np.concatenate(parts)
    return found[~np.isnan(found)]


def _resampled(of: int, draws: int, rng: np.random.Generator) -> Array:
    """How often each of `of` is drawn when `of` are drawn with replacement. -> [draws, of]."""
    picked = rng.integers(of, size=(draws, of)) + of * np.arange(draws)[:, None]
    return np.bincount(picked.ravel(), minlength=draws * of).reshape(draws, of).astype(np.float64)


def _variance_of_seeds(statistic: _Weighted, of: _Cube) -> float:
    """The jackknife's: what the choice of seeds adds to the statistic's variance."""
    if of.seeds == 1:
        return 0.0
    without = statistic(1 - np.eye(of.seeds), np.ones((of.seeds, of.problems)))
    return float((of.seeds - 1) * np.nanvar(without))


def _tail(drawn: Array, between: float, seeds: int, level: float) -> float:
    """Which quantile of the draws ends the interval: (1 - level) / 2, less where few seeds decide."""
    spread = float(drawn.var())
    if between <= 0 or spread <= 0:
        return (1 - level) / 2
    rest = max(0.0, spread - between * (seeds - 1) / seeds)  # the draws themselves understate seeds by (S - 1) / S
    total = between + rest
    freedom = (seeds - 1) * (total / between) ** 2
    return float(stats.norm.sf(stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(total / spread)))


def _cubes(*groups: Sequence[Arm]) -> list[_Cube]:
    cubes = [_cube(group) for group in groups]
    shapes = {(cube.seeds, cube.problems) for cube in cubes}
    if len(shapes) > 1:
        raise Misconfigured(
            f"arms are compared seed by seed and problem by problem; got (seeds, problems) {sorted(shapes)}"
        )
    return cubes


def _cube(arms: Sequence[Arm]) -> _Cube:
    if isinstance(arms, str) or any(isinstance(arm, str) for arm in arms):
        raise Misconfigured("an arm has one entry a seed: put a single seed's verdicts into a list")
    rows = [[right_and_asked(verdicts) for verdicts in arm] for arm in arms]
    shapes = {(len(row), *{len(right) for right, _ in row}) for row in rows}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2 or 0 in shape:
        raise Misconfigured("every arm has the same seeds, at least one, and every seed the same problems")
    right, asked = (np.array([[seed[part] for seed in row] for row in rows]) for part in (0, 1))
    if not asked.any(-1).all():
        raise Misconfigured("a seed without one problem asked has no accuracy: leave it out of every arm")
    return _Cube(right, asked)
