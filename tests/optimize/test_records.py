"""What is maximised: floors come first, then damage; and the front is what nothing dominates."""

import math

from hypothesis import given
from hypothesis import strategies as some

from azeotrope.optimize.plan import Floors
from azeotrope.optimize.records import CONTROL, Candidate, Expense, dominated, front

share = some.floats(0, 1)
candidates = some.builds(
    lambda text, kept, readable, damage: Candidate(
        text, text, "full", "x", kept=kept, readable=readable, damage=damage
    ),
    some.text("abc", min_size=1, max_size=6), some.sampled_from([0.0, 0.5, 1.0]), some.sampled_from([0.0, 0.5, 1.0]),
    some.sampled_from([-0.1, 0.0, 0.5, 0.9]),
)  # fmt: skip


@given(share, share, some.floats(-1, 1), some.floats(0, 50), share, share)
def test_below_a_floor_is_below_anything_within(kept, readable, damage, nats, least, clear) -> None:
    floors = Floors(least, clear)
    full = Candidate("d", "t", "full", "x", kept=kept, readable=readable, damage=damage)
    screen = Candidate("d", "t", "screen", "x", kept=kept, readable=readable, nats=nats)
    if kept >= least and readable >= clear:
        assert full.worth(floors) == damage and 0 <= screen.cheap(floors) <= 1
    else:
        short = max(0, least - kept) + max(0, clear - readable)
        assert full.worth(floors) == screen.cheap(floors) == -1 - short
    assert Candidate("d", "t", "full", "x", kept=1, readable=1, damage=1, reason="broke").worth(floors) < -1


@given(some.floats(0, 30), some.floats(0, 30))
def test_the_cheap_score_rises_with_the_loss_and_saturates(one: float, other: float) -> None:
    low, high = sorted((one, other))
    cheap = [Candidate("d", "t", "screen", "x", (), 1.0, 1.0, nats=nats).cheap(Floors()) for nats in (low, high)]
    assert cheap[0] <= cheap[1] <= 1.0
    assert math.isclose(cheap[0], 1 - math.exp(-low))


@given(some.lists(candidates, max_size=12))
def test_the_front_is_what_nothing_dominates(found: list[Candidate]) -> None:
    kept = front(found)
    assert not any(dominated(one, other) for one in kept for other in found)
    assert all(one in kept or any(dominated(one, other) for other in kept) for one in found)
    assert [one.damage for one in kept] == sorted((one.damage for one in kept), reverse=True)


def test_controls_and_what_trained_nobody_are_not_on_it() -> None:
    none = Candidate("a", "a", "full", "x", kept=1.0, readable=1.0)
    control = Candidate("b", "", "full", CONTROL, kept=1.0, readable=1.0, damage=0.0)
    screened = Candidate("c", "c", "screen", "x", kept=1.0, readable=1.0, nats=9.0)
    assert front([none, control, screened]) == []


def test_expenses_add_up() -> None:
    assert Expense(1, 2, 3, 4, 5.0, 6.0).plus(Expense(1, 1, 1, 1, 1.0, 1.0)) == Expense(2, 3, 4, 5, 6.0, 7.0)
