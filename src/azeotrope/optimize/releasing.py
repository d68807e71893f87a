"""What leaves when a rewriter follows an instruction: traces behind the defense `instruct`, counted. Trains nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from msgspec.structs import replace

from azeotrope import lift
from azeotrope.defenses import instruct
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.optimize.asking import TURNED_DOWN, again, answered, check_reasoned
from azeotrope.optimize.plan import Search
from azeotrope.optimize.records import UNDONE, Expense, named
from azeotrope.optimize.saving import keep, saved
from azeotrope.protocols import Given, Model, Task
from azeotrope.release.readability import readable
from azeotrope.training import Learner
from azeotrope.types import Problem, Trace

SAMPLES, LONGEST = 3, 600
"""Rewrites kept with a candidate, and characters of each."""
SLOW = 0.1
"""Share of the traces that a rewriter may be too slow for, or refuse, and its instruction still has a score."""
_DOWN = "unavailable"


@dataclass(frozen=True)
class Bench:
    """Everything a score works on, open."""

    plan: Search
    task: Task
    teacher: Model
    """Its answers remembered."""
    rewriter: Model
    """Likewise."""
    learner: Learner
    learn: tuple[Problem, ...]
    search: tuple[Problem, ...]
    validation: tuple[Problem, ...]
    folder: Path
    """Where each instruction stands as a file."""
    identity: str
    """Digest of what decides a score beside the instruction."""
    checks: tuple[str, ...] = ()
    """The extra ones of the instruction to begin with, which hold for every other, too."""


@dataclass(frozen=True)
class Released:
    """Traces as they leave, and what that took."""

    learn: tuple[Trace, ...]
    search: tuple[Trace, ...]
    kept: float = 1.0
    readable: float = 1.0
    failures: tuple[tuple[str, int], ...] = ()
    samples: tuple[str, ...] = ()
    expense: Expense = field(default_factory=Expense)
    undone: str = ""
    """Why what left says nothing of students."""


async def clean(bench: Bench) -> Released:
    """The teacher's traces as they are; problems that it refuses are left out. Raises `Misconfigured` where those are
    most."""
    learn, search = await answered(bench.teacher, bench.learn), await answered(bench.teacher, bench.search)
    refused = len(bench.learn) + len(bench.search) - len(learn) - len(search)
    return Released(learn, search, failures=((TURNED_DOWN, refused),) if refused else ())


async def rewritten(bench: Bench, text: str) -> Released:
    """Behind the instruction. Raises `Misconfigured` for a teacher without reasoning, `Unavailable` for a rewriter that
    is down: what it leaves undone is no result. What it refuses or is too slow for may be the instruction's doing."""
    before = await clean(bench)
    check_reasoned(bench.teacher, [*before.learn, *before.search])
    try:
        behind = _defended(bench, text)
    except Misconfigured as error:  # an instruction that cannot be read
        return Released((), (), 0.0, 0.0, before.failures, undone=str(error))
    learn, search = await again(behind, before.learn), await again(behind, before.search)
    pairs = zip((*before.learn, *before.search), (*learn, *search), strict=True)
    both = [(old, new) for old, new in pairs if old.reasoning]
    steps = [new.lineage[-1] for _, new in both]
    failures = Counter(name for step in steps for name in step.failures) + Counter(dict(before.failures))
    if failures[_DOWN]:
        raise Unavailable(
            f"the rewriter {bench.rewriter.name} left traces undone ({_DOWN} {failures[_DOWN]}; of {len(both)}), which "
            "says nothing of the instruction: run the same again when it answers"
        )
    undone = sum(failures[name] for name in UNDONE) > SLOW * len(both)
    left = [(old.reasoning, new.reasoning) for old, new in both if new.reasoning]
    reads = [readable(new, old) for old, new in left]
    costs = [step.cost for step in steps]
    return Released(
        learn, search, len(left) / max(1, len(both)), fmean(reads) if reads else 0.0, tuple(failures.most_common()),
        tuple(new[:LONGEST] for _, new in left[:SAMPLES]),
        Expense(sum(one.attempts for one in costs), sum(one.tokens_in for one in costs),
                sum(one.tokens_out for one in costs)),
        f"the rewriter refused, or was too slow for, more than {SLOW:.0%} of the traces" if undone else "",
    )  # fmt: skip


def _defended(bench: Bench, text: str) -> Model:
    path = bench.folder / f"{named(text)}.md"
    keep(path, saved(text, checks=bench.checks))
    config = replace(bench.plan.rewriter.config, instruction=str(path))
    rewrite = instruct.rewrite(config, Given(bench.rewriter))
    return lift.rewriting(rewrite, name="instruct", config=config)(bench.teacher)
