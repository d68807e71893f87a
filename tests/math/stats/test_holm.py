"""Holm's procedure: what it names, over how many, and how often it errs where everything hangs together."""

import math
import random

from azeotrope.math.stats.families import holm


def logs(*values: float) -> list[float]:
    return [math.log(value) for value in values]


def test_each_step_has_one_key_fewer_to_pay_for() -> None:
    assert holm(logs(0.012, 0.5, 0.01), 0.05, 3) == [0, 2]
    assert holm(logs(0.03, 0.02, 0.01), 0.05, 3) == [0, 1, 2], "0.05/3, 0.05/2, 0.05"
    assert holm(logs(0.04, 0.02), 0.05, 2) == [0, 1]
    assert holm(logs(0.04, 0.03), 0.05, 2) == [], "the smallest fails, and nothing behind it counts"
    assert holm(logs(0.01), 0.05, 100) == [] and holm(logs(0.0004), 0.05, 100) == [0], "those not judged count as 1"
    assert holm([], 0.05, 3) == [] and holm([-math.inf, 0.0], 1e-6, 1000) == [0]


def test_false_ones_are_as_rare_as_it_says_when_all_are_the_same() -> None:
    rng = random.Random(1)
    falsely = sum(bool(holm(logs(*[rng.random()] * 5), 0.2, 5)) for _ in range(4000))
    independent = sum(bool(holm(logs(*(rng.random() for _ in range(5))), 0.2, 5)) for _ in range(4000))
    assert falsely <= 4000 * 0.04 + 5 * (4000 * 0.04) ** 0.5
    assert 4000 * 0.1 < independent <= 4000 * 0.2 + 5 * (4000 * 0.16) ** 0.5
