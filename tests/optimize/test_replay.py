"""Searches on a table: ahead of random search, random search as its law says, nothing told that would not be live."""

import math
from statistics import fmean

import pytest
from msgspec.structs import replace

from azeotrope.errors import Misconfigured
from azeotrope.optimize import edits, exhaustive, grammar
from azeotrope.optimize.arena import Arena
from azeotrope.optimize.plan import Floors
from azeotrope.optimize.procedure import run
from azeotrope.optimize.records import Line, named
from azeotrope.optimize.replay import Table, replay
from azeotrope.optimize.results import Memory

FLOORS = Floors(0.9, 0.85)


async def test_reflective_search_is_ahead_of_random_search_from_a_bad_start(plan, tabled) -> None:
    found = await replay(plan(budget={"evaluations": 30}), tabled(), edits.reflector(), 10)
    curves = {curve.kind: curve for curve in found.curves}
    assert (found.entries, found.seeds, found.near) == (64, 10, 2) and found.start_worth < -1
    for kind in ("gepa", "opro"):
        assert curves[kind].full < 30
        best = [mean.value for mean in curves[kind].best]
        assert best == sorted(best) and best[0] == 0.0 and best[-1] <= found.best_worth
    assert curves["gepa"].near[-1].value >= 0.9
    assert curves["gepa"].ahead is not None and curves["gepa"].ahead.low > 0
    assert curves["random"].ahead is None


async def test_random_search_is_what_drawing_without_return_says(plan, tabled) -> None:
    table, seeds, size = Table(tabled(), FLOORS), 200, 20
    ranked = sorted(table.space, key=table.worth)
    hits = 0
    for seed in range(seeds):
        here = plan(
            searcher={"kind": "random", "seed": seed, "space": "a:b", "start": "x"}, budget={"evaluations": size}
        )
        arena = Arena(here, table, Memory(), None, lambda progress: None, start=ranked[0], space=table.space)
        await run(arena)
        assert arena.best is not None and arena.evaluations == size
        hits += arena.best.worth(FLOORS) >= table.worth(ranked[-1]) - 0.05
    others, draws = len(table.space) - 1, size - 1
    p = 1 - math.comb(others - 2, draws) / math.comb(others, draws)
    assert abs(hits / seeds - p) < 4 * math.sqrt(p * (1 - p) / seeds)


async def test_a_search_is_told_nothing_that_it_would_not_be_told_live(plan, tabled) -> None:
    table = Table(tabled(), FLOORS)
    for point in grammar.points():
        for stage in ("screen", "full"):
            one = await table.score(grammar.instruction(point), stage)
            if one.shortfall(FLOORS) > 0:
                assert one.damage is None and one.nats is None and not one.scores
            else:
                assert (one.damage is not None) == (stage == "full")
    assert (await table.score("never heard of", "full")).worth(FLOORS) < -1


async def test_what_a_search_has_not_asked_for_does_not_move_it(plan, tabled) -> None:
    """No peeking: other values of what it did not score leave its course as it is."""
    for kind in ("gepa", "opro"):
        here = plan(searcher={"kind": kind, "seed": 5}, budget={"evaluations": 7})
        first = await _course(here, tabled())
        asked = {text for text, _ in first}
        other = Memory()
        for one in tabled().candidates.values():
            moved = one if one.text in asked else replace(one, kept=1.0, readable=0.9, damage=one.damage and 0.99)
            other.add(Line(candidate=moved))
        assert await _course(here, other) == first


async def test_a_childs_parent_is_an_earlier_instruction(plan, tabled) -> None:
    arena = await _searched(plan(searcher={"kind": "gepa", "seed": 1}, budget={"evaluations": 10}), tabled())
    seen: set[str] = set()
    for one in arena.found:
        if one.name not in seen and seen:
            assert len(one.parents) == 1 and set(one.parents) <= seen
        seen.add(one.name)
    assert len(seen) == 10 and not arena.found[0].parents
    assert named(arena.found[0].text) == arena.found[0].name


async def test_the_table_is_filled_by_exhaustion(plan, tabled) -> None:
    here = plan(searcher={"kind": "exhaustive", "space": "azeotrope.optimize.grammar:space"},
                budget={"evaluations": 64})  # fmt: skip
    memory = Memory()
    arena = Arena(here, Table(tabled(), Floors(0, 0)), memory, None, lambda progress: None, start="",
                  space=grammar.space())  # fmt: skip
    await exhaustive.search(arena)
    assert len(memory.candidates) == 128
    again = Table(memory, FLOORS)
    assert again.space == tuple(sorted(grammar.space()))
    assert fmean(again.worth(text) >= 0 for text in again.space) < 0.2, "the good ones are rare"


def test_an_unfinished_table_is_refused_with_the_cure(tabled) -> None:
    with pytest.raises(Misconfigured, match=r"lacks a score of 64 .* finish"):
        Table(tabled(stages=("full",)), FLOORS)
    with pytest.raises(Misconfigured, match="no table"):
        Table(Memory(), FLOORS)


async def _searched(plan, memory: Memory) -> Arena:
    table = Table(memory, plan.floors)
    start = grammar.instruction(grammar.Point("part", "second", "last", "backward", "signs"))
    arena = Arena(plan, table, Memory(), edits.reflector(), lambda progress: None, start=start, space=table.space)
    await run(arena)
    return arena


async def _course(plan, memory: Memory) -> list[tuple[str, str]]:
    return [(one.text, one.stage) for one in (await _searched(plan, memory)).found]
