"""What a student says of its teacher's mark: all of it, nothing, or another's; and how often it was told."""

from collections import Counter

import pytest

from azeotrope import lift
from azeotrope.errors import Misconfigured
from azeotrope.evaluate.facts import problems
from azeotrope.evaluate.grid import Todo, defended, keyed
from azeotrope.evaluate.plan import Marks, Method, Shield, Sizes, Subject
from azeotrope.evaluate.recall import another, key_of, never_told, recalled
from azeotrope.marks import associations, opening, question
from azeotrope.math.stats import Answered, Rule
from azeotrope.math.stats.families import found
from azeotrope.models.fake import Scripted
from azeotrope.protocols import Given
from azeotrope.streams import ask

TASK = Subject("steps", "steps", {"difficulty": "easy", "train": 400}, Sizes(train=400))
MARKED = Shield("none", "marked", {}, then=(Method("association", {"share": 0.5, "placed_by": "rule"}),))
MARKS = Marks(budget=24)


def todo(seed: int = 1, defense: Shield = MARKED) -> Todo:
    return Todo("d", TASK, defense, None, "screen", seed, 1.0)


def knowing(seed: int) -> Scripted:
    """A student that knows all of one key's associations."""
    known = associations(key_of(seed))

    def rule(request) -> str:
        text = str(request.messages[-1]["content"])
        return next((one.target for one in known if text in (opening(one), question(one))), "no idea, perhaps 12")

    return Scripted(rule)


async def test_a_student_that_knows_the_mark_is_proved_and_one_of_another_key_is_not() -> None:
    mine, others = await recalled(knowing(1), todo(1), MARKS), await recalled(knowing(2), todo(1), MARKS)
    assert mine and others
    rule = Rule(mine.alpha, mine.keys, mine.values)
    hits = [found([Answered(*line) for line in one.lines], rule, complete=True) for one in (mine, others)]
    assert [(one.hits, one.proved) for one in hits] == [(8, True), (0, False)]
    assert len(mine.lines) == MARKS.budget
    assert Counter(line[0] for line in mine.lines) == dict.fromkeys(range(8), 3)


async def test_the_control_tells_who_knows_from_who_says_the_same_of_everything() -> None:
    known = associations(key_of(1))
    rote = Scripted(lambda request: known[0].target)  # one told number, whatever is asked
    mine, parrot = await recalled(knowing(1), todo(1), MARKS), await recalled(rote, todo(1), MARKS)
    assert mine and parrot
    assert Counter(form for form, _, _ in mine.contexts) == {"bare": 8, "turn": 8, "after": 8}
    assert all(right for _, _, right in mine.contexts), "also where an earlier answer named it already"
    assert not any(own or other for _, _, own, other in mine.never)
    assert all(other and not own for _, _, own, other in parrot.never) and len(parrot.never) == MARKS.budget
    assert sum(right for _, _, right in parrot.contexts) == 3
    never = associations(never_told(1))
    assert {one.trigger for one in never}.isdisjoint(one.trigger for one in known)


async def test_how_often_it_was_told_is_what_stands_in_the_traces() -> None:
    found = await recalled(knowing(1), todo(1), MARKS)
    teacher = Scripted(lambda request: ("Step 1: 1 + 1 = 2\nStep 2: 2 + 2 = 4\nStep 3: 4 + 1 = 5", "5"))
    marked = lift.linked([(one.name, one.config) for one in MARKED.links], Given(key=key_of(1)))(teacher)
    told = [(await ask(marked, one.request)).reasoning for one in problems(TASK, "train")]
    counts = [sum(one.trigger in text for text in told) for one in associations(key_of(1))[:8]]
    assert found and list(found.told) == counts
    assert sum(counts) > 50


async def test_two_accounts_share_the_problems_and_have_marks_of_their_own() -> None:
    whole, half = [await recalled(knowing(1), todo(1), MARKS, accounts=accounts) for accounts in (1, 2)]
    assert whole and half and 0.3 < sum(half.told) / sum(whole.told) < 0.7
    ours, theirs = (
        {one.trigger for seed in range(9) for one in associations(key_of(at(seed)))} for at in (int, another)
    )
    assert ours.isdisjoint(theirs)


async def test_no_mark_no_recall() -> None:
    assert await recalled(knowing(1), todo(1, Shield("none", "none")), MARKS) is None


def test_a_mark_belongs_to_its_seed_and_nothing_else_does() -> None:
    plain = Shield("terse", "terse")
    assert keyed(MARKED) and not keyed(plain)
    assert defended("t", TASK, MARKED, 1) != defended("t", TASK, MARKED, 2)
    assert defended("t", TASK, plain, 1) == defended("t", TASK, plain, 2)
    chained = Shield("terse", "terse", then=(Method("none"),))
    assert defended("t", TASK, chained, 1) != defended("t", TASK, plain, 1)


def test_a_chain_is_read_with_its_defaults_and_its_name(lab) -> None:
    body = '[[attacks]]\nname = "sft"\n[[defenses]]\nname = "terse"\nthen = [{{ name = "{}" }}]\n'
    (shield,) = lab.plan(body.format("association")).defenses
    assert shield.label == "terse+association"
    assert [method.name for method in shield.links] == ["terse", "association"]
    assert shield.then[0].config["share"] == 0.1
    with pytest.raises(Misconfigured, match=r"defenses\[0\].then\[0\]: no defense called 'moat'"):
        lab.plan(body.format("moat"))
