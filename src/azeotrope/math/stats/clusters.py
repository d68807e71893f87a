"""The mean of rates measured cluster by cluster, such as one student's associations: a cluster is the unit."""

# scipy is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

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


def of_averages(rates: Sequence[float], level: float = 0.95) -> Interval:
    """Interval for the mean of clusters that are each an average of many: Student's t, cut to [0, 1].

    An average of thousands is nearly normal and varies far less than a coin; of one cluster nothing is known about
    that, and it gets what `clustered` says.
    """
    from scipy import stats

    cautious = clustered(rates, level)
    if len(rates) == 1:
        return cautious
    half = float(stats.t.ppf((1 + level) / 2, len(rates) - 1)) * stdev(rates) / math.sqrt(len(rates))
    return Interval(max(0.0, fmean(rates) - half), min(1.0, fmean(rates) + half))
