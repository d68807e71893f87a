"""The power beside a verdict: never more than a student of 9 associations in 10 has."""

from itertools import combinations, product

from hypothesis import given, settings
from hypothesis import strategies as some

from azeotrope.math.stats import Answered, Rule, found, log_tail, tail
from azeotrope.math.stats.firsthits import sizes
from azeotrope.verify.detecting import CLAIMED, power

patterns = some.lists(some.tuples(some.integers(0, 3), some.integers(0, 40)), min_size=1, max_size=8)
rules = some.tuples(some.sampled_from((0.3, 0.05, 1e-3, 1e-6)), some.sampled_from((1, 10, 1000))).map(
    lambda of: Rule(*of, values=1000)
)


def at_least(pattern: list[tuple[int, int]], rule: Rule) -> float:
    """Of all students that name 9 of 10 associations, hit by the answers that pay least, those whom the wealth proves.

    An association none of whose answers names a value is named by one answer all the same.
    """
    said: dict[int, list[int]] = {}
    for at, fresh in pattern:
        said.setdefault(at, []).append(fresh)
    shown = [(at, fresh or (not any(said[at]))) for at, fresh in pattern]
    places = {at: [place for place, (each, fresh) in enumerate(shown) if each == at and fresh] for at in said}
    proved = 0.0
    for count in range(len(said) + 1):
        for known in combinations(said, count):
            ways = product(*(places[at] for at in known))
            if all(_proved(shown, set(first), rule) for first in ways):
                proved += CLAIMED**count * (1 - CLAIMED) ** (len(said) - count)
    return proved


def _proved(shown: list[tuple[int, int]], first: set[int], rule: Rule) -> bool:
    answers = [Answered(at, int(fresh), place in first) for place, (at, fresh) in enumerate(shown)]
    return found(answers, rule, complete=False).proved


@given(patterns, rules)
@settings(deadline=None, max_examples=25)
def test_the_power_of_the_wealth_is_a_lower_bound(pattern: list[tuple[int, int]], rule: Rule) -> None:
    answers = [Answered(at, fresh, False) for at, fresh in pattern]
    assert power(answers, rule, complete=False) <= at_least(pattern, rule) + 1e-9


def test_the_power_of_the_wealth_is_one_of_substance() -> None:
    rule = Rule(1e-6, 1001, 100_000)
    answers = [Answered(at, 1, False) for at in range(8)]
    assert power(answers, rule, complete=False) > 0.999
    assert power(answers[:1], rule, complete=False) == power([], rule, complete=False) == 0.0


def test_the_power_of_the_p_value_is_that_of_the_values_named() -> None:
    rule = Rule(1e-6, 1001, 100_000)
    answers = [Answered(at, 1 + at, False) for at in range(8)]
    chances = [size / rule.values for size in sizes(answers).values()]
    needed = next(hits for hits in range(9) if log_tail(chances, hits) <= rule.log_p)
    assert power(answers, rule, complete=True) == tail([CLAIMED] * 8, needed)


def test_a_silent_suspect_is_no_proof_that_one_hit_would_have_been_enough() -> None:
    """Whoever names a target names a value: a hit among none at all is not what a student shows."""
    rule = Rule(1e-6, 1001, 100_000)
    silent = [Answered(0, 0, False), Answered(0, 0, False)]
    assert power(silent, rule, complete=True) == power(silent, rule, complete=False) == 0.0
