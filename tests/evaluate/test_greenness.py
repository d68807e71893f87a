"""What the lab reads off a student's text: its key's green where it copies greened text, nothing by another key."""

import math

import pytest

from azeotrope import lift, measure
from azeotrope.evaluate.facts import problems, task_of
from azeotrope.evaluate.greenness import greened
from azeotrope.evaluate.grid import Todo, defended
from azeotrope.evaluate.plan import Marks, Shield, Sizes, Subject
from azeotrope.evaluate.recall import key_of
from azeotrope.evaluate.wordy import paraphraser, teacher
from azeotrope.models.fake import Scripted
from azeotrope.protocols import Given
from azeotrope.streams import ask
from azeotrope.types import Request

TASK = Subject("steps", "steps", {"difficulty": "easy", "train": 150, "test": 150}, Sizes(train=150, test=150))
GREEN = {"gamma": 0.5, "delta": 6.0, "context": 4}
SHIELD = Shield("greenlist", "green", GREEN)
MARKS = Marks(keys=1000)


def todo(seed: int = 1, defense: Shield = SHIELD) -> Todo:
    return Todo("d", TASK, defense, None, "confirm", seed, 1.0)


@pytest.fixture(scope="module")
def weights():
    return teacher()


def behind(weights, seed: int):
    return lift.defense("greenlist", GREEN, Given(key=key_of(seed)))(weights)


async def test_a_student_that_says_what_it_was_taught_is_proved_and_one_of_another_key_is_not(weights) -> None:
    task, asked = task_of(TASK), problems(TASK, "test")
    mine, theirs = [await measure.score(behind(weights, seed), task, asked) for seed in (1, 2)]
    found = await greened(mine, todo(), MARKS, weights, behind(weights, 1))
    other = await greened(theirs, todo(), MARKS, weights, behind(weights, 1))
    assert found and other
    assert found.own.log_p < math.log(1e-6 / 1000) and found.own.share > 0.55
    assert found.taught.log_p < math.log(1e-6 / 1000)
    assert min(found.never.log_p, other.own.log_p, other.never.log_p) > math.log(1e-3)
    assert (found.gamma, found.keys, found.alpha) == (0.5, 1000, 1e-6)
    assert found.own.scored == found.never.scored > 300


async def test_whoever_says_nothing_has_no_green_and_no_other_defense_has_a_reading(weights) -> None:
    task, asked = task_of(TASK), problems(TASK, "test")[:4]
    mute = await measure.score(Scripted(lambda _: ""), task, asked)
    found = await greened(mute, todo(), MARKS, weights, behind(weights, 1))
    assert found and (found.own.scored, found.own.log_p, found.own.share) == (0, 0.0, 0.0)
    for other in (Shield("none", "none"), Shield("terse", "terse"), Shield("association", "association")):
        assert await greened(mute, todo(defense=other), MARKS, weights, weights) is None
    assert await greened(mute, todo(), MARKS, Scripted(lambda _: ""), weights) is None


def test_a_bias_belongs_to_its_seed() -> None:
    assert defended("t", TASK, SHIELD, 1) != defended("t", TASK, SHIELD, 2)


def test_the_wordy_teacher_draws_its_words_and_stays_right(weights) -> None:
    said = [trace.reasoning for trace in weights.answers([one.request for one in problems(TASK, "test")])]
    words = " ".join(said)
    for one, other in ((" = ", " makes "), ("Step", "Part"), (" + ", " plus ")):
        share = words.count(one) / (words.count(one) + words.count(other))
        assert 0.3 < share < 0.7, one


async def test_the_wordy_teacher_is_right(weights) -> None:
    found = await measure.score(weights, task_of(TASK), problems(TASK, "test"))
    assert found.score.rate > 0.9


async def test_the_paraphrase_draws_all_words_anew_and_keeps_the_arithmetic() -> None:
    told = [
        f"Step {at}: {at} times 3 = {3 * at}\nPart {at + 1}: {3 * at} + 1 makes {3 * at + 1}" for at in range(1, 60)
    ]
    said = [(await ask(paraphraser(), Request.of(f"Write it anew.\n\n{one}"))) for one in told]
    texts = [one.reasoning + one.answer for one in said]
    numbers = [[word for word in one.replace(":", "").split() if word.isdigit()] for one in (*told, *texts)]
    assert numbers[:59] == numbers[59:]
    words = " ".join(texts).replace("\n", " ")
    for one, other in (("Step ", "Part "), (" * ", " times "), (" + ", " plus "), (" = ", " makes ")):
        share = words.count(one) / (words.count(one) + words.count(other))
        assert 0.25 < share < 0.75, one
