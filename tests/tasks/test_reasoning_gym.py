"""Puzzles made to order, where one of the generators' packages may be missing."""

import sys
from importlib.util import find_spec

import pytest

from azeotrope.errors import Misconfigured
from azeotrope.tasks import reasoning_gym

FEW = {"train": 6, "proxy": 3, "validation": 2, "test": 4}


def made(generator: str = "chain_sum", **more) -> reasoning_gym.Gym:
    return reasoning_gym.build(reasoning_gym.Config(generator, **{**FEW, **more}))


def questions(task: reasoning_gym.Gym) -> set[str]:
    return {p.request.messages[0]["content"] for split in FEW for p in task.problems(split)}


def test_the_package_is_there_with_or_without_pycosat() -> None:
    assert hasattr(reasoning_gym.package(), "create_dataset")
    assert "pycosat" not in sys.modules or find_spec("pycosat") is not None


def test_the_one_puzzle_that_needs_pycosat_says_so(monkeypatch) -> None:
    reasoning_gym.package()
    from reasoning_gym.logic.contrib.logic_puzzle import sat_utils

    monkeypatch.setattr(sat_utils, "pycosat", reasoning_gym._Absent("pycosat"))
    with pytest.raises(Misconfigured, match="needs the package pycosat: pip install pycosat"):
        made("zebra_puzzles")


def test_seeds_make_other_problems_and_settings_are_the_generators_own() -> None:
    assert questions(made()) == questions(made())
    assert not questions(made()) & questions(made(seed=1))
    assert all(question.count("+") + question.count(" - ") == 1 for question in questions(
        made(settings={"min_terms": 2, "max_terms": 2})
    ))  # fmt: skip


async def test_part_of_the_points_is_enough_where_the_threshold_says_so() -> None:
    task, lenient = made(), made(threshold=0.1)
    for problem in task.problems("train"):
        hedged = f"{problem.gold} or so"
        assert not await task.grade(problem, hedged)
        assert await lenient.grade(problem, hedged)
        assert not await lenient.grade(problem, f"{problem.gold} {'or so ' * 40}")


async def test_a_scorer_that_cannot_read_an_answer_does_not_take_it() -> None:
    task = made("countdown")
    for problem in task.problems("train"):
        assert await task.grade(problem, problem.gold)
        for strange in ("", "((((", "1/0", "\x00", "\\boxed{"):
            assert not await task.grade(problem, strange)


def test_what_cannot_be_made_is_named_with_the_cure() -> None:
    with pytest.raises(Misconfigured, match=r"no generator 'chess'; there are: .*chain_sum"):
        made("chess")
    with pytest.raises(Misconfigured, match="does not take these settings"):
        made(settings={"no_such": 1})
    with pytest.raises(Misconfigured, match=r"too few different problems \(.*train \d+ of 500.*\): ask for fewer"):
        made(settings={"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}, train=500)
