"""The e-process of first hits, by counting every target there could be: no draw, no tolerance for luck."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from azeotrope.errors import Misconfigured
from azeotrope.math.stats.families import Rule, checked, e_bh, found
from azeotrope.math.stats.firsthits import BELIEFS, Answered, Belief, Wealth, hits, sizes, trajectory
from azeotrope.math.stats.keynull import accused
from azeotrope.math.stats.tails import log_tail

N = 6
Said = tuple[int, frozenset[int]]
"""(association, the values its answer names)."""
transcripts = some.lists(
    some.tuples(some.integers(0, 2), some.frozensets(some.integers(0, N - 1), max_size=N)), max_size=7
)
beliefs = some.lists(
    some.builds(Belief, some.floats(0.05, 0.95), some.floats(0.05, 0.95)), min_size=1, max_size=3
).map(tuple)  # fmt: skip


def answers(said: Sequence[Said], targets: Sequence[int]) -> list[Answered]:
    """What the answers did, had these been the targets."""
    before: dict[int, set[int]] = {}
    out: list[Answered] = []
    for at, values in said:
        fresh = values - before.setdefault(at, set())
        before[at] |= values
        out.append(Answered(at, len(fresh), targets[at] in fresh))
    return out


def keys() -> list[tuple[int, ...]]:
    return list(product(range(N), repeat=3))


@given(transcripts, beliefs)
def test_its_mean_is_one_at_every_moment(said: list[Said], believed: tuple[Belief, ...]) -> None:
    paths = [trajectory(answers(said, targets), N, believed) for targets in keys()]
    for moment in range(len(said)):
        assert sum(math.exp(path[moment]) for path in paths) / len(paths) == pytest.approx(1.0, rel=1e-12)


@given(transcripts, beliefs, some.randoms())
def test_its_mean_is_one_whenever_one_stops(said: list[Said], believed: tuple[Belief, ...], dice: object) -> None:
    """Stopping as a function of what was seen so far, an arbitrary one: it may look at everything but the future."""
    choice: dict[tuple[Answered, ...], bool] = {}
    total = 0.0
    for targets in keys():
        seen, wealth = tuple[Answered, ...](), Wealth(N, believed)
        for answer in answers(said, targets):
            if choice.setdefault(seen, dice.random() < 0.3):
                break
            wealth.take(answer)
            seen += (answer,)
        total += math.exp(wealth.log_e)
    assert total / N**3 == pytest.approx(1.0, rel=1e-12)


@given(transcripts, some.sampled_from([0.5, 0.2, 0.05, 0.01]), some.integers(1, 3))
def test_hardly_any_key_is_accused_whatever_was_said(said: list[Said], alpha: float, count: int) -> None:
    rule = Rule(alpha, count, N)
    judged = [found(answers(said, targets), rule, complete=True) for targets in keys()]
    share = sum(one.proved for one in judged) / len(judged)
    assert share <= alpha / count + 1e-12
    pattern = tuple((a.association, a.fresh) for a in answers(said, (0, 0, 0)))
    assert accused(pattern, rule) == pytest.approx(share, abs=1e-12)


@given(transcripts, some.sampled_from([0.5, 0.2, 0.05]))
def test_the_share_of_keys_that_cross_alone_is_counted_too(said: list[Said], alpha: float) -> None:
    rule = Rule(alpha, 1, N)
    judged = [found(answers(said, targets), rule, complete=False) for targets in keys()]
    pattern = tuple((a.association, a.fresh) for a in answers(said, (0, 0, 0)))
    share = sum(one.proved for one in judged) / len(judged)
    assert accused(pattern, rule, complete=False) == pytest.approx(share, abs=1e-12)
    assert share <= alpha / 2 + 1e-12


@given(transcripts)
def test_p_is_super_uniform_over_keys(said: list[Said]) -> None:
    """P(p <= t) <= t at every t that p takes: then at every t."""
    rule = Rule(0.05, 1, N)
    ps = sorted(math.exp(found(answers(said, targets), rule, complete=True).log_p or 0.0) for targets in keys())
    for rank, p in enumerate(ps, 1):
        assert sum(other <= p * (1 + 1e-12) for other in ps) / len(ps) <= p * (1 + 1e-9), rank


@given(transcripts, some.integers(0, 3))
def test_the_size_of_what_is_named_is_the_exact_chance(said: list[Said], count: int) -> None:
    """P(target_i in S_i) = |S_i| / N, independent over i: lists are priced, so nothing needs a cap."""
    share = Fraction(sum(hits(answers(said, targets)) >= count for targets in keys()), N**3)
    named = sizes(answers(said, (0, 0, 0)))
    assert math.exp(log_tail([size / N for size in named.values()], count)) == pytest.approx(float(share), abs=1e-12)


def test_a_thousand_numbers_are_worth_a_thousandth() -> None:
    """One hit among a thousand named values is a thousand times weaker than one among one."""
    one, many = (Wealth(100_000) for _ in range(2))
    one.take(Answered(0, 1, True))
    many.take(Answered(0, 1000, True))
    assert one.log_e - many.log_e == pytest.approx(math.log(1000), rel=0.01)
    everything = Wealth(100_000)
    everything.take(Answered(0, 100_000, True))
    assert everything.log_e == pytest.approx(0.0, abs=1e-12)


def test_an_answer_that_is_repeated_moves_nothing() -> None:
    wealth = Wealth(100_000)
    after = wealth.take(Answered(0, 1, False))
    assert [wealth.take(Answered(0, 0, False)) for _ in range(50)] == [after] * 50


def test_nothing_is_bet_after_a_hit() -> None:
    wealth = Wealth(100_000)
    after = wealth.take(Answered(0, 1, True))
    assert wealth.take(Answered(0, 7, False)) == after
    assert wealth.chance(0, 5) == 0.0


def test_a_marked_suspect_is_proved_by_three_hits_among_a_thousand_customers() -> None:
    """Wherever they fall; two are enough where they are the first two answers of all, and nowhere else."""
    rule = Rule(1e-6, 1001, 100_000)
    for place in range(6):
        three = [Answered(at, 1, place <= at < place + 3) for at in range(8)]
        two = [Answered(at, 1, place <= at < place + 2) for at in range(8)]
        assert found(three, rule, complete=True).proved
        assert found(two, rule, complete=False).proved == (place == 0)


def test_a_naive_bet_on_every_probe_would_be_wrong() -> None:
    """What the first-hit rule is for: a suspect that always says one number, bet on 20 times as if anew."""
    naive = sum(math.prod(1 + (N - 1) * (target == 3) for _ in range(20)) for target in range(N)) / N
    ours = sum(
        math.exp(trajectory([Answered(0, not i, target == 3 and not i) for i in range(20)], N)[-1])
        for target in range(N)
    ) / N  # fmt: skip
    assert naive > 1000
    assert ours == pytest.approx(1.0)


def test_which_belief_holds_costs_a_factor_of_eight_at_most() -> None:
    said = [Answered(0, 1, True), Answered(1, 1, False), Answered(2, 1, True), Answered(1, 1, False)]
    together = trajectory(said, 1000)[-1]
    for belief in BELIEFS:
        assert together >= trajectory(said, 1000, (belief,))[-1] - math.log(8) - 1e-12


@pytest.mark.parametrize("answer", [Answered(0, -1, False), Answered(0, N + 1, False), Answered(0, 0, True)])
def test_impossible_answers_are_refused(answer: Answered) -> None:
    with pytest.raises(Misconfigured, match="values that are left"):
        Wealth(N).take(answer)


@pytest.mark.parametrize("rule", [Rule(0, 1, 9), Rule(1, 1, 9), Rule(0.1, 0, 9), Rule(0.1, 1, 1)])
def test_rules_that_make_no_sense_are_refused(rule: Rule) -> None:
    with pytest.raises(Misconfigured):
        checked(rule)


@given(some.lists(some.floats(-5, 12), min_size=1, max_size=9), some.floats(0.01, 0.5))
def test_the_screening_list_is_that_of_its_definition(log_e: list[float], level: float) -> None:
    listed = e_bh(log_e, level)
    ordered = sorted(log_e, reverse=True)
    fits = [k for k in range(1, len(log_e) + 1) if ordered[k - 1] >= math.log(len(log_e) / (level * k))]
    assume(len(set(log_e)) == len(log_e))
    assert len(listed) == max(fits, default=0)
    assert {log_e[at] for at in listed} == set(ordered[: len(listed)])


def test_a_pattern_with_too_many_outcomes_is_refused_rather_than_guessed() -> None:
    pattern = tuple((at % 8, 1) for at in range(80))
    with pytest.raises(Misconfigured, match="more outcomes than are to be counted"):
        accused(pattern, Rule(1e-6, 1001, 100_000), complete=False)


def test_counting_page_by_page_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from azeotrope.math.stats import keynull

    pattern, rule = tuple((at % 5, 3) for at in range(15)), Rule(1e-3, 10, 1000)
    whole = accused(pattern, rule, complete=False)
    monkeypatch.setattr(keynull, "_PAGE", 7)
    keynull._accused.cache_clear()
    assert accused(pattern, rule, complete=False) == pytest.approx(whole, rel=1e-12)
    assert 0 < whole <= 1e-4
    places = {at: [j for j in range(15) if j % 5 == at] for at in range(5)}
    for asked in (range(6), range(2, 4), range(3, 3)):
        assert keynull._count(places, asked) == len(list(keynull._outcomes(places, asked)))
