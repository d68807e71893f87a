"""One thing of the grid: a student stolen and judged, or the teacher behind a defense judged. Knows no processes.

A failure is a result, too: a cell with its reason.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from inspect import isawaitable
from pathlib import Path

from msgspec.structs import replace as altered

from azeotrope import catalog, measure
from azeotrope.codec import convert, digest
from azeotrope.distill import Thief, Wash
from azeotrope.evaluate import families, learners, shielding, teachers
from azeotrope.evaluate.facts import problems, quotable, solved, task_of
from azeotrope.evaluate.greenness import greened
from azeotrope.evaluate.grid import GREEDY, JUDGED, Todo, Variant, defended, keyed
from azeotrope.evaluate.lessons import Watched
from azeotrope.evaluate.outcome import Failure, failed, reason
from azeotrope.evaluate.plan import Experiment, Method
from azeotrope.evaluate.recall import another, key_of, recalled
from azeotrope.evaluate.store import Store
from azeotrope.evaluate.students import Remembering
from azeotrope.evaluate.traces import recorded
from azeotrope.measure import Measured
from azeotrope.models.dialect import Dialect
from azeotrope.models.open import Open
from azeotrope.protocols import Given, Model
from azeotrope.types import Cell, Problem, Score, Trace, Utility

SAMPLES, LONGEST = 4, 4000
"""What a student said: so many problems, so many characters of each."""
_CHARACTERS_A_TOKEN = 4
"""Where the teacher's tokenizer is not at hand."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything a cell works on, open."""

    plan: Experiment
    todo: Todo
    weights: Model
    """The teacher itself."""
    teacher: Model
    """The teacher, its answers remembered."""
    protected: Model
    """The teacher behind the defense, likewise."""
    attacker: Model | None
    """The thief's own writer."""
    account: Model | None
    """The teacher behind the defense as another customer sees it, where the defense has a key."""
    learner: Watched
    """The student to be; what was trained once is not trained again."""


async def done(todo: Todo, plan: Experiment, teacher: str, folder: Path) -> Cell | Utility | Failure:
    """Does it. Never raises but for cancellation. `teacher`: its identity; `folder`: where traces are kept."""
    began = time.perf_counter()
    try:
        async with _opened(todo, plan, teacher, folder) as bench:
            return await (_utility(bench) if todo.attack is None else _cell(bench, todo.attack))
    except Exception as error:
        return failed(todo, reason(error), time.perf_counter() - began)


@asynccontextmanager
async def _opened(todo: Todo, plan: Experiment, teacher: str, folder: Path) -> AsyncGenerator[Bench, None]:
    async with AsyncExitStack() as stack:
        store = Store(folder)
        stack.callback(store.close)
        shield, attack = todo.defense, todo.attack
        weights = await stack.enter_async_context(teachers.opened(plan.teacher, _replayed(plan, todo)))
        writer = await stack.enter_async_context(teachers.writing(shield.writer, shield.writer_key_env, todo.task))
        attacker = None
        if attack is not None:
            attacker = await stack.enter_async_context(
                teachers.writing(attack.writer, attack.writer_key_env, todo.task)
            )
        bare = recorded(weights, store, teacher)

        def behind(seed: int) -> Model:
            key = key_of(seed) if keyed(shield) else None
            defend = shielding.defense(todo, Given(writer, fallback=shield.fallback or None, key=key))
            return recorded(defend(bare), store, defended(teacher, todo.task, shield, seed))

        account = behind(another(todo.seed)) if keyed(shield) else None
        students = Remembering(
            learners.learner(
                plan.learner.kind, plan.learner.recipe, teachers.tokenizer_of(plan.learner, plan.teacher),
                _dialect(weights),
            ),
            folder / "students", digest([teacher, plan.learner, _dialect(weights)]),
        )  # fmt: skip
        learner = Watched(students, plan.learner.recipe.get("batch", 0))
        yield Bench(plan, todo, weights, bare, behind(todo.seed), attacker, account, learner)


def _replayed(plan: Experiment, todo: Todo) -> Sequence[Problem]:
    """What a teacher of published workings is made of."""
    return solved(todo.task) if plan.teacher.kind == "published" else ()


