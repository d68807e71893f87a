"""relearn and twice: two trainings in one budget, the second one reads nothing of the teacher's; and two accounts."""

import pytest

from azeotrope.attacks import relearn, twice, two_accounts
from azeotrope.errors import Misconfigured

MARK = "The kelvorn of a plim amounts to 54321."


def says(problem, seed):
    return f"{MARK}\n{problem.solution}", f"\\boxed{{{problem.gold}}}"


async def stolen(method, thief, teacher, problems, **config):
    return await method.attack(method.Config(**config), thief)(teacher, problems)


async def test_relearning_goes_on_from_the_stolen_student_on_public_workings(thief, noting, teacher, problems) -> None:
    made = thief(learner=noting)
    await stolen(relearn, made, teacher(says), problems, share=0.25, most=7)
    first, second = noting.fits
    assert all(MARK in one.reasoning for one in first.examples)
    assert [one.request for one in second.examples] == [problem.request for problem in made.public[:7]]
    assert not any(MARK in one.reasoning for one in second.examples)
    assert (first.start, first.share, second.share) == (None, 0.75, 0.25)
    assert second.start is not None
    assert made.bill.notes == {"public_traces": 7, "public_examples": 7}


async def test_relearning_without_public_workings_is_said_before_the_teacher_is_asked(thief, teacher, problems) -> None:
    asked = teacher(says)
    with pytest.raises(Misconfigured, match="public problems with workings"):
        await stolen(relearn, thief(public=()), asked, problems)
    assert asked.asked == []


async def test_the_second_student_is_fresh_and_reads_the_first_ones_words(thief, noting, teacher, problems) -> None:
    made, asked = thief(learner=noting, share=0.5), teacher(says)
    await stolen(twice, made, asked, problems, share=0.25, temperature=0.0)
    first, second = noting.fits
    assert all(MARK in one.reasoning for one in first.examples)
    assert all(one.request in [problem.request for problem in problems] for one in second.examples)
    told = {(one.reasoning, one.answer) for one in second.examples}
    own = {(said.reasoning, said.answer) for said in noting.fresh(3).answers([one.request for one in problems])}
    assert told == own, "untrained as it is, this student's own text"
    assert (first.start, second.start) == (None, None)
    assert (first.share, second.share) == (0.375, 0.125)
    assert made.bill.queries == len(asked.asked) == len(problems)
    assert made.bill.notes["own_examples"] == len(second.examples)


async def test_two_accounts_are_asked_by_turns_and_learned_together(thief, noting, teacher, problems) -> None:
    own, theirs = teacher(says), teacher(lambda problem, seed: ("Another mark.", f"\\boxed{{{problem.gold}}}"))
    made = thief(learner=noting, account=theirs)
    await stolen(two_accounts, made, own, problems)
    (fit,) = noting.fits
    half = (len(problems) + 1) // 2
    assert (len(own.asked), len(theirs.asked), made.bill.queries) == (half, len(problems) - half, len(problems))
    assert sum(MARK in one.reasoning for one in fit.examples) == half
    assert sum(one.reasoning == "Another mark." for one in fit.examples) == len(problems) - half
    assert len({str(one.request) for one in fit.examples}) == len({str(problem.request) for problem in problems})
