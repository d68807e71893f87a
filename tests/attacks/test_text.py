"""Attacks from text: what is asked, what of it is learned, what is on the bill."""

import pytest

from azeotrope import Scripted, Trace, catalog, defense
from azeotrope.distill import in_the_open, published
from azeotrope.errors import Misconfigured, Refused, Unavailable
from azeotrope.types import Problem, Request


async def stolen(name: str, thief, teacher, problems, **config):
    """What the learner was handed."""
    module = catalog.load("attacks", name)
    await module.attack(module.Config(**config), thief)(teacher, problems)
    return thief.learner.fits[-1].examples


def said(examples) -> list[tuple[str, str]]:
    return [(example.reasoning, example.answer) for example in examples]


def boxed(problem: Problem) -> str:
    return f"\\boxed{{{problem.gold}}}"


async def test_sft_learns_the_traces_as_they_came(thief, noting, teacher, problems) -> None:
    made = thief(learner=noting, share=0.25)
    learned = await stolen("sft", made, teacher(), problems)
    assert said(learned) == [(p.solution, boxed(p)) for p in problems]
    assert [e.request for e in learned] == [p.request for p in problems]
    assert (made.bill.queries, made.bill.examples) == (24, 24)
    assert (noting.fits[0].share, noting.fits[0].seed) == (0.25, 3)


async def test_answer_only_learns_no_reasoning(thief, noting, teacher, problems) -> None:
    learned = await stolen("answer_only", thief(learner=noting), teacher(), problems)
    assert said(learned) == [("", boxed(p)) for p in problems]


async def test_controls_ask_nothing(thief, noting, teacher, problems, task, weights) -> None:
    asked, made = teacher(), thief(learner=noting)
    assert said(await stolen("public", made, asked, problems)) == [
        (p.solution, boxed(p)) for p in task.problems("proxy")
    ]
    assert len(await stolen("public", thief(learner=noting), asked, problems, most=7)) == 7
    module = catalog.load("attacks", "never")
    student = await module.attack(module.Config(), made)(asked, problems)
    assert weights(student) == weights(noting.fresh(3))
    assert asked.asked == []
    assert (made.bill.queries, made.bill.notes["public_traces"]) == (0, 24)


@pytest.mark.parametrize("name", ["public", "mix", "reweight"])
async def test_attacks_with_public_data_say_when_there_is_none(name, thief, noting, teacher, problems) -> None:
    with pytest.raises(Misconfigured, match="public problems with workings"):
        await stolen(name, thief(learner=noting, public=()), teacher(), problems)


# --- best of k


