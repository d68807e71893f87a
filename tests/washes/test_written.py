"""paraphrase and invert: what the thief's own models are asked, what of it is kept, what it costs."""

from types import SimpleNamespace

import pytest

from azeotrope import Request, Scripted, Trace, ask
from azeotrope.distill import published
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.washes import invert, paraphrase


async def test_paraphrase_asks_the_writer_for_each_working_alone(thief, traces) -> None:
    writer = Scripted(lambda request: f" {request.messages[1]['content'].upper()}\n")
    made = thief(writer=writer)
    out = await paraphrase.wash(paraphrase.Config(temperature=0.2), made)(traces)
    assert [t.reasoning for t in out] == [t.reasoning.upper().strip() for t in traces]
    assert [(t.answer, t.request) for t in out] == [(t.answer, t.request) for t in traces]
    for request, trace in zip(writer.asked, traces, strict=True):
        system, user = request.messages
        assert (system["content"], user["content"]) == (paraphrase.Config().instruction, trace.reasoning)
        assert request.sampling["temperature"] == 0.2
    assert made.bill.notes["writer_queries"] == len(traces)
    assert made.bill.queries == 0


async def test_paraphrase_pays_for_the_writers_tokens(thief, traces) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 7}
    made = thief(writer=Scripted(lambda request: Trace("w", request, "thoughts", "words", usage=usage)))
    await paraphrase.wash(paraphrase.Config(), made)(traces[:3])
    assert made.bill.notes == {
        "writer_queries": 3, "writer_tokens_in": 15, "writer_tokens_out": 21, "writer_failed": 0,
    }  # fmt: skip


def cut(request: Request) -> Trace:
    return Trace("w", request, "", "half a wor", finish="length")


def down(request: Request) -> str:
    raise Unavailable("down")


@pytest.mark.parametrize("rule", [cut, down, lambda _: "  "])
@pytest.mark.parametrize("failed", ["keep", "drop"])
async def test_what_the_writer_fails_at_is_kept_or_dropped(rule, failed, thief, traces) -> None:
    made = thief(writer=Scripted(rule))
    out = await paraphrase.wash(paraphrase.Config(failed=failed), made)(traces[:4])
    assert out == (traces[:4] if failed == "keep" else [])
    assert made.bill.notes["writer_failed"] == 4


async def test_paraphrase_needs_a_writer_and_asks_for_no_working_where_there_is_none(thief, traces) -> None:
    with pytest.raises(Misconfigured, match="give the thief a writer"):
        paraphrase.wash(paraphrase.Config(), thief())
    writer = Scripted(lambda _: "words")
    bare = [trace.but(reasoning="") for trace in traces]
    assert await paraphrase.wash(paraphrase.Config(), thief(writer=writer))(bare) == bare
    assert writer.asked == []


# --- invert


def inverting(noting, says) -> Scripted:
    """The learner's model answers by this rule."""
    model = Scripted(says)
    noting_fit = noting.fit

    def fit(examples, *, seed, **how):
        noting_fit(examples, seed=seed, **how)
        return SimpleNamespace(model=model, steps=1, tokens=1, cpu_seconds=0.0, truncated=0)

    noting.fit = fit
    return model


def solved(task):
    """What a perfect inverter writes."""
    known = {p.request.messages[0]["content"]: p for p in (*task.problems("train"), *task.problems("proxy"))}

    def says(request: Request) -> tuple[str, str]:
        question, _, answer = request.messages[0]["content"].partition("\n")
        return known[question].solution, answer

    return says