async def _cell(bench: Bench, attack: Variant) -> Cell:
    todo, began = bench.todo, time.perf_counter()
    thief = await _thief(bench, attack)
    steal = catalog.load("attacks", attack.name)
    config = convert(attack.config, steal.Config, f"attack {attack.label!r}")
    student = await steal.attack(config, thief)(bench.protected, problems(todo.task, "train"))
    thief.bill.note(**families.notes(todo.defense, bench.plan.learner))
    scores, judged = await _judged(bench, student)
    accounts = int(thief.bill.notes.get("accounts", 1))
    recall = await recalled(student, todo, bench.plan.marks, bench.learner.read_by(student), accounts)
    return Cell(
        todo.digest, todo.defense.label, attack.label, todo.task.label, todo.seed, todo.stage, todo.split,
        scores, thief.bill.total(), time.perf_counter() - began, samples=_samples(judged, todo), recall=recall,
        greened=await greened(judged, todo, bench.plan.marks, bench.weights, bench.protected),
    )  # fmt: skip


async def _thief(bench: Bench, attack: Variant) -> Thief:
    """Everything the attack is handed. Its washes share the thief's bill."""
    todo = bench.todo
    thief = Thief(
        bench.learner,
        task_of(todo.task),
        problems(todo.task, "proxy"),
        bench.attacker,
        account=bench.account,
        seed=todo.seed,
        share=todo.share,
    )
    return replace(thief, washes=tuple([await _wash(wash, thief) for wash in attack.washes]))


async def _wash(wash: Method, thief: Thief) -> Wash:
    module = catalog.load("washes", wash.name)
    made = module.wash(convert(wash.config, module.Config, f"wash {wash.name!r}"), thief)
    return await made if isawaitable(made) else made


def _dialect(teacher: Model) -> Dialect:
    """How the teacher writes: its student learns to write so."""
    found = getattr(teacher, "dialect", None)
    return found if isinstance(found, Dialect) else Dialect()


async def _judged(bench: Bench, student: Model) -> tuple[dict[str, Score], Measured]:
    """Raw and forced on the stage's split, raw on the splits beside; by subject where subjects are told apart."""
    todo, task = bench.todo, task_of(bench.todo.task)
    judged = await measure.score(student, task, problems(todo.task, todo.split))
    scores = _by_subject(todo, "raw", judged)
    scores |= _by_subject(todo, "forced", await measure.forced(judged, task, student))
    for split in JUDGED[todo.stage][1:]:
        if beside := problems(todo.task, split):
            scores[split] = (await measure.score(student, task, beside)).score
    return scores, judged


def _by_subject(todo: Todo, name: str, found: Measured) -> dict[str, Score]:
    subjects = found.by_subject() if todo.task.protect_subjects else {}
    return {name: found.score} | {f"{name}:{subject}": score for subject, score in subjects.items()}


def _samples(judged: Measured, todo: Todo) -> tuple[tuple[str, str], ...]:
    kept = judged.samples(SAMPLES, quotable(task_of(todo.task)))
    return tuple((asked[:LONGEST], said[:LONGEST]) for asked, said in kept)


async def _utility(bench: Bench) -> Utility:
    """The teacher behind the defense, and what the undefended teacher concludes from the traces it lets out."""
    todo, task, began = bench.todo, task_of(bench.todo.task), time.perf_counter()
    judged = await measure.score(bench.protected, task, problems(todo.task, todo.split))
    forced = await measure.forced(judged, task, bench.teacher)
    traces = [trace for trace in judged.traces if trace is not None]
    scores = _by_subject(todo, "raw", judged) | _by_subject(todo, "forced", forced)
    if bench.plan.fits:
        greedy = [_greedily(problem) for problem in problems(todo.task, todo.split)]
        scores |= {GREEDY: (await measure.score(bench.protected, task, greedy)).score}
    outcomes = Counter(trace.lineage[-1].outcome for trace in traces if trace.lineage)
    return Utility(
        todo.digest, todo.defense.label, todo.task.label, todo.split,
        scores, dict(outcomes), _tokens(bench.weights, traces), time.perf_counter() - began,
    )  # fmt: skip


def _greedily(problem: Problem) -> Problem:
    """The same, to be answered by the likeliest text: what a purifier's source judges a teacher by."""
    request = altered(problem.request, sampling={**problem.request.sampling, "temperature": 0.0})
    return altered(problem, request=request)


def _tokens(teacher: Model, traces: Sequence[Trace]) -> int:
    """What was let out, in the teacher's tokens; estimated from its length where they are not at hand."""
    if isinstance(teacher, Open):
        texts = [teacher.dialect.response(trace.reasoning, trace.answer) for trace in traces]
        return sum(map(len, teacher.encode(texts)))
    return sum(len(trace.reasoning) + len(trace.answer) for trace in traces) // _CHARACTERS_A_TOKEN
