"""The arithmetic task: its mathematics, its two forms, its writers."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope import Request, Trace, ask
from azeotrope.codec import convert
from azeotrope.errors import Misconfigured
from azeotrope.release import failure
from azeotrope.tasks import steps
from azeotrope.types import Problem

SMALL = steps.Config(train=300, proxy=100, validation=50, test=80)
LINE = re.compile(r"Step \d: (\d+) ([-+*]) (\d+) = (\d+)")


def question(problem: Problem) -> str:
    return problem.request.messages[0]["content"]


def mathematics(problem: Problem) -> str:
    """What a problem asks, read from its question alone."""
    doubled = question(problem).replace("doubles them", "* 2").replace("triples them", "* 3")
    return re.sub(r"[^-+*\d,]", "", doubled.replace("loses", "-").replace("finds", "+"))


@pytest.mark.parametrize("split", ["train", "shifted"])
def test_a_working_follows_from_its_question_step_by_step(split) -> None:
    for problem in steps.build(SMALL).problems(split):
        asked = [int(digits) for digits in re.findall(r"\d+", mathematics(problem))]
        lines = LINE.findall(problem.solution)
        assert problem.solution == "".join(
            f"Step {at}: {a} {sign} {b} = {c}\n" for at, (a, sign, b, c) in enumerate(lines, 1)
        )
        assert asked == [int(lines[0][0]), *(int(line[2]) for line in lines)]
        for a, sign, b, c in lines:
            assert int(c) == {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}[sign]
        assert [line[0] for line in lines[1:]] == [line[3] for line in lines[:-1]]
        assert problem.gold == lines[-1][3]


@pytest.mark.parametrize(("difficulty", "fewest", "most"), [("easy", 2, 3), ("hard", 3, 5)])
def test_difficulty_is_the_number_of_steps(difficulty, fewest, most) -> None:
    config = steps.Config(difficulty, train=200, largest=50, largest_operand=7)
    problems = steps.build(config).problems("train")
    assert {p.solution.count("\n") for p in problems} == set(range(fewest, most + 1))
    assert {p.subject for p in problems} == {f"{n} steps" for n in range(fewest, most + 1)}
    results = [[int(n) for n in line] for p in problems for line in re.findall(r"(\d+) . (\d+) = (\d+)", p.solution)]
    assert all(1 <= a <= 50 and 1 <= c <= 50 and 2 <= b <= 7 for a, b, c in results)


def test_no_split_meets_the_sums_of_another_but_shifted_which_is_test_told_otherwise() -> None:
    task = steps.build(SMALL)
    sums = {s: [mathematics(p) for p in task.problems(s)] for s in ("train", "proxy", "validation", "test", "shifted")}
    assert [len(found) for found in sums.values()] == [300, 100, 50, 80, 80]
    assert sums["shifted"] == sums["test"]
    seen = [one for split in ("train", "proxy", "validation", "test") for one in sums[split]]
    assert len(set(seen)) == len(seen)
    names = [{question(p).split(" has ")[0].split()[-1] for p in task.problems(s)} for s in ("test", "shifted")]
    assert not names[0] & names[1]


def test_a_larger_split_begins_with_the_smaller_ones_problems_and_a_seed_makes_others() -> None:
    task, larger = steps.build(SMALL), steps.build(steps.Config(train=400, proxy=1, test=90))
    assert larger.problems("train")[:300] == task.problems("train")
    assert larger.problems("shifted")[:80] == task.problems("shifted")
    other = steps.build(steps.Config(train=300, seed=1)).problems("train")
    assert len({mathematics(p) for p in other} & {mathematics(p) for p in task.problems("train")}) < 30


def test_a_dry_well_is_named_with_the_cure() -> None:
    with pytest.raises(Misconfigured, match=r"validation holds \d+ different problems, not 600; ask for fewer"):
        steps.build(steps.Config("easy", fewest=1, most=1, largest=10)).problems("validation")
    with pytest.raises(Misconfigured, match="fewest is a bound below most"):
        convert({"fewest": 6}, steps.Config, "here")


@pytest.mark.parametrize("kind", steps.writers)
async def test_what_the_writers_write_may_be_released(kind) -> None:
    extra = ("new_number",) if kind == "plan" else ()
    for problem in steps.build(SMALL).problems("train"):
        trace = Trace("t", problem.request, problem.solution, f"\\boxed{{{problem.gold}}}")
        assert await failure(steps.writers[kind](problem.solution), trace, extra=extra) is None


def test_a_plan_names_what_the_question_names_and_a_paraphrase_everything() -> None:
    said = "Step 1: 11 - 10 = 1\nStep 2: 1 * 3 = 3\nStep 3: 3 + 6 = 9\n"
    assert steps.planned(said) == "Step 1: - 10\nStep 2: * 3\nStep 3: + 6"
    assert steps.paraphrased(said) == (
        "Part 1: 11 minus 10 makes 1\nPart 2: 1 times 3 makes 3\nPart 3: 3 plus 6 makes 9"
    )


async def test_a_writer_finds_the_working_among_an_instructions_data() -> None:
    sent = "=== 7\nStep 1: 11 - 10 = 1\nStep 2: 1 * 3 = 3\n=== 7"
    assert (await ask(steps.writer("plan"), Request.of(sent, "Rewrite it."))).answer == "Step 1: - 10\nStep 2: * 3"
    with pytest.raises(Misconfigured, match="there are: plan, paraphrase"):
        steps.writer("poem")


@given(st.text())
def test_writers_read_any_text(text) -> None:
    for write in steps.writers.values():
        assert len(write(text)) <= 2 * len(text)


async def test_the_last_value_stated_is_graded() -> None:
    task = steps.build(SMALL)
    problem = task.problems("test")[0]
    assert await task.grade(problem, f"\\boxed{{{int(problem.gold) + 1}}} no, \\boxed{{{problem.gold}}}")
    assert not await task.grade(problem, "nothing")


def test_a_corpus_holds_every_form_and_repeats_itself_for_a_seed() -> None:
    texts = list(steps.corpus(3, 400))
    assert texts == list(steps.corpus(3, 400))
    bodies = [text.partition("\n")[2] for text in texts]
    assert {body.partition(" ")[0].partition("{")[0] for body in bodies} == {"Step", "Part", "\\boxed"}
    assert sum(text.startswith("Count the") for text in texts) == 200
    assert any(re.search(r"^Step 2.*\n(?:.*\n)*Step 1", body, re.MULTILINE) for body in bodies)


def test_drawn_sums_use_every_operation() -> None:
    rng = random.Random(0)
    drawn = [steps.draw(SMALL, rng) for _ in range(200)]
    assert {operation for one in drawn for operation, _ in one.operations} == {"+", "-", "*"}
    assert {operand for one in drawn for sign, operand in one.operations if sign == "*"} == {2, 3}
