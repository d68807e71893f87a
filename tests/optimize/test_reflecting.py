"""What a reflection model reads and says: scores go out, no trace does; an instruction comes back from any wrapping."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from azeotrope.models.fake import Scripted
from azeotrope.optimize import edits, grammar
from azeotrope.optimize.plan import Floors
from azeotrope.optimize.records import Candidate
from azeotrope.optimize.reflecting import TEMPLATE, TRIED, asked, fitting, outcome, passed_over, proposed
from azeotrope.streams import ask
from azeotrope.types import Request

FLOORS = Floors(0.9, 0.85)


def entry(point: grammar.Point, damage: float | None = None, **members) -> Candidate:
    text = grammar.instruction(point)
    return Candidate(text, text, "full", "x", **{"kept": 1.0, "readable": 1.0, "damage": damage, **members})


@pytest.mark.parametrize(("said", "wanted"), [
    ("```\nBe brief.\n```", "Be brief."),
    ("Here you are:\n```text\nBe brief.\nBe dense.\n```\nGood luck!", "Be brief.\nBe dense."),
    ("```\nfirst\n```\nfor example\n```\nsecond\n```", "first\n```\nfor example\n```\nsecond"),
    ("```\nSo:\n```text\nx = 1\n```\nand no more.\n```\nGood luck!", "So:\n```text\nx = 1\n```\nand no more."),
    ("```\nBe brief.```", "Be brief."), ("```\nQuote ```x``` so.\n```", "Quote ```x``` so."),
    ("Be brief.", "Be brief."), ("``` Be brief. ```", "Be brief."), ("", ""), ("```\n```", ""),
    ("```\nWrite every result as a", ""), ("Here you are:\n```text\nBe brief.\n", ""), ("``` Be bri", ""),
    ("```\nWrite so:\n```text\nx = 1\n```\nand no", ""), ("```\nBe brief.\n```\nor:\n```\nBe de", ""),
])  # fmt: skip
def test_an_instruction_is_read_from_what_was_said(said: str, wanted: str) -> None:
    assert proposed(said) == wanted


@given(some.text(max_size=300))
def test_whatever_is_said_some_text_is_read(said: str) -> None:
    assert "```" not in proposed(f"```\n{said.replace('`', '')}\n```")
    assert proposed(said) == proposed(said).strip()


def test_a_prompt_tells_each_instruction_with_its_outcome_the_best_last() -> None:
    low, high = entry(grammar.Point(), 0.1), entry(grammar.Point(order="backward"), 0.9)
    down = entry(grammar.Point(line="part"), kept=0.4, failures={"copied": 3})
    prompt = asked([low, high], [down], FLOORS)
    told = TRIED.findall(prompt)
    assert [text for text, _ in told] == [down.text, low.text, high.text]
    assert told[0][1] == "Turned down: traces kept 40%, at least 90%; readability 1.00, at least 0.85; " \
        "checks failed: copied 3"  # fmt: skip
    assert told[2][1].startswith("Score: 90.0 (damage 90.0 points; ")


def test_a_prompt_leaves_out_what_was_turned_down_first_and_then_the_worst() -> None:
    found = [Candidate(str(at), f"{at}" * 7_000, "full", "x", (), 1.0, 1.0, at / 10) for at in range(1, 4)]
    turned = [Candidate(str(at), f"{at}" * 7_000, "screen", "x", (), 1.0, 1.0) for at in range(4, 7)]
    told = [text[0] for text, _ in TRIED.findall(asked(found, turned, FLOORS))]
    assert told == ["5", "6", "1", "2", "3"], "the oldest of what was turned down go first"
    long = [replace(one, text=one.text * 9) for one in found]
    assert [text[0] for text, _ in TRIED.findall(asked(long, turned, FLOORS))] == ["3"], "the best stays"
    assert fitting(found[:1], turned[:1], FLOORS) == (found[:1], turned[:1]) and fitting([], [], FLOORS) == ((), [])


def test_an_outcome_quotes_no_text_of_any_trace() -> None:
    one = entry(grammar.Point(), samples=("Step 1: 11 - 10 = 1",))
    assert "11 - 10" not in outcome(one, FLOORS) + asked([one], [one], FLOORS) + passed_over([one], FLOORS)


async def told(prompt: str, seed: int = 0) -> grammar.Point:
    return grammar.understood(proposed((await ask(edits.reflector(), Request.of(prompt, seed=seed))).answer))


async def test_it_proposes_what_was_not_tried() -> None:
    tried = [entry(point, 0.0) for point in list(grammar.points())[:60]]
    left = set(list(grammar.points())[60:])
    assert {await told(asked(tried, [], FLOORS), seed) for seed in range(20)} <= left
    everything = asked([entry(point, 0.0) for point in grammar.points()], [], FLOORS)
    assert await told(everything) in set(grammar.points()), "and anything where all was"


async def test_it_learns_from_what_it_reads_and_from_nothing_else() -> None:
    seen = [entry(grammar.Point(values=values), 0.9 * (values == "letters")) for values in grammar.CLAUSES["values"]]
    proposals = [await told(asked(seen, [], FLOORS), seed) for seed in range(20)]
    assert sum(point.values == "letters" for point in proposals) > 10
    turned = [entry(grammar.Point(values=v), 0.9 * (v == "numbers")) for v in grammar.CLAUSES["values"]]
    proposals = [await told(asked(turned, [], FLOORS), seed) for seed in range(20)]
    assert sum(point.values == "numbers" for point in proposals) > 10
    assert await told(asked(seen, [], FLOORS), 3) == await told(asked(seen, [], FLOORS), 3), "no memory of its own"


async def test_it_edits_the_instruction_it_is_given() -> None:
    current = grammar.Point(line="part", notation="words", values="letters")
    prompt = TEMPLATE.replace("<curr_param>", grammar.instruction(current)).replace("<side_info>", "")
    assert await told(prompt) != current
    assert isinstance(edits.reflector(), Scripted)


@given(some.text(max_size=400))
async def test_it_makes_something_of_any_prompt(prompt: str) -> None:
    assert await told(prompt) in set(grammar.points())