async def test_the_inverter_learns_from_problem_and_answer_and_writes_for_the_teachers_answers(
    thief, noting, traces, task
) -> None:
    model, made = inverting(noting, solved(task)), thief(learner=noting)
    out = await invert.wash(invert.Config(share=0.7), made)([trace.but(reasoning="a fog") for trace in traces])
    assert out == traces
    (fit,) = noting.fits
    assert (fit.share, fit.seed) == (0.7, 3)
    for example, trace in zip(fit.examples, published(task.problems("proxy")), strict=True):
        question = trace.request.messages[0]["content"]
        assert example.request.messages == ({"role": "user", "content": f"{question}\n{trace.answer}"},)
        assert (example.reasoning, example.answer) == (trace.reasoning, trace.answer)
    assert [r.messages[0]["content"].partition("\n")[2] for r in model.asked] == [t.answer for t in traces]
    assert made.bill.notes == {"inverter_public_traces": 24, "inverter_dropped": 0}
    assert (made.bill.steps, made.bill.queries) == (1, 0)


async def test_the_reasoning_that_is_thrown_away_makes_no_difference(thief, noting, traces, task) -> None:
    inverting(noting, solved(task))
    bare, foggy = [
        await invert.wash(invert.Config(), thief(learner=noting))([t.but(reasoning=r) for t in traces])
        for r in ("", "x")
    ]
    assert bare == foggy


@pytest.mark.parametrize(
    ("reasoning", "own", "stays"),
    [
        ("Step 1: 3 * 3 = 9\n", "\\boxed{9}", True),
        ("Step 1: 3 * 3 = 8\n", "\\boxed{9}", False),
        ("Step 1: 3 * 3 = 9\n", "\\boxed{8}", False),
        ("Step 1: 3 * 2 = 6\nStep 2: 6 + 3 = 9.", "", True),
        ("Step 1: 3 * 3 = 9\nStep 2: 9 + 3 = 12", "", False),
        ("thrice three is nine", "\\boxed{9}", True),
        ("we get = 9 and so on", "\\boxed{9}", True),
        ("total = $9.00\n", "\\boxed{9}", True),
        ("", "\\boxed{9}", False),
        (" \n", "\\boxed{9}", False),
    ],
)
async def test_a_working_that_comes_out_elsewhere_is_dropped(reasoning, own, stays, thief, noting, traces) -> None:
    inverting(noting, lambda _: (reasoning, own))
    made = thief(learner=noting)
    trace = Trace("t", traces[0].request, "", "\\boxed{9}")
    out = await invert.wash(invert.Config(), made)([trace])
    assert out == ([trace.but(reasoning=reasoning)] if stays else [])
    assert made.bill.notes["inverter_dropped"] == (not stays)
    if reasoning.strip():
        assert await invert.wash(invert.Config(checked=False), made)([trace]) == [trace.but(reasoning=reasoning)]


async def test_how_much_is_public_can_be_bounded_and_must_not_be_nothing(thief, noting, traces, task) -> None:
    inverting(noting, solved(task))
    made = thief(learner=noting)
    await invert.wash(invert.Config(most=5), made)(traces)
    assert len(noting.fits[0].examples) == made.bill.notes["inverter_public_traces"] == 5
    with pytest.raises(Misconfigured, match="public problems with workings"):
        await invert.wash(invert.Config(), thief(public=()))(traces)
    with pytest.raises(ValueError, match="PROBLEM and ANSWER"):
        invert.Config(form="PROBLEM")


async def test_a_real_inverter_is_asked_what_it_was_trained_on(learner, traces, words) -> None:
    """In its tokens: what it reads when it writes is what it read when it learned."""
    config = invert.Config()
    model = learner.fresh(0)
    asked = [invert.question(trace, config) for trace in traces]
    prompts = [model.dialect.prompt(request, words) for request in asked]
    for prompt, trace in zip(prompts, traces, strict=True):
        assert prompt == f"{trace.request.messages[0]['content']}\n{trace.answer}\n"
        assert words.decode(words(prompt)["input_ids"]) == prompt
    assert invert.question(Trace("t", traces[0].request, "", "I cannot say what it is, sorry"), config) is None
    bounded = invert.question(traces[0], invert.Config(max_tokens=5, temperature=1.0))
    assert (await ask(model, bounded)).usage["completion_tokens"] <= 5
