"""The mean of rates measured cluster by cluster, such as one student's associations: a cluster is the unit."""

# scipy is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from azeotrope.errors import Misconfigured
from azeotrope.math.stats.verdicts import Interval


def clustered(rates: Sequence[float], level: float = 0.95) -> Interval:
    """Interval for the mean rate of clusters, each in [0, 1]: Clopper and Pearson's, as if each were one trial.

    No variable in [0, 1] varies more than a coin of the same mean, so this is wide where clusters differ little, and
    unlike a bootstrap it is never a point: ten students that all know everything show 0.69 at least.
    """
    from scipy import stats

    if not 0 < level < 1:
        raise Misconfigured(f"level is the share of intervals that cover, between 0 and 1; got {level}")
    if not rates or min(rates) < 0 or max(rates) > 1:
        raise Misconfigured("a mean of rates needs one at least, each between 0 and 1")
    n, mean = len(rates), fmean(rates)
    hits, side = n * mean, (1 - level) / 2
    low = float(stats.beta.ppf(side, hits, n - hits + 1)) if hits > 0 else 0.0
    high = float(stats.beta.ppf(1 - side, hits + 1, n - hits)) if hits < n else 1.0
    return Interval(low, high)
