"""normalize: the yardsticks are undone exactly, clean traces stay as they are, plain forms are plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope import Given, Replay, Request, Trace, ask, defense
from azeotrope.codec import encode
from azeotrope.tasks import steps
from azeotrope.washes.normalize import Config, answer_last, in_order, normal, plainly

SIZES = {"train": 300, "proxy": 0, "validation": 0, "test": 0}
CLEAN = {
    level: [
        Trace(p.id, p.request, p.solution, f"\\boxed{{{p.gold}}}")
        for p in steps.build(steps.Config(level, **SIZES)).problems("train")
    ]
    for level in ("easy", "hard")
}


@pytest.mark.parametrize("level", ["easy", "hard"])
@pytest.mark.parametrize(
    ("name", "config"),
    [("shuffle", {"renumber": False}), ("shuffle", {"renumber": True}), ("answer_first", {}),
     ("answer_first", {"statement": "The answer is ANSWER."}), ("none", {})],
)  # fmt: skip
async def test_what_the_yardsticks_do_is_undone_exactly(name: str, config, level: str) -> None:
    shielded = defense(name, config, Given(seed=4))(Replay(CLEAN[level]))
    changed = 0
    for clean in CLEAN[level]:
        trace = await ask(shielded, clean.request)
        changed += trace.reasoning != clean.reasoning
        plain = normal(trace, Config())
        assert (plain.reasoning, plain.answer) == (clean.reasoning, clean.answer)
    assert changed == (0 if name == "none" else len(CLEAN[level]))


async def test_both_together_are_undone() -> None:
    clean = CLEAN["hard"][:200]
    shielded = defense("answer_first")(defense("shuffle")(Replay(clean)))
    for trace in clean:
        assert normal(await ask(shielded, trace.request), Config()).reasoning == trace.reasoning


async def test_lies_are_not_mended() -> None:
    shielded = defense("corrupt")(Replay(CLEAN["hard"]))
    for clean in CLEAN["hard"][:50]:
        trace = await ask(shielded, clean.request)
        assert normal(trace, Config()).reasoning == trace.reasoning != clean.reasoning


@pytest.mark.parametrize("part", ["order", "answer", "notation"])
def test_each_part_can_be_left_alone(part: str) -> None:
    messy = Trace("t", Request.of("?"), "\\boxed{4}\nStep 2: 3 × 1 = 3\nStep 1: 1 + 2 = 3\n", "\\boxed{4}")
    whole, less = normal(messy, Config()).reasoning, normal(messy, Config(**{part: False})).reasoning
    assert whole == "Step 1: 1 + 2 = 3\nStep 2: 3 * 1 = 3\n"
    kept = {"order": "Step 2: 3 * 1 = 3\nStep 1", "answer": "\\boxed{4}\nStep 1", "notation": "3 × 1"}
    assert kept[part] in less


QUESTION = "Ann has 5 pens, finds 5, loses 5, doubles them. How many?"


@pytest.mark.parametrize(
    ("mixed", "question", "answer", "right"),
    [
        # the values come back to where they were: the question says which way round
        (["10 - 5 = 5", "5 + 5 = 10", "5 * 2 = 10"], QUESTION, "10", ["5 + 5 = 10", "10 - 5 = 5", "5 * 2 = 10"]),
        # any turn of a ring is a chain: the answer says where it ends
        (["4 - 2 = 2", "2 * 2 = 4"], "", "2", ["2 * 2 = 4", "4 - 2 = 2"]),
        (["4 - 2 = 2", "2 * 2 = 4"], "", "4", ["4 - 2 = 2", "2 * 2 = 4"]),
        # no order is a chain: nothing is known better
        (["7 - 2 = 5", "2 * 2 = 4"], "", "4", ["7 - 2 = 5", "2 * 2 = 4"]),
        (["so much", "2 * 2 = 4", "1 + 1 = 2"], "", "4", ["so much", "2 * 2 = 4", "1 + 1 = 2"]),
    ],
)
def test_the_order_of_equations_is_read_off_their_values(mixed, question, answer, right) -> None:
    told = ["".join(f"Step {at}: {one}\n" for at, one in enumerate(lines, 1)) for lines in (mixed, right)]
    assert in_order(told[0], question, f"\\boxed{{{answer}}}") == told[1]


def test_many_equal_steps_do_not_take_for_ever() -> None:
    ring = ["1 + 1 = 2", "2 - 1 = 1"] * 15
    told = "".join(f"Step {at}: {one}\n" for at, one in enumerate([*ring, "5 + 5 = 10"], 1))
    assert in_order(told, "", "\\boxed{7}") == told


@pytest.mark.parametrize(
    ("reasoning", "answer", "out"),
    [
        ("\\boxed{9}\nStep 1: 3 * 3 = 9\n\\boxed{9}\n", "\\boxed{9}", ("Step 1: 3 * 3 = 9\n", "\\boxed{9}")),
        ("Final answer: 9\nwhy", "The answer is \\boxed{9}.", ("why", "The answer is \\boxed{9}.")),
        ("\\boxed{8}\nwhy", "\\boxed{9}", ("\\boxed{8}\nwhy", "\\boxed{9}")),  # another value is no statement of it
        ("3 * 3 = \\boxed{9}\nwhy", "\\boxed{9}", ("3 * 3 = \\boxed{9}\nwhy", "\\boxed{9}")),
        ("", "\\boxed{9}\nStep 1: 3 * 3 = 9\n", ("Step 1: 3 * 3 = 9\n", "\\boxed{9}")),
        ("so", "\\boxed{9}\nand no steps", ("so", "\\boxed{9}\nand no steps")),
        ("why", "I do not know what to say about this matter", ("why", "I do not know what to say about this matter")),
    ],
)
def test_the_answer_stands_last_and_once(reasoning: str, answer: str, out: tuple[str, str]) -> None:
    assert answer_last(reasoning, answer) == out


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        ("３ × 4 ＝ 12", "3 * 4 = 12"),
        ("12 ÷ 4 − 1 = 2", "12 / 4 - 1 = 2"),
        ("$3 \\times 4 = 12$", "3 * 4 = 12"),
        ("\\(3\\cdot4 = 12\\)", "3 * 4 = 12"),
        ("8 \\div 2 ⊕ 1", "8 / 2 + 1"),
        ("3 x 4 is not x + 4", "3 * 4 is not x + 4"),
        ("1\u200b2\u00a0+ 3", "12 + 3"),
        ("it costs $3 and 4", "it costs $3 and 4"),
        ("Step 1: 11 - 10 = 1\n", "Step 1: 11 - 10 = 1\n"),
    ],
)
def test_signs_are_plain(odd: str, plain: str) -> None:
    assert plainly(odd) == plain


LINES = st.lists(
    st.sampled_from(
        ["Step 1: 1 + 1 = 2", "Step 2: 2 × 2 = 4", "Step 3: 4 - 3 = 1", "Step 2: 1 + 1 = 2", "\\boxed{4}", "x", "",
         "Answer: 4"]
    ),
    max_size=9,
)  # fmt: skip


@given(st.one_of(st.text(), LINES.map("\n".join)), st.one_of(st.text(), LINES.map("\n".join)))
def test_a_second_time_changes_nothing(reasoning: str, answer: str) -> None:
    once = normal(Trace("t", Request.of("Ann has 1, finds 1."), reasoning, answer), Config())
    assert encode(normal(once, Config())) == encode(once)
