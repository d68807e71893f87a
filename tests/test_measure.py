"""Scores: each verdict, forced answers, subjects."""

import asyncio

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from azeotrope import Request, Scripted, Trace
from azeotrope.errors import Refused, Unavailable
from azeotrope.measure import forced, loops, opened, score
from azeotrope.models.open import Open
from azeotrope.models.text import equal
from azeotrope.tasks import steps
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.training.tokenizer import trained
from azeotrope.types import Problem

LOOP = "I add 3 and get 7. " * 20


class Sums:
    """A task that only grades."""

    name = "sums"

    def problems(self, split):
        return ()

    async def grade(self, problem, answer):
        return await equal(answer, problem.gold)


def problems(*questions: str, gold: str = "7") -> tuple[Problem, ...]:
    return tuple(Problem(question, Request.of(question), gold, subject=question[:1]) for question in questions)


SAID = {
    "right": ("3 + 4 = 7", "\\boxed{7}"),
    "wrong": ("3 + 4 = 8", "\\boxed{8}"),
    "silent": ("Let me see.", ""),
    "vague": ("", "There is no telling what it may be, said the oracle, and so it was."),
    "runs on": "Then I consider the next case, which is harder, and then",
    "loops": LOOP,
    "right, then runs on": "It is \\boxed{7}. Or is it",
    "down": Unavailable("spent"),
    "refused": Refused("too long"),
}
VERDICTS = dict(zip(SAID, "+-00>@>??", strict=True))


def says(request: Request) -> Trace | tuple[str, str]:
    said = SAID[request.messages[0]["content"]]
    if isinstance(said, Exception):
        raise said
    if isinstance(said, str):
        return Trace("t", request, "", said, finish="length")
    return said


@pytest.mark.parametrize("what", SAID)
async def test_each_verdict(what) -> None:
    measured = await score(Scripted(says), Sums(), problems(what))
    assert measured.score.verdicts == VERDICTS[what]
    assert (measured.traces[0] is None) == (VERDICTS[what] == "?")


async def test_a_score_keeps_the_problems_order_and_counts_failures_apart() -> None:
    measured = await score(Scripted(says), Sums(), problems(*SAID), at_once=2)
    found = measured.score
    assert found.verdicts == "".join(VERDICTS.values())
    assert (found.correct, found.failed, found.asked, found.degenerate) == (1, 2, 7, 5)
    assert measured.by_subject() == {
        letter: type(found)("".join(v for q, v in VERDICTS.items() if q[0] == letter))
        for letter in sorted({q[0] for q in SAID})
    }
    assert measured.samples(2) == (("right", "3 + 4 = 7\n\\boxed{7}"), ("wrong", "3 + 4 = 8\n\\boxed{8}"))
    assert len(measured.samples(99)) == 7
    assert measured.samples(1, quoted=False) == ((measured.problems[0].id, "3 + 4 = 7\n\\boxed{7}"),)


async def test_a_grader_that_is_down_fails_the_problem() -> None:
    class Down(Sums):
        async def grade(self, problem, answer):
            raise Unavailable("math-verify does not start")

    assert (await score(Scripted(says), Down(), problems("right"))).score.verdicts == "?"


async def test_no_more_than_so_many_are_asked_at_once() -> None:
    now, most = 0, 0

    class Counting(Scripted):
        async def stream(self, request):
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            async for event in super().stream(request):
                yield event
            now -= 1

    await score(Counting(lambda _: "7"), Sums(), problems(*map(str, range(20))), at_once=3)
    assert most == 3


# --- loops ---


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        (LOOP, True),
        ("First this. " + LOOP[:-7], True),
        ("".join(f"Step {at}: 3 + 4 = 7\n" for at in range(1, 9)), True),
        ("".join(f"{at}. Wait, {at}\n" for at in range(8)), False),
        ("9" * 24, True),
        ("9" * 23, False),
        ("ha ha ha", False),
        ("Step 1: 3 + 4 = 7\nStep 2: 7 + 4 = 11\nStep 3: 11 + 4 = 15\nStep 4: 15 + 4 = 19\n", False),
        ("", False),
    ],
)
def test_a_loop_says_the_same_over_and_over(text, loop) -> None:
    assert loops(text) == loop


@given(st.text(max_size=60), st.text("abc ,", min_size=8, max_size=40), st.integers(3, 9))
def test_whatever_is_said_often_enough_is_a_loop(before, unit, often) -> None:
    assert loops(before + ("x" + unit + "y") * often)