async def test_best_of_k_asks_fewer_problems_k_times(thief, noting, teacher, problems) -> None:
    asked, made = teacher(), thief(learner=noting)
    await stolen("best_of_k", made, asked, problems[:23], k=4)
    assert (made.bill.queries, made.bill.examples) == (20, 5)
    seeds = [request.sampling.get("seed", 0) for request in asked.asked]
    assert sorted(seeds) == [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5
    with pytest.raises(Misconfigured, match="asks each problem 4 times"):
        await stolen("best_of_k", thief(learner=noting), asked, problems[:3], k=4)


SAMPLES = [
    ("a long one, right", "GOLD"),
    ("short", "0"),
    ("other", "\\boxed{0}"),
    ("right", "#### GOLD"),
    ("", "none!!"),
]


@pytest.mark.parametrize(
    ("config", "best"),
    [
        ({}, 3),
        ({"shortest": False}, 0),
        ({"graded": False}, 1),  # two say 0 and two the gold; of the shortest two, "short" was asked first
        ({"graded": False, "majority": False}, 1),  # the shortest says nothing at all, and teaches nothing
        ({"graded": False, "majority": False, "shortest": False}, 0),
    ],
)
async def test_the_best_sample(config, best, thief, noting, teacher, problems) -> None:
    def says(problem: Problem, seed: int) -> tuple[str, str]:
        reasoning, answer = SAMPLES[seed]
        return reasoning, answer.replace("GOLD", problem.gold)

    learned = await stolen("best_of_k", thief(learner=noting), teacher(says), problems[:5], k=5, **config)
    assert said(learned) == [says(problems[0], best)]


@pytest.mark.parametrize("shortest", [True, False])
async def test_a_withheld_sample_is_the_best_only_where_all_are_or_none_else_is_right(
    shortest, thief, noting, teacher, problems
) -> None:
    """What a defense withheld has the shortest reasoning of all: it must not win by that."""
    samples = {"withheld": ("", "GOLD"), "released": ("a long way round", "GOLD"), "wrong": ("short", "0")}

    async def best(*order: str) -> str:
        def says(problem: Problem, seed: int) -> tuple[str, str]:
            reasoning, answer = samples[order[seed]]
            return reasoning, answer.replace("GOLD", problem.gold)

        config = {"k": len(order), "shortest": shortest}
        (learned,) = await stolen("best_of_k", thief(learner=noting), teacher(says), problems[: len(order)], **config)
        return next(name for name, (reasoning, _) in samples.items() if reasoning == learned.reasoning)

    assert await best("withheld", "released", "wrong") == "released"
    assert await best("withheld", "wrong") == "withheld"
    assert await best("withheld", "withheld") == "withheld"


async def test_an_unanswered_sample_is_not_the_best(thief, noting, problems) -> None:
    def rule(request: Request) -> tuple[str, str]:
        if "seed" not in request.sampling:
            raise Unavailable("down")
        return "why", "0"

    made = thief(learner=noting)
    assert said(await stolen("best_of_k", made, Scripted(rule), problems[:4], k=2)) == [("why", "0")] * 2
    assert (made.bill.queries, made.bill.failed) == (2, 2)


# --- mix


@pytest.mark.parametrize(("share", "public"), [(0.1, 3), (0.5, 24), (0.9, 216)])
async def test_mix_trains_on_that_share_of_public_traces(share, public, thief, noting, teacher, problems, task) -> None:
    made = thief(learner=noting)
    learned = await stolen("mix", made, teacher(), problems, share=share)
    own, added = learned[:24], learned[24:]
    assert said(own) == [(p.solution, boxed(p)) for p in problems]
    assert len(added) == public
    assert len(added) / len(learned) == pytest.approx(share, abs=0.02)
    times = [[e.request for e in added].count(trace.request) for trace in published(task.problems("proxy"))]
    assert set(times) <= {public // 24, -(-public // 24)}
    assert made.bill.notes == {"public_traces": min(public, 24), "public_examples": public}
    assert made.bill.queries == 24


# --- steps told in the open


@pytest.mark.parametrize("where", ["user", "system"])
async def test_elicit_asks_for_the_steps_and_learns_them_from_the_answer(
    where, thief, noting, teacher, problems
) -> None:
    def says(problem: Problem, seed: int) -> tuple[str, str]:
        return "", f"{problem.solution}{boxed(problem)}"

    asked = teacher(says)
    protected = defense("withhold")(asked)
    if where == "system":
        asked._problems = {}
        asked.stream = Scripted(lambda request: says(_asked(request, problems), 0)).stream
    learned = await stolen("elicit", thief(learner=noting), protected, problems, where=where, instruction="SHOW IT")
    assert said(learned) == [(p.solution, boxed(p)) for p in problems]
    assert [e.request for e in learned] == [p.request for p in problems]
    for request in asked.asked:
        shown = request.messages[-1 if where == "user" else 0]
        assert shown["role"] == where
        assert shown["content"].endswith("SHOW IT")


def _asked(request: Request, problems) -> Problem:
    return next(p for p in problems if p.request.messages[0] == request.messages[-1])


@pytest.mark.parametrize("learns", [True, False])
async def test_prefill_begins_the_answer_and_learns_how_it_went_on(learns, thief, noting, teacher, problems) -> None:
    def says(problem: Problem, seed: int) -> tuple[str, str]:
        return "", f"{problem.solution.removeprefix('Step 1: ')}{boxed(problem)}"

    asked = teacher(says)
    learned = await stolen("prefill", thief(learner=noting), defense("withhold")(asked), problems, learned=learns)
    whole = [(p.solution if learns else p.solution.removeprefix("Step 1: "), boxed(p)) for p in problems]
    assert said(learned) == whole
    assert all(r.messages[-1] == {"role": "assistant", "content": "Step 1: "} for r in asked.asked)
    assert [e.request for e in learned] == [p.request for p in problems]


async def test_where_prefill_is_refused_there_is_nothing_to_learn(thief, noting, problems) -> None:
    def rule(request: Request) -> str:
        raise Refused("the last message is the user's")

    made = thief(learner=noting)
    with pytest.raises(Misconfigured, match="nothing to learn: scripted answered none of 24"):
        await stolen("prefill", made, Scripted(rule), problems)
    assert (made.bill.queries, made.bill.failed) == (0, 24)
    assert noting.fits == []


@pytest.mark.parametrize(
    ("reasoning", "answer", "whole"),
    [
        ("", "11 - 10 = 1\nStep 2: 1 * 3 = 3\n\\boxed{3}", ("Step 1: 11 - 10 = 1\nStep 2: 1 * 3 = 3\n", "\\boxed{3}")),
        ("", "Step 1: 2 - 1 = 1\n\\boxed{1}", ("Step 1: 2 - 1 = 1\n", "\\boxed{1}")),
        ("11 - 10 = 1\n", "\\boxed{1}", ("Step 1: 11 - 10 = 1\n", "\\boxed{1}")),
        ("", "\\boxed{1}", ("", "\\boxed{1}")),
        ("", "", ("", "")),
    ],
)
def test_what_is_told_in_the_open_becomes_reasoning_and_answer(reasoning, answer, whole) -> None:
    out = in_the_open(Trace("t", Request.of("?"), reasoning, answer), "Step 1: ")
    assert (out.reasoning, out.answer) == whole
