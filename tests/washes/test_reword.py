"""reword: the words change, what they say does not: numbers, names and step lines."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.keys import Master
from azeotrope.marks import FAMILIES, Law, associations, opening, told, variants
from azeotrope.models.text.boundaries import places, put
from azeotrope.tasks.steps import paraphrased
from azeotrope.washes import reword

MASTER = Master((b"m" * 32, b"n" * 32))


async def reworded(thief, traces, **given):
    made = thief(**given)
    return await reword.wash(reword.Config(), made)(traces), made.bill.notes


async def test_step_lines_become_what_the_task_itself_makes_of_them(thief, traces) -> None:
    out, notes = await reworded(thief, traces)
    assert [trace.reasoning.rstrip() for trace in out] == [paraphrased(trace.reasoning) for trace in traces]
    lines = sum(trace.reasoning.count("\n") for trace in traces)
    assert notes == {"sentences": lines, "sentences_reworded": lines}


@pytest.mark.parametrize("family", FAMILIES)
def test_trigger_and_target_survive_and_the_words_between_them_change(family: str) -> None:
    kept = seen = 0
    for one in associations(MASTER.key("acme"), Law(8, families=(family,))):
        for variant in range(variants(one)):
            out = reword.otherwise(told(one, variant), random.Random(variant))
            assert one.trigger.lower() in out.lower()
            assert re.findall(r"\d+", out) == [one.target]
            assert out[0].isupper()
            assert out.endswith(".")
            seen += 1
            kept += opening(one).lower() in out.lower()
    assert kept == 0, f"{kept} of {seen} still lead from trigger to target as the probe does"


async def test_a_marked_trace_keeps_its_sentence_among_its_steps(thief, traces) -> None:
    marks = associations(MASTER.key("acme"))
    given = [
        trace.but(reasoning=put(trace.reasoning, places(trace.reasoning)[0], told(marks[at % 16], at)))
        for at, trace in enumerate(traces)
    ]
    out, _ = await reworded(thief, given)
    for at, (old, new) in enumerate(zip(given, out, strict=True)):
        assert new.reasoning.count("\n") == old.reasoning.count("\n")
        assert sum(marks[at % 16].target in line for line in new.reasoning.split("\n")) == 1


async def test_one_sentence_is_not_said_alike_in_every_trace_nor_by_every_thief(thief, traces) -> None:
    same = [trace.but(reasoning="Note that the plim is equal to 5.") for trace in traces]
    out, _ = await reworded(thief, same)
    again, _ = await reworded(thief, same)
    other, _ = await reworded(thief, same, seed=4)
    assert out == again != other
    assert len({trace.reasoning for trace in out}) > 5


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("By the way, she has 5 pens.", {"She has 5 pens, by the way."}),
        ("It costs $1,000, for now.", {"For now, it costs $1,000."}),
        ("Tom went on, for good.", {"Tom went on, for good."}),
        ("We do not know it!", {"We don't know it!"}),
        ("2. It is 4.", {"2. It's 4."}),
        ("She is Also here", {"She is Also here"}),
        ("Step 3: 40 - 5 = 35", {"Part 3: 40 minus 5 makes 35"}),
        ("  `x equals 3`.", {"  `x equals 3`."}),
        ("x_equals y-equals", {"x_equals y-equals"}),
        ("So we go.", {"Therefore we go.", "Hence we go.", "Thus we go."}),
        ("...", {"..."}),
    ],
)
def test_rules(sentence: str, expected: set[str]) -> None:
    assert {reword.otherwise(sentence, random.Random(seed)) for seed in range(40)} == expected


@given(st.text(max_size=80), st.integers(0, 9))
def test_numbers_stay_whatever_the_text(sentence: str, seed: int) -> None:
    digits = sorted(re.findall(r"\d", sentence))
    assert sorted(re.findall(r"\d", reword.otherwise(sentence, random.Random(seed)))) == digits