# --- forced answers ---


@pytest.mark.parametrize(
    ("said", "answer", "verdict"),
    [
        ("7}", "\\boxed{7}", "+"),
        ("7} is what comes out", "\\boxed{7}", "+"),
        ("8}", "\\boxed{8}", "-"),
        ("\\frac{14}{2}}.", "\\boxed{\\frac{14}{2}}", "+"),
        ("\\boxed{7}", "\\boxed{7}", "+"),
        ("}", "", "0"),
        ("7", "", "0"),
        ("I do not know", "", "0"),
    ],
)
async def test_what_closes_the_box_is_graded(said, answer, verdict) -> None:
    raw = await score(Scripted(says), Sums(), problems("wrong"))
    by = Scripted(lambda _: said)
    measured = await forced(raw, Sums(), by)
    assert measured.score.verdicts == verdict
    assert measured.traces[0].answer == answer
    assert measured.traces[0].reasoning == raw.traces[0].reasoning
    asked = by.asked[0]
    assert [message["role"] for message in asked.messages] == ["user", "assistant"]
    assert asked.messages[0] == raw.problems[0].request.messages[0]
    assert asked.messages[1]["content"] == "3 + 4 = 8\n\\boxed{"
    assert asked.sampling == {"max_tokens": 48}


async def test_a_box_that_runs_on_has_no_stop_and_what_was_never_asked_stays_failed() -> None:
    by = Scripted(lambda request: Trace("t", request, "", "7 or 8 or 9", finish="length"))
    raw = await score(Scripted(says), Sums(), problems("right", "down", "loops"))
    assert (await forced(raw, Sums(), by)).score.verdicts == ">?>"
    assert len(by.asked) == 2

    def down(_):
        raise Unavailable("spent")

    assert (await forced(raw, Sums(), Scripted(down))).score.verdicts == "???"


@pytest.mark.parametrize(
    ("reasoning", "answer", "told"),
    [
        ("3 + 4 = 7\n", "\\boxed{7}", "3 + 4 = 7\n\\boxed{"),
        ("", "\\boxed{7}", "\\boxed{"),
        ("", "\\boxed{7}\nStep 1: 3 + 4 = 7", "Step 1: 3 + 4 = 7\n\\boxed{"),
        ("", "Three and four are seven.\n\nThe answer is \\boxed{7}.", "Three and four are seven.\n\\boxed{"),
        ("Let me", " see what comes out of it when I have thought", None),
    ],
)
def test_a_trace_is_opened_without_the_answer_it_states(reasoning, answer, told) -> None:
    request = opened(Request.of("3+4?"), Trace("t", Request.of("3+4?"), reasoning, answer))
    assert request.messages[-1]["content"] == (told or f"{reasoning}{answer}\n\\boxed{{")


@pytest.fixture(scope="module")
def tiny() -> Open:
    tokenizer = trained(steps.corpus(0, 300), steps.PIECES)
    return TinyLearner(Tiny(hidden=16, layers=1, heads=2, intermediate=16, max_tokens=24), tokenizer).fresh(0)


async def test_untrained_weights_are_degenerate_and_can_be_forced(tiny) -> None:
    task = steps.build(steps.Config(test=12))
    measured = await score(tiny, task, task.problems("test"))
    assert set(measured.score.verdicts) <= set("->@0")
    assert measured.score.asked == 12
    again = await forced(measured, task, tiny)
    assert set(again.score.verdicts) <= set("->0")
    assert all(trace.answer == "" or trace.answer.startswith("\\boxed{") for trace in again.traces)


async def test_open_weights_go_on_from_the_box(tiny) -> None:
    """A shape that says "7}" after the opener, and the end otherwise."""
    box, seven, brace = (tiny.encode([text])[0] for text in ("\n\\boxed{", "7", "}"))
    follows = {box[-1]: seven[0], seven[0]: brace[0]}
    seen: list[str] = []

    def shape(ids, logits):
        seen.append(tiny.tokenizer.decode(ids[0]).removeprefix("<pad>"))
        out = torch.full_like(logits, -50.0)
        for row, last in enumerate(ids[:, -1].tolist()):
            out[row, follows.get(last, tiny.tokenizer.eos_token_id)] = 50.0
        return out

    raw = await score(Scripted(says), Sums(), problems("wrong"))
    measured = await forced(raw, Sums(), tiny.shaped(shape))
    assert measured.score.verdicts == "+"
    assert seen[0] == "wrong\n3 + 4 = 8\n\\boxed{"
