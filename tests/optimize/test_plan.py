"""A search's file: strict, whole, and only what decides a score is in its context; what must be apart is."""

from pathlib import Path

import pytest

from azeotrope.codec import digest
from azeotrope.errors import Misconfigured
from azeotrope.optimize.apart import problems_apart, students_apart
from azeotrope.optimize.plan import read
from azeotrope.optimize.procedure import bench_of, space_of, start_of
from azeotrope.types import Problem, Request

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("members", "why"), [
    ({"sercher": {}}, "unknown field `sercher`"),
    ({"searcher": {"kind": "gepa", "temperture": 1}}, "unknown field"),
    ({"searcher": {"kind": "annealing"}}, "Invalid enum value"),
    ({"proxies": {"learner": {"kind": "tiny", "stepps": 3}}}, "stepps"),
    ({"proxies": {"learner": {"kind": "huge"}}}, "no kind of learner"),
    ({"rewriter": {"name": ""}}, "length >= 1"),
    ({"floors": {"kept": 1.5}}, "<= 1"),
    ({"budget": {"evaluations": 0}}, ">= 1"),
    ({"reflector": None}, r"needs a \[reflector\]"),
    ({"searcher": {"kind": "random"}}, "needs a space"),
    ({"proxies": {"seeds": [0, 1, 0]}}, r"here: \[proxies\] seeds name one twice"),
    ({"confirm": {"learner": {"kind": "tiny"}, "seeds": [7, 7]}}, r"here: \[confirm\] seeds name one twice"),
])  # fmt: skip
def test_mistakes_are_refused_with_their_place(plan, members, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        plan(**members)


def test_shipped_searches_are_in_order_and_share_their_bench() -> None:
    table, steps = (read(ROOT / "experiments" / f"optimize_{name}.toml") for name in ("table", "steps"))
    assert len(space_of(table)) == table.budget.evaluations == 64
    assert len(table.proxies.seeds) >= 3, "a table of one seed is luck"
    shared = [(one.task.config, one.teacher, one.rewriter, one.proxies) for one in (table, steps)]
    assert shared[0] == shared[1], "else the table is of something else"
    assert steps.confirm is not None and steps.confirm.learner != steps.proxies.learner
    students_apart(steps)


def test_the_search_with_a_real_model_is_one_in_both_places_and_bounded() -> None:
    plan = read(ROOT / "experiments" / "optimize_smollm2.toml")
    assert plan.reflector is not None and plan.rewriter.name == plan.reflector.name == "local"
    assert plan.budget.evaluations > 1, "a round of reflection at least"
    asked = plan.budget.evaluations * (plan.proxies.traces + plan.proxies.search)
    assert asked * plan.rewriter.config.max_tokens / 15 < 600, "ten minutes at 15 tokens a second"
    assert plan.confirm is None, "nothing is claimed"


def test_budget_searcher_and_floors_do_not_decide_a_score(plan) -> None:
    one = plan()
    others = [plan(budget={"evaluations": 3}), plan(searcher={"kind": "opro", "seed": 4})]
    others.append(plan(floors={"kept": 0.5}))
    assert all(digest(other.context) == digest(one.context) for other in others)
    decided = [plan(proxies={"traces": 7}), plan(rewriter={"name": "local"})]
    assert len({digest(other.context) for other in (one, *decided)}) == 3


def test_the_start_is_a_name_a_file_or_a_text(plan, tmp_path) -> None:
    path = tmp_path / "own.md"
    path.write_text('+++\nabout = "mine"\n+++\nBe brief.\n')
    assert start_of(plan(searcher={"start": str(path)})).text == "Be brief."
    assert "imitates it" in start_of(plan(searcher={"start": "semantic"})).text
    assert start_of(plan(searcher={"start": " Be dense. "})).text == "Be dense."
    with pytest.raises(Misconfigured, match="says nothing"):
        start_of(plan(searcher={"start": " "}))
    with pytest.raises(Misconfigured, match="cannot read"):
        start_of(plan(searcher={"start": "nowhere.md"}))


async def test_a_starts_checks_are_kept_and_decide_a_score_where_it_has_any(plan, tmp_path) -> None:
    path = tmp_path / "own.md"
    path.write_text("Be brief.")
    plain, own, strict = (plan(searcher={"start": start}) for start in ("Be brief.", str(path), "plan"))
    assert [start_of(one).checks for one in (plain, own, strict)] == [(), (), ("new_number",)]
    assert await bench_of(plain) == await bench_of(own) == await bench_of(plan()) != await bench_of(strict)
    path.write_text('+++\nchecks = ["new_number"]\n+++\nBe brief.')
    assert await bench_of(own) == await bench_of(strict)


def test_a_space_is_loaded_or_refused(plan) -> None:
    assert space_of(plan()) == ()
    for gone in ("grammar:nothing", "grammar:__name__"):  # none of that name, no function
        with pytest.raises(Misconfigured, match=r"\[searcher\] space .* cannot be loaded"):
            space_of(plan(searcher={"kind": "random", "space": f"azeotrope.optimize.{gone}"}))


def problem(name: str, text: str) -> Problem:
    return Problem(name, Request.of(text), "1")


def test_one_question_in_two_groups_is_found_however_it_is_written() -> None:
    groups = {"search": [problem("a", "Bob has 2 cards")], "test": [problem("b", "bob  has 2 CARDS")]}
    with pytest.raises(Misconfigured, match=r"a \(search\) and b \(test\) ask the same"):
        problems_apart(groups)
    problems_apart({"search": [problem("a", "one"), problem("a2", "one")], "test": [problem("b", "two")]})


def test_a_proxy_confirms_nothing(plan) -> None:
    students_apart(plan())
    same = {"learner": {"kind": "tiny", "steps": 5}, "seeds": [2, 7]}
    with pytest.raises(Misconfigured, match="seed 2 is a proxy"):
        students_apart(plan(proxies={"learner": {"kind": "tiny", "steps": 5}}, confirm=same))
    students_apart(plan(proxies={"learner": {"kind": "tiny", "steps": 6}}, confirm=same))
    students_apart(plan(proxies={"learner": {"kind": "tiny", "steps": 5}}, confirm={**same, "seeds": [7]}))
