"""How often a student read its mark: what it was given is counted, whatever its thief did to the traces before."""

import gc
from collections.abc import Sequence
from typing import Any

import pytest

from azeotrope import catalog, lift
from azeotrope.codec import convert
from azeotrope.distill import Thief
from azeotrope.evaluate.facts import problems, task_of
from azeotrope.evaluate.grid import Todo
from azeotrope.evaluate.lessons import Watched
from azeotrope.evaluate.plan import Marks, Method, Shield, Sizes, Subject
from azeotrope.evaluate.recall import another, key_of, recalled
from azeotrope.marks import associations, told
from azeotrope.models.fake import Scripted
from azeotrope.protocols import Given, Model
from azeotrope.streams import ask
from azeotrope.training import Example, Fitted
from azeotrope.types import Request

SIZE, BATCH, STEPS, SEED = 200, 8, 50, 1
TASK = Subject("steps", "steps", {"difficulty": "easy", "train": SIZE, "proxy": 24}, Sizes(train=SIZE))
MARKED = Shield("none", "marked", {}, then=(Method("association", {"share": 0.5, "placed_by": "rule"}),))
MARKS = Marks(budget=8)
SAID = "Step 1: 1 + 1 = 2\nStep 2: 2 + 2 = 4\nStep 3: 4 + 1 = 5"
MINE = associations(key_of(SEED))


class Reciting:
    """Its students say one sentence of the mark, if they were given any: nothing is learned."""

    name = "reciting"

    def fresh(self, seed: int) -> Any:
        return Scripted(lambda request: "no")

    def fit(self, examples: Sequence[Example], *, share: float = 1.0, **how: Any) -> Any:
        marked = any(MINE[0].trigger in one.reasoning for one in examples)

        def rule(request: Request) -> tuple[str, str]:
            return f"{SAID}\n{told(MINE[0])}" if marked else SAID, "\\boxed{5}"

        return Fitted(Scripted(rule), round(STEPS * share), 0, 0.0, 0, ())


def behind(seed: int) -> Model:
    teacher = Scripted(lambda request: (SAID, "\\boxed{5}"))
    return lift.linked([(one.name, one.config) for one in MARKED.links], Given(key=key_of(seed)))(teacher)


async def read(attack: str, config: dict[str, Any] | None = None, washes: Sequence[str] = ()) -> tuple[float, ...]:
    """How often the attack's student read each association."""
    learner = Watched(Reciting(), BATCH)
    thief = Thief(learner, task_of(TASK), problems(TASK, "proxy"), account=behind(another(SEED)), seed=SEED)
    made = tuple(catalog.load("washes", name).wash(catalog.load("washes", name).Config(), thief) for name in washes)
    thief = Thief(learner, thief.task, thief.public, account=thief.account, washes=made, seed=SEED, bill=thief.bill)
    module = catalog.load("attacks", attack)
    student = await module.attack(convert(config or {}, module.Config, attack), thief)(
        behind(SEED), problems(TASK, "train")
    )
    todo = Todo("d", TASK, MARKED, None, "screen", SEED, 1.0)
    found = await recalled(student, todo, MARKS, learner.read_by(student), int(thief.bill.notes.get("accounts", 1)))
    assert found and len(found.read) == len(found.told)
    return found.read


async def marked(asked: slice = slice(None), every: int = 1) -> list[int]:
    """How many of the traces say each association."""
    traces = [await ask(behind(SEED), one.request) for one in problems(TASK, "train")[asked][::every]]
    return [sum(one.trigger in trace.reasoning for trace in traces) for one in MINE[: len(MINE) // 2]]


@pytest.mark.parametrize(
    ("attack", "config", "asked", "every", "passes"),
    [
        ("sft", {}, SIZE, 1, STEPS * BATCH / SIZE),
        ("mix", {"share": 0.5}, SIZE, 1, STEPS * BATCH / (2 * SIZE)),
        ("best_of_k", {"k": 4}, SIZE // 4, 1, STEPS * BATCH / (SIZE // 4)),
        ("two_accounts", {}, SIZE, 2, STEPS * BATCH / SIZE),
        ("relearn", {"share": 0.4}, SIZE, 1, 0.6 * STEPS * BATCH / SIZE),
    ],
)
async def test_what_is_told_is_read_as_often_as_its_training_goes_over_it(attack, config, asked, every, passes) -> None:
    counts = await marked(slice(asked), every)
    assert sum(counts) > 10
    assert await read(attack, config) == pytest.approx([count * passes for count in counts], abs=1e-3)


async def test_who_learns_from_a_student_reads_what_that_one_says() -> None:
    passes = STEPS * BATCH / 2 / SIZE
    assert await read("twice") == pytest.approx([SIZE * passes, *(0 for _ in MINE[1 : len(MINE) // 2])])


@pytest.mark.parametrize("wash", ["cut", "invert"])
async def test_what_a_wash_takes_away_is_not_read(wash: str) -> None:
    assert sum(await read("sft", {}, [wash])) == 0


async def test_what_a_wash_says_otherwise_is_read() -> None:
    assert await read("sft", {}, ["reword"]) == await read("sft")


def test_nothing_is_claimed_of_what_is_not_known() -> None:
    request, unknown = Request.of("?"), Scripted(lambda request: "no")
    one = Example(request, "a", "b")
    assert Watched(Reciting(), 0).read_by(unknown) is None
    unsized, learner = Watched(Reciting(), 0), Watched(Reciting(), BATCH)
    assert unsized.read_by(unsized.fit([one], seed=1).model) is None, "a recipe without batches"
    assert learner.read_by(learner.fit([one], seed=1, start=unknown).model) is None, "who began elsewhere"
    fresh = learner.fresh(1)
    assert learner.read_by(fresh) == ()
    on = learner.fit([one] * 4, seed=1, start=learner.fit([one], seed=1, start=fresh).model).model
    assert [lesson.passes for lesson in learner.read_by(on) or ()] == [STEPS, STEPS], "a batch holds no more than all"


def test_students_are_not_kept_alive_and_no_other_is_taken_for_one() -> None:
    learner = Watched(Reciting(), BATCH)
    for _ in range(50):
        learner.fit([Example(Request.of("?"), "a", "b")], seed=1)
        gc.collect()
        assert learner.read_by(Scripted(lambda request: "no")) is None
