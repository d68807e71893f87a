"""What every task file must keep, whatever it asks: a new file is tested here by being there.

A task whose questions come from files is given some of our own writing below.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict

from azeotrope import catalog
from azeotrope.codec import convert, decode, digest, encode
from azeotrope.errors import Misconfigured
from azeotrope.splits import SPLITS, disjoint
from azeotrope.types import Problem

TASKS = tuple(catalog.names("tasks"))


def gsm8k(at: int) -> dict[str, Any]:
    whole = 3 * (at + 400)
    return {
        "question": f"A tram has {at + 400} seats and pulls two cars as large. How many seats are there?",
        "answer": f"Both cars: <<2*{at + 400}={2 * at + 800}>>{2 * at + 800} seats.\nIn all: {whole}.\n#### {whole:,}",
    }


def mathematics(at: int) -> dict[str, Any]:
    return {
        "problem": f"Simplify $\\frac{{{2 * at + 1}}}{{{4 * at + 2}}} + {at}$.",
        "level": f"Level {1 + at % 5}",
        "type": ("Algebra", "Prealgebra")[at % 2],
        "solution": f"The fraction is a half, so the sum is $\\boxed{{\\frac{{{2 * at + 1}}}{{2}}}}$.",
    }


def mmlu(at: int) -> dict[str, Any]:
    options = [f"{at + more} chairs" for more in range(4)]
    return {
        "question": f"Round a table stand {at} chairs and {at % 4} more. Which is true?",
        "choices": options,
        "answer": at % 4,
        "subject": ("carpentry", "counting")[at % 2],
    }


def mmlu_pro(at: int) -> dict[str, Any]:
    row = mmlu(at)
    options = [f"{at + more} chairs" for more in range(10)]
    working = f"A: Let's count. There are {at} and {at % 4}."
    return {
        "question": row["question"], "options": options, "answer": "ABCD"[at % 4], "answer_index": at % 4,
        "category": row["subject"], "cot_content": working,
    }  # fmt: skip


def own(at: int) -> dict[str, Any]:
    return {"asked": f"How do you say {at} in code?", "said": f"code {at}x", "why": f"It is {at}.", "about": "codes"}


def written(path: Path, make: Any, size: int, start: int = 0) -> dict[str, str]:
    path.write_text("".join(json.dumps(make(at)) + "\n" for at in range(start, start + size)), encoding="utf-8")
    return {"path": str(path)}


def configuration(name: str, folder: Path) -> dict[str, Any]:
    """Small settings for a task; defaults for one that is not named here."""
    one, two = folder / "one.jsonl", folder / "two.jsonl"
    match name:
        case "steps":
            return {"train": 60, "proxy": 40, "validation": 20, "test": 30}
        case "reasoning_gym":
            return {"train": 12, "proxy": 8, "validation": 4, "test": 6}
        case "gsm8k":
            return {"train": written(one, gsm8k, 50), "test": written(two, gsm8k, 12, 100)}
        case "math":
            return {"train": written(one, mathematics, 60), "test": written(two, mathematics, 12, 100)}
        case "mmlu":
            return {"source": written(one, mmlu, 120)}
        case "mmlu_pro":
            return {"source": written(one, mmlu_pro, 120)}
        case "jsonl":
            columns = {"question": "asked", "answer": "said", "solution": "why", "subject": "about"}
            return {"source": written(one, own, 120), **columns}
        case _:
            return {}


@pytest.fixture(scope="module", params=TASKS)
def made(request, tmp_path_factory) -> tuple[Any, Any]:
    """(the task, its config)."""
    module = catalog.load("tasks", request.param)
    config = convert(configuration(request.param, tmp_path_factory.mktemp(request.param)), module.Config, request.param)
    return module.build(config), config


def perturbed(problem: Problem) -> str:
    """An answer of the same looks that is wrong."""
    gold = problem.gold
    if gold in "ABCDEFGHIJ":
        return "B" if gold == "A" else "A"
    if gold.replace(",", "").isdigit():
        return str(int(gold.replace(",", "")) + 1)
    return gold.replace("\\frac{", "\\frac{1", 1) if "\\frac{" in gold else f"{gold}y"


def test_every_split_but_shifted_is_full_and_all_are_disjoint(made) -> None:
    task, _ = made
    disjoint(task)
    assert all(task.problems(split) for split in ("train", "proxy", "validation", "test"))
    ids = [problem.id for split in SPLITS for problem in task.problems(split)]
    assert len(set(ids)) == len(ids)


def test_problems_are_the_same_each_time(made) -> None:
    task, config = made
    again = catalog.load("tasks", task.problems("test")[0].task).build(config)
    for split in SPLITS:
        assert list(again.problems(split)) == list(task.problems(split))


async def test_gold_is_right_however_it_is_stated_and_perturbed_gold_is_wrong(made) -> None:
    task, _ = made
    for split in SPLITS:
        for problem in task.problems(split)[:12]:
            for form in ("{}", "\\boxed{{{}}}", "So it must be this.\n\n\\boxed{{{}}}"):
                assert await task.grade(problem, form.format(problem.gold)), (problem.id, form)
                assert not await task.grade(problem, form.format(perturbed(problem))), (problem.id, form)
            assert not await task.grade(problem, "")


async def test_workings_where_there_are_any_do_not_state_the_answer_twice(made) -> None:
    """A working is what stands before the answer: `published` adds the gold behind it."""
    task, _ = made
    for problem in task.problems("proxy")[:12]:
        assert not problem.solution.rstrip().endswith(f"#### {problem.gold}")


@pytest.mark.parametrize("name", TASKS)
def test_it_says_what_it_is_and_what_it_is_not(name: str) -> None:
    assert 10 < len(catalog.names("tasks")[name]) <= 120
    assert catalog.names("tasks")[name].endswith(".")
    assert "Source:" in (catalog.load("tasks", name).__doc__ or "")


def test_its_config_is_frozen_strict_and_survives_the_journey(made) -> None:
    _, config = made
    assert decode(encode(config), type(config)) == config
    assert digest(decode(encode(config), type(config))) == digest(config)
    for key in asdict(config):
        with pytest.raises(AttributeError):
            setattr(config, key, None)
    with pytest.raises(Misconfigured, match="no_such_setting"):
        convert({"no_such_setting": 1}, type(config), "here")
