"""`optimize`: a search in, its results, its report's records and the winner's file out. Resumes; knows no searcher.

In the folder: NAME.jsonl (every instruction with scores, cost and parents), NAME.md (the winner, as `serve` and
`protect` take it), NAME.instructions/ (every instruction as a file), and `.traces/`, which experiments share.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from azeotrope import catalog
from azeotrope.codec import digest
from azeotrope.defenses import instruct
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import heading, learners, teachers
from azeotrope.evaluate.facts import problems, task_of
from azeotrope.evaluate.plan import Learning
from azeotrope.evaluate.store import Store
from azeotrope.evaluate.traces import recorded
from azeotrope.models.dialect import Dialect
from azeotrope.models.fake import Scripted
from azeotrope.optimize import results
from azeotrope.optimize.apart import problems_apart, students_apart
from azeotrope.optimize.arena import Arena, Spent, Watch
from azeotrope.optimize.confirming import confirmed
from azeotrope.optimize.outcome import Outcome, outcome
from azeotrope.optimize.plan import Search, Writer
from azeotrope.optimize.records import Candidate, Confirmed
from azeotrope.optimize.releasing import Bench
from azeotrope.optimize.results import Memory
from azeotrope.optimize.saving import keep, put_aside, saved
from azeotrope.optimize.scoring import Scoring
from azeotrope.optimize.searchers import searcher
from azeotrope.protocols import Model
from azeotrope.training import Learner
from azeotrope.types import Problem


async def optimize(
    plan: Search, folder: Path, watch: Watch = lambda progress: None, reuse: Sequence[Path] = ()
) -> Outcome:  # fmt: skip
    """Searches, or goes on with a search. Raises `Misconfigured` before anything is begun, `Unavailable` when a model
    is down or results cannot be kept: the same call goes on.

    `reuse`: other searches' results, whose scores of the same digest are taken over with the run that made them.
    """
    students_apart(plan)
    start, space = start_of(plan), space_of(plan)
    place = folder / f"{plan.name}.md"
    elsewhere = results.looked_at(*reuse) if reuse else None
    with results.opened(folder / f"{plan.name}.jsonl", heading.head(plan)) as memory:
        memory.elsewhere = elsewhere
        async with _opened(plan, folder, start.checks) as (bench, reflector):
            scoring = Scoring(bench, memory)
            arena = Arena(plan, scoring, memory, reflector, watch, start=start.text, space=space)
            await run(arena)
            if winner := won(arena):
                _save(place, winner, plan.rewriter.settings, start.checks)  # what confirms may go down, or be killed
            else:
                put_aside(place)  # it won by other settings
            checked = await _confirmed(bench, winner, memory) if winner else []
        return outcome(arena, scoring, memory, winner, checked)


async def run(arena: Arena) -> None:
    """The plan's searcher, to its end."""
    try:
        await searcher(arena.plan.searcher.kind)(arena)
    except Spent:
        return


def won(arena: Arena) -> Candidate | None:
    """The best of what was scored in full; none where nothing beats "no rewrite"."""
    best = arena.best
    return best if best is not None and best.worth(arena.plan.floors) > 0 else None


def start_of(plan: Search) -> instruct.Instruction:
    """The instruction to begin with. The checks that it asks for hold for whatever the search makes of it."""
    start = plan.searcher.start
    if start.endswith(".md") or start in instruct.instructions():
        return instruct.instruction(start)
    if not start.strip():
        raise Misconfigured(
            "[searcher] start says nothing: give a shipped instruction, a path that ends in .md, or text"
        )
    return instruct.Instruction(start.strip())


def space_of(plan: Search) -> tuple[str, ...]:
    """Every instruction there is; none where no space is named."""
    space = plan.searcher.space
    return tuple(map(str, catalog.called(space, "[searcher] space"))) if space else ()


