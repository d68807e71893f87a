"""The three promises, for any rewrite: the answer stays, raw reasoning stays in, what happened is written down."""

import asyncio

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st
from msgspec.structs import replace

from azeotrope import (
    Given,
    Replay,
    Request,
    Scripted,
    Trace,
    ask,
    ask_all,
    chain,
    none,
    rewriting,
    shaping,
    withholding,
)
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.lift import about, only
from azeotrope.protocols import OpenModel
from azeotrope.streams import collect, play
from azeotrope.types import Answer, Finish, Opened, Problem, Reasoning, Step

QUESTION = Request.of("2+2?")
TRACE = Trace("t1", QUESTION, "Two plus two: that is four.", "4")


async def upper(trace: Trace) -> Trace:
    return trace.but(reasoning=trace.reasoning.upper())


async def protect(rewrite, trace: Trace = TRACE, **given) -> Trace:
    return await ask(rewriting(rewrite, name="mine", given=Given(**given))(Replay([trace])), trace.request)


async def test_a_rewrite_is_released_and_written_down() -> None:
    out = await protect(upper, seed=7)
    assert (out.reasoning, out.answer) == ("TWO PLUS TWO: THAT IS FOUR.", "4")
    (step,) = out.lineage
    assert (step.name, step.outcome, step.seed, step.failures) == ("mine", "released", 7, ())
    assert step.cost.milliseconds > 0


async def liar(trace: Trace) -> Trace:
    return replace(trace, reasoning="so it is five", answer="5")


async def toolsmith(trace: Trace) -> Trace:
    return replace(trace, reasoning="call it", tool_calls=({"id": "x"},))


async def slow(trace: Trace) -> Trace:
    raise TimeoutError(trace.reasoning)


async def down(trace: Trace) -> Trace:
    raise Unavailable(trace.reasoning)


async def buggy(trace: Trace) -> Trace:
    raise KeyError(trace.reasoning)


async def declines(trace: Trace) -> None:
    return None


FAILING = {
    liar: "answer_changed",
    toolsmith: "answer_changed",
    slow: "timed_out",
    down: "unavailable",
    buggy: "raised_KeyError",
    declines: "declined",
}


@pytest.mark.parametrize("rewrite", FAILING, ids=lambda f: f.__name__)
async def test_failure_keeps_the_answer_and_withholds_the_reasoning(rewrite) -> None:
    out = await protect(rewrite)
    assert (out.reasoning, out.answer, out.tool_calls) == ("", "4", ())
    assert (out.lineage[0].outcome, out.lineage[0].failures) == ("withheld", (FAILING[rewrite],))
    assert TRACE.reasoning not in repr(out.lineage)


@pytest.mark.parametrize("rewrite", FAILING, ids=lambda f: f.__name__)
async def test_only_the_operator_can_choose_to_fail_open(rewrite) -> None:
    out = await protect(rewrite, fail="open")
    assert (out.reasoning, out.answer) == (TRACE.reasoning, "4")
    assert out.lineage[0].outcome == "opened"


async def test_no_reasoning_is_nothing_to_protect() -> None:
    out = await protect(buggy, Trace("t", QUESTION, "", "4"))
    assert (out.answer, out.lineage[0].outcome) == ("4", "absent")


async def test_withhold_streams_the_answer_as_it_comes() -> None:
    teacher = Scripted(lambda _: ("thinking hard", "the answer"), pieces=3)
    events = [event async for event in withholding()(teacher).stream(QUESTION)]
    assert not [e for e in events if isinstance(e, Reasoning)]
    assert len([e for e in events if isinstance(e, Answer)]) == 4
    assert collect(QUESTION, events)[0].lineage[0].outcome == "withheld"


async def test_defenses_compose_left_to_right_and_none_is_the_identity() -> None:
    async def exclaim(trace: Trace) -> Trace:
        return trace.but(reasoning=trace.reasoning + "!")

    both = chain(none, rewriting(upper, name="upper"), rewriting(exclaim, name="exclaim"))
    out = await ask(both(Replay([TRACE])), QUESTION)
    assert out.reasoning == "TWO PLUS TWO: THAT IS FOUR.!"
    assert [step.name for step in out.lineage] == ["upper", "exclaim"]
    teacher = Replay([TRACE])
    assert none(teacher) is teacher


