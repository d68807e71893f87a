"""Exact tests and intervals: verdicts and counts in, numbers out. Every random draw comes from a given generator."""

from azeotrope.math.stats.clusters import clustered, of_averages
from azeotrope.math.stats.families import Finding, Rule, checked, e_bh, found
from azeotrope.math.stats.firsthits import Answered, Belief, Wealth, trajectory
from azeotrope.math.stats.keynull import accused
from azeotrope.math.stats.power import Power, fewest_marked, learned, needed, proof
from azeotrope.math.stats.seeds import Arm, advantage, difference_of_means, leakage, mean_accuracy
from azeotrope.math.stats.tails import clopper_pearson, log_tail, tail
from azeotrope.math.stats.verdicts import Estimate, Interval, McNemar, Verdicts, mcnemar, paired_difference, wilson

__all__ = [
    "Answered", "Arm", "Belief", "Estimate", "Finding", "Interval", "McNemar", "Power", "Rule", "Verdicts", "Wealth",
    "accused", "advantage", "checked", "clopper_pearson", "clustered", "difference_of_means", "e_bh", "fewest_marked",
    "found", "leakage", "learned", "log_tail", "mcnemar", "mean_accuracy", "needed", "of_averages", "paired_difference",
    "proof", "tail", "trajectory", "wilson",
]  # fmt: skip