@asynccontextmanager
async def _opened(
    plan: Search, folder: Path, checks: tuple[str, ...]
) -> AsyncGenerator[tuple[Bench, Model | None], None]:
    """The bench, and who proposes; open while the block lasts."""
    parts = _parts(plan)
    async with AsyncExitStack() as stack:
        store = Store(folder / ".traces")
        stack.callback(store.close)
        weights = await stack.enter_async_context(teachers.opened(plan.teacher))
        rewriter = await _writer(stack, plan.rewriter, plan)
        reflector = await _writer(stack, plan.reflector, plan) if plan.reflector else None
        assert rewriter is not None
        bench = Bench(
            plan, task_of(plan.task), recorded(weights, store, teachers.identity(plan.teacher)),
            rewriter if isinstance(rewriter, Scripted) else recorded(rewriter, store, digest(_rewriter(plan))),
            _learner(plan, plan.proxies.learner, weights), *parts, folder / f"{plan.name}.instructions",
            _identity(plan, parts, rewriter, checks), checks,
        )  # fmt: skip
        yield bench, reflector


async def bench_of(plan: Search) -> str:
    """Digest of what decides a score beside the instruction. Opens no weights and asks no address."""
    rule = plan.rewriter.name if plan.rewriter.name.startswith((teachers.PYTHON, teachers.TASK)) else ""
    async with teachers.writing(rule, "", plan.task) as rewriter:
        return _identity(plan, _parts(plan), rewriter, start_of(plan).checks)


def _identity(plan: Search, parts: Sequence[Sequence[Problem]], rewriter: Model | None, checks: Sequence[str]) -> str:
    edition = getattr(rewriter, "edition", "")  # a rule has one; what a served model is, only its name says
    known = [plan.context, teachers.identity(plan.teacher), *map(_digests, parts)]
    return digest([*known, *([edition] if edition else []), *([list(checks)] if checks else [])])


def _rewriter(plan: Search) -> list[str]:
    """What the rewriter's answers go by; where it is the task's own, by the task, too."""
    return ["rewriter", plan.rewriter.name, plan.task.name]


async def _writer(stack: AsyncExitStack, writer: Writer, plan: Search) -> Model | None:
    return await stack.enter_async_context(teachers.writing(writer.name, writer.key_env, plan.task))


def _parts(plan: Search) -> tuple[tuple[Problem, ...], tuple[Problem, ...], tuple[Problem, ...]]:
    """(what proxies learn from, what the cheap score asks, what the score asks), and that they are apart."""
    public, cut = problems(plan.task, "proxy"), plan.proxies.traces
    learn, search = public[:cut], public[cut : cut + plan.proxies.search]
    validation = problems(plan.task, "validation")
    if len(learn) < cut or len(search) < plan.proxies.search or not validation:
        raise Misconfigured(
            f"task {plan.task.name!r} has {len(public)} problems in its proxy split and {len(validation)} in its "
            f"validation split: the search wants {cut} and {plan.proxies.search} of the first, and some of the second"
        )
    groups = {"proxies learn": learn, "search": search, "validation": validation}
    groups["test"] = problems(plan.task, "test")
    if plan.confirm is not None:
        groups["train"] = problems(plan.task, "train")
        if not groups["test"] or not groups["train"]:
            raise Misconfigured(f"task {plan.task.name!r} has no train or no test split, and [confirm] wants both")
    problems_apart(groups)
    return learn, search, validation


def _digests(found: Sequence[Problem]) -> str:
    return digest(list(found))


def _learner(plan: Search, learning: Learning, teacher: Model) -> Learner:
    found = getattr(teacher, "dialect", None)
    dialect = found if isinstance(found, Dialect) else Dialect()
    return learners.learner(learning.kind, learning.recipe, teachers.tokenizer_of(learning, plan.teacher), dialect)


async def _confirmed(bench: Bench, winner: Candidate, memory: Memory) -> list[Confirmed]:
    how = bench.plan.confirm
    if how is None:
        return []
    return await confirmed(bench, how, winner, memory, _learner(bench.plan, how.learner, bench.teacher))


def _save(path: Path, winner: Candidate, settings: Sequence[str], checks: Sequence[str]) -> None:
    """`settings`: of `instruct`, without which the rest does not hold."""
    assert winner.damage is not None
    about = f"Found by search ({winner.by}): {100 * winner.damage:.1f} points off proxy students"
    about += f", rewritten with {' '.join(settings)}" if settings else ""
    keep(path, saved(winner.text, about, checks))