async def test_every_choice_is_decided_by_itself() -> None:
    class Twice:
        name = "twice"

        async def stream(self, request: Request):
            yield Opened("r", "m")
            for choice in (1, 0):
                yield Reasoning(f"why {choice}", choice)
                yield Answer(str(choice), choice)
                yield Finish("stop", choice)

    async def not_the_first(trace: Trace) -> Trace | None:
        return None if trace.answer == "0" else await upper(trace)

    request = Request.of("?")
    first, second = await ask_all(rewriting(not_the_first, name="x")(Twice()), request)
    assert (first.reasoning, first.answer, first.lineage[0].outcome) == ("", "0", "withheld")
    assert (second.reasoning, second.answer, second.lineage[0].outcome) == ("WHY 1", "1", "released")


async def test_a_teacher_that_dies_mid_stream_leaks_nothing() -> None:
    class Dies:
        name = "dies"

        async def stream(self, request: Request):
            yield Opened("r")
            yield Reasoning("secret")
            raise Unavailable("gone")

    seen = []
    with pytest.raises(Unavailable):
        async for event in rewriting(upper, name="x", given=Given(fail="open"))(Dies()).stream(QUESTION):
            seen.append(event)
    assert seen == [Opened("r")]


async def test_cancelling_reaches_the_rewrite() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def waits(trace: Trace) -> Trace:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return trace

    task = asyncio.create_task(protect(waits))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


def test_a_shape_refuses_a_teacher_without_logits() -> None:
    with pytest.raises(Misconfigured, match="needs its logits"):
        shaping(lambda context, logits: logits)(Replay([TRACE]))


@any_of(st.text(), st.text(), st.integers(0, 7))
def test_cutting_the_stream_into_other_pieces_changes_no_trace(reasoning: str, answer: str, pieces: int) -> None:
    trace = Trace("t", QUESTION, reasoning, answer, lineage=(Step("s"),), tool_calls=({"id": "a", "type": "function"},))
    assert collect(QUESTION, play(trace, pieces=pieces)) == [trace]


# --- selective protection ---

PLANTS = tuple(
    Problem(f"p{at}", Request.of(f"How tall is the {name}?"), "1", subject=subject)
    for at, (name, subject) in enumerate([("ash", "trees"), ("fir", "trees"), ("oxeye", "flowers"), ("aster", "herbs")])
)
TREES = about(PLANTS, ["trees"])


async def released(request: Request) -> str:
    """What of the reasoning gets past a defense of the trees."""
    return (await ask(only(withholding(), TREES)(Scripted(lambda _: ("I measured it.", "1 m"))), request)).reasoning


async def test_only_the_named_subjects_meet_the_defense() -> None:
    assert [await released(plant.request) for plant in PLANTS] == ["", "", "I measured it.", "I measured it."]


async def test_a_question_is_known_again_however_it_is_asked() -> None:
    for plant in PLANTS:
        asked, clean = plant.request.messages[0]["content"], plant.subject != "trees"
        begun = (*plant.request.messages, {"role": "assistant", "content": "Step 1:"})
        for request in (
            Request(begun),
            Request.of(asked, "You are a botanist.", seed=4),
            Request.of(f"{asked}\n\nShow each step in the answer."),
            Request(({"role": "user", "content": [{"type": "text", "text": f"Here: {asked}"}]},)),
        ):
            assert await released(request) == ("I measured it." if clean else "")


async def test_in_doubt_a_request_is_protected() -> None:
    assert await released(Request.of("How tall is the larch?")) == ""
    both = "How tall is the oxeye? How tall is the ash?"
    assert await released(Request.of(both)) == ""


async def test_what_is_let_past_is_the_teachers_own_event_for_event() -> None:
    def script(_):
        return ("I measured it.", "1 m")

    teacher = Scripted(script, pieces=3)
    selective = only(rewriting(upper, name="mine"), TREES)(Scripted(script, pieces=3))
    clean = PLANTS[2].request
    assert [e async for e in selective.stream(clean)] == [e async for e in teacher.stream(clean)]
    assert [step.name for step in (await ask(selective, PLANTS[0].request)).lineage] == ["mine"]


def test_selective_protection_shows_no_logits_that_could_pass_it_by() -> None:
    class Seen(Scripted):
        def shaped(self, shape):
            return self

        def logits(self, ids):
            return ids

    teacher = Seen(lambda _: "1")
    assert isinstance(teacher, OpenModel)
    assert not isinstance(only(none, TREES)(teacher), OpenModel)
