"""Power before deployment: against simulation of the same suspect, and against what has to be monotone."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from azeotrope.errors import Misconfigured
from azeotrope.math.stats.families import Rule, found
from azeotrope.math.stats.firsthits import Answered
from azeotrope.math.stats.power import fewest_marked, learned, needed, proof


def simulated(rate: float, associations: int, probes: int, rule: Rule, runs: int) -> float:
    """The share of suspects that are proved, each with its own associations known."""
    rng, proved = random.Random(5), 0
    for _ in range(runs):
        known = [rng.random() < rate for _ in range(associations)]
        said = [
            Answered(at % associations, 0 if known[at % associations] and at >= associations else 1,
                     known[at % associations] and at < associations)
            for at in range(probes)
        ]  # fmt: skip
        proved += found(said, rule, complete=True).proved
    return proved / runs


@pytest.mark.parametrize(("rate", "associations", "keys"), [(0.4, 8, 1001), (0.15, 8, 1), (0.6, 4, 1001)])
def test_it_is_what_simulation_finds(rate: float, associations: int, keys: int) -> None:
    rule = Rule(1e-6, keys, 100_000)
    expected = proof(rate, associations, 20, rule).probability
    got = simulated(rate, associations, 20, rule, 1500)
    assert abs(got - expected) <= 4 * math.sqrt(expected * (1 - expected) / 1500) + 0.005


def test_the_figures_of_the_design() -> None:
    """One accused customer at 1e-6 needs 2 hits of 8, the worst of 1,000 customers 3."""
    assert needed(8, 20, Rule(1e-6, 1, 100_000)) == 2
    assert needed(8, 20, Rule(1e-6, 1001, 100_000)) == 3
    assert proof(1.0, 8, 20, Rule(1e-6, 1001, 100_000)).probability == 1.0
    assert proof(0.9, 8, 20, Rule(1e-6, 1001, 100_000)).probability > 0.9999


def test_nothing_learned_is_nothing_proved() -> None:
    assert proof(0.0, 8, 20, Rule(1e-6, 1, 100_000)).probability == 0.0


@given(some.floats(0, 0.9), some.integers(2, 10), some.integers(1, 10**6))
def test_it_rises_with_the_hit_rate_and_falls_with_the_customers(rate: float, associations: int, keys: int) -> None:
    few, many = Rule(1e-6, keys, 100_000), Rule(1e-6, 10 * keys, 100_000)
    assert (
        proof(rate + 0.1, associations, 20, few).probability >= proof(rate, associations, 20, few).probability - 1e-12
    )
    assert proof(rate, associations, 20, few).probability >= proof(rate, associations, 20, many).probability - 1e-12


def test_too_few_associations_never_prove() -> None:
    rule = Rule(1e-6, 1001, 100_000)
    assert needed(1, 20, rule) == 2
    assert proof(1.0, 1, 20, rule).probability == 0.0
    assert fewest_marked(0.9, 1.0, 2, 20, rule) is None


def test_the_fewest_marked_responses_are_the_fewest() -> None:
    rule = Rule(1e-6, 1001, 100_000)
    fewest = fewest_marked(0.99, 0.95, 16, 20, rule)
    assert fewest is not None

    def reached(marked: int) -> float:
        return proof(0.95 * learned(marked, 16), 8, 20, rule).probability

    assert reached(fewest - 1) < 0.99 <= reached(fewest)


def test_learning_is_a_binomial_tail() -> None:
    assert learned(0, 8, 1) == 0.0
    assert learned(1, 8, 1) == pytest.approx(1 / 8)
    assert learned(10**5, 8, 30) == pytest.approx(1.0)
    with pytest.raises(Misconfigured):
        learned(-1, 8)
