"""The grammar: each clause is understood exactly, what is not said stays, the rewriter obeys through `instruct`."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import asdict

from azeotrope.defenses import instruct
from azeotrope.lift import rewriting
from azeotrope.models.fake import Scripted
from azeotrope.optimize.grammar import CLAUSES, Point, instruction, points, rewriter, rewritten, space, understood
from azeotrope.protocols import Given
from azeotrope.release import Bounds
from azeotrope.streams import ask
from azeotrope.types import Request

WORKING = "Step 1: 11 - 10 = 1\nStep 2: 1 * 3 = 3\nStep 3: 3 + 6 = 9\n"


def test_every_point_has_an_instruction_of_its_own() -> None:
    assert len(set(space())) == len(list(points())) == 64
    assert all(understood(instruction(point)) == point for point in points())
    assert next(points()) == Point()


@given(
    some.dictionaries(some.sampled_from(sorted(CLAUSES)), some.integers(0, 9)),
    some.randoms(use_true_random=False),
    some.text("ab \n.", max_size=30),
)
def test_clauses_are_understood_alone_in_any_order_case_and_spacing(chosen: Any, chance: Any, noise: str) -> None:
    wanted = {clause: list(CLAUSES[clause])[at % len(CLAUSES[clause])] for clause, at in chosen.items()}
    said = [CLAUSES[clause][option] for clause, option in wanted.items()]
    chance.shuffle(said)
    text = noise + " " + "\n \t".join(chance.choice((str.upper, str.lower, str))(one) for one in said) + " " + noise
    assert understood(text) == Point(**wanted)


@given(some.text(max_size=200))
def test_what_is_no_clause_says_nothing(text: str) -> None:
    assert understood(text.replace(".", "")) == Point()


def test_of_two_sentences_for_one_clause_the_last_counts() -> None:
    steps, parts = CLAUSES["line"].values()
    assert understood(f"{steps} {parts}").line == "part"
    assert understood(f"{parts} {steps}").line == "step"


@pytest.mark.parametrize(("point", "wanted"), [
    (Point(), WORKING.rstrip()),
    (Point(line="part", notation="words"),
     "Part 1: 11 minus 10 makes 1\nPart 2: 1 times 3 makes 3\nPart 3: 3 plus 6 makes 9"),
    (Point(values="first"), "Step 1: 11 - 10 = a\nStep 2: a * 3 = 3\nStep 3: 3 + 6 = 9"),
    (Point(values="last"), "Step 1: 11 - 10 = 1\nStep 2: 1 * 3 = 3\nStep 3: 3 + 6 = c"),
    (Point(values="letters", order="backward"), "Step 3: b + 6 = c\nStep 2: a * 3 = b\nStep 1: 11 - 10 = a"),
    (Point(shown="second"), "Step 1: 11 - 10 = 1\nStep 3: 3 + 6 = 9"),
])  # fmt: skip
def test_it_is_written_as_asked(point: Point, wanted: str) -> None:
    assert rewritten(WORKING, point) == wanted


@given(some.sampled_from(list(points())), some.text(max_size=80))
def test_lines_that_are_no_steps_are_left_out(point: Point, junk: str) -> None:
    junk = "".join(character for character in junk if not character.isdigit())
    assert rewritten(f"{junk}\n{WORKING}{junk}", point) == rewritten(WORKING, point)
    assert rewritten(junk, point) == ""


def test_every_clause_changes_the_text() -> None:
    for clause, options in CLAUSES.items():
        texts = {rewritten(WORKING, Point(**{**asdict(Point()), clause: option})) for option in options}
        assert len(texts) == len(options), clause


async def test_it_obeys_through_instruct_and_the_answer_stays(tmp_path) -> None:
    path = tmp_path / "x.md"
    path.write_text(instruction(Point(values="first", notation="words")))
    config = instruct.Config(instruction=str(path), bounds=Bounds(shortest=8))
    teacher = Scripted(lambda request: (WORKING, "\\boxed{9}"))
    defense = rewriting(instruct.rewrite(config, Given(rewriter())), name="instruct", config=config)
    trace = await ask(defense(teacher), Request.of("Bob has 11 cards, loses 10, triples them, finds 6. How many?"))
    assert trace.reasoning == "Step 1: 11 minus 10 makes a\nStep 2: a times 3 makes 3\nStep 3: 3 plus 6 makes 9"
    assert trace.answer == "\\boxed{9}"
    path.write_text("Do as you like.")
    trace = await ask(rewriting(instruct.rewrite(config, Given(rewriter())), name="i", config=config)(teacher),
                      Request.of("How many?"))  # fmt: skip
    assert trace.reasoning == "" and trace.lineage[-1].failures == ("copied", "copied"), "a copy is turned down"
    assert not re.search("Step", trace.answer)
