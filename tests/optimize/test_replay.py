"""Searches on a table: ahead of random search, random search as its law says, nothing told that would not be live."""

import math
from statistics import fmean

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.optimize import edits, exhaustive, grammar
from azeotrope.optimize.arena import Arena
from azeotrope.optimize.plan import Floors
from azeotrope.optimize.procedure import bench_of, run
from azeotrope.optimize.records import CONTROL, Candidate, Line, named, scored_as
from azeotrope.optimize.replay import Table, made_on, replay
from azeotrope.optimize.results import Memory, opened
from azeotrope.report import replayed

from .conftest import RUN

FLOORS = Floors(0.9, 0.85)
TOY = """
[task]
name = "steps"
config = { fewest = 2, most = 3 }
[rewriter]
name = "python:azeotrope.optimize.grammar:rewriter"
[reflector]
name = "python:azeotrope.optimize.edits:reflector"
"""


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
    assert (found.above, found.ranked) == (5, 64) and found.rank is not None and found.rank.value > 0.15
    assert curves["random"].ahead is None


async def test_where_the_cheap_score_is_noise_searches_run_and_the_replay_says_so(plan, tabled) -> None:
    found = await replay(plan(budget={"evaluations": 12}), tabled(blind=True), edits.reflector(), 4)
    assert found.rank is not None and abs(found.rank.value) < 0.15 and found.ranked == 64
    for curve in found.curves:
        best = [mean.value for mean in curve.best]
        assert best == sorted(best) and best[-1] <= found.best_worth
    said = replayed.ranks(found)
    assert f"{found.rank.value:.2f} [" in said and ", n = 64" in said and said in replayed.page(found)


def test_a_rank_correlation_is_of_what_was_taught_at_both_stages(tabled) -> None:
    memory = Memory()
    for at, one in enumerate(tabled().candidates.values()):
        score = {"damage": at / 128} if one.stage == "full" else {"nats": at / 9}
        memory.add(Line(candidate=replace(one, kept=1.0, readable=1.0, **score)))
    rank, of = Table(memory, FLOORS).ranks()
    assert rank is not None and rank.value == pytest.approx(1.0) and of == 64
    below = replace(next(iter(memory.candidates.values())), kept=0.1, nats=None)
    memory = Memory()
    for one in tabled().candidates.values():
        memory.add(Line(candidate=below if one.digest == below.digest else replace(one, nats=one.nats and 1.0)))
    assert Table(memory, FLOORS).ranks() == (None, 63), "what is all the same ranks nothing"


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
    memory = tabled()
    some = list(memory.candidates.values())[:6]
    broken, untaught = Memory(), Memory()
    for one in memory.candidates.values():
        broken.add(Line(candidate=replace(one, reason="it broke", damage=None, nats=None) if one in some else one))
        low = one in some and one.stage == "full"
        untaught.add(Line(candidate=replace(one, kept=0.5, readable=1.0, damage=None) if low else one))
    with pytest.raises(Misconfigured, match="lacks a score of 3 instructions: finish"):
        Table(broken, FLOORS)
    Table(untaught, FLOORS)
    with pytest.raises(Misconfigured, match=r"lacks a score of 3 .* floors as low"):
        Table(untaught, Floors(0.4, 0.85))
    with pytest.raises(Misconfigured, match="no table"):
        Table(Memory(), FLOORS)


async def test_a_table_of_another_bench_or_of_two_is_refused_with_the_cure(plan, tabled) -> None:
    one, other = plan(), plan(proxies={"traces": 7})
    here, there = await bench_of(one), await bench_of(other)
    assert await bench_of(plan(budget={"evaluations": 3}, floors={"kept": 0.1})) == here != there
    memory = _on(here, tabled())
    made_on(here, memory)
    with pytest.raises(Misconfigured, match=r"129 of 129 scores .* another task, teacher, rewriter or proxies"):
        made_on(there, memory)
    for line in _on(there, tabled()).candidates.values():
        memory.add(Line(candidate=line))
    for bench in (here, there):
        with pytest.raises(Misconfigured, match=r"129 of 258 scores .* give it the table's own settings"):
            made_on(bench, memory)


def test_the_command_refuses_a_foreign_table_before_any_search(tabled, tmp_path) -> None:
    path, table = tmp_path / "toy.toml", tmp_path / "table.jsonl"
    path.write_text(TOY)
    with opened(table, RUN) as memory:
        for one in tabled().candidates.values():
            memory.add(Line(candidate=one))
    arguments = ["optimize", str(path), "--results", str(tmp_path), "--replay", str(table)]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, Misconfigured) and "128 of 128 scores" in str(result.exception)
    result = CliRunner().invoke(app, [*arguments, "--reuse", str(table)])
    assert isinstance(result.exception, Misconfigured) and "nothing to take over" in str(result.exception)


def _on(bench: str, memory: Memory) -> Memory:
    """The same scores and a control, as they would have been written down on that bench."""
    made = Memory()
    for one in memory.candidates.values():
        made.add(Line(candidate=replace(one, digest=scored_as(bench, one.text, one.stage))))
    control = Candidate(scored_as(bench, "", "full", CONTROL), "", "full", CONTROL, damage=0.0)
    made.add(Line(candidate=control))
    return made


async def _searched(plan, memory: Memory) -> Arena:
    table = Table(memory, plan.floors)
    start = grammar.instruction(grammar.Point("part", "second", "last", "backward", "signs"))
    arena = Arena(plan, table, Memory(), edits.reflector(), lambda progress: None, start=start, space=table.space)
    await run(arena)
    return arena


async def _course(plan, memory: Memory) -> list[tuple[str, str]]:
    return [(one.text, one.stage) for one in (await _searched(plan, memory)).found]
