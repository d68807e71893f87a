"""The lab in small, on the weights that ship: a teacher that can do the task, a defense that costs it nothing, and a
student whose loss falls. Nothing is trained to its end; what a defense is worth is for experiments to say."""

import pytest

from azeotrope import Given, measure
from azeotrope.distill import Thief, examples
from azeotrope.lift import defense
from azeotrope.models.sampling import Sampling
from azeotrope.models.shipped import shipped
from azeotrope.tasks import steps
from azeotrope.training.tiny import Tiny, TinyLearner

TASK = steps.build(steps.Config("easy", train=160, proxy=8, validation=200, test=8))


@pytest.fixture(scope="module")
def teacher():
    return shipped("steps", Sampling(0.6, max_tokens=112))


async def test_the_shipped_teacher_solves_200_problems_and_a_plan_takes_the_values_and_no_answer(teacher) -> None:
    problems = TASK.problems("validation")
    assert len(problems) == 200
    plan = defense("instruct", {"instruction": "plan"}, Given(rewriter=steps.writer("plan")))(teacher)
    bare, behind = [await measure.score(model, TASK, problems) for model in (teacher, plan)]
    assert bare.score.rate > 0.9, "it learned this"
    assert behind.score.verdicts == bare.score.verdicts, "no answer is changed"
    forced = [(await measure.forced(judged, TASK, teacher)).score.rate for judged in (bare, behind)]
    assert forced[0] > 0.9 and forced[1] < 0.2, "whoever reads on from a plan has to compute"


async def test_a_students_loss_falls_on_what_it_stole(teacher) -> None:
    learner = TinyLearner(Tiny(hidden=64, intermediate=128, layers=1, steps=60, warmup=5), teacher.tokenizer)
    stolen = examples(await Thief(learner, TASK).ask(teacher, TASK.problems("train")))
    losses = learner.fit(stolen, seed=0).curve
    assert len(stolen) == 160 and losses[-1] < 0.7 * losses[0]
