"""Exact tests and intervals: verdicts and counts in, numbers out. Every random draw comes from a given generator."""

from azeotrope.math.stats.seeds import Arm, difference_of_means, leakage, mean_accuracy
from azeotrope.math.stats.verdicts import Estimate, Interval, McNemar, Verdicts, mcnemar, paired_difference, wilson

__all__ = [
    "Arm", "Estimate", "Interval", "McNemar", "Verdicts", "difference_of_means", "leakage", "mcnemar", "mean_accuracy",
    "paired_difference", "wilson",
]  # fmt: skip
