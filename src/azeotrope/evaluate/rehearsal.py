"""A rehearsal: every stage of an experiment as it would run, with everything small and nothing fetched.

Named architectures stand at two tiny random layers, rewriters follow a rule, data sets are a few made-up rows, training
takes two steps. What it shows is that the code paths fit together; its scores say nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from msgspec import field
from msgspec.structs import replace

from azeotrope.errors import Misconfigured
from azeotrope.evaluate import facts, standing_in
from azeotrope.evaluate.cell import done
from azeotrope.evaluate.choose import chosen
from azeotrope.evaluate.grid import Grid, Todo, wanted
from azeotrope.evaluate.outcome import Failure
from azeotrope.evaluate.outcome import reason as why
from azeotrope.evaluate.plan import (
    Confirm,
    Experiment,
    Fits,
    Learning,
    Screen,
    Shield,
    Sizes,
    Subject,
    Teacher,
    Theft,
)
from azeotrope.evaluate.standing_in import StandIns
from azeotrope.models.dialect import Dialect
from azeotrope.models.fake import Scripted
from azeotrope.models.open import Open
from azeotrope.models.sampling import Sampling
from azeotrope.types import Cell, Fields, Record, Utility

SAID = (
    "All are gone, so what is found is all there is: 4.\nNothing else is left, therefore 0 + 4 = 4.\n"
    "</think>\n\n\\boxed{4}"
)
"""The teacher's, whatever it is asked."""
REWRITTEN = "First note what is there at the start. Then find what is left of it, and put to that what is found."
_TOKENS = 160
"""Bytes are tokens."""
_SIZES = Sizes(4, 4, 2, 2, 2)
_SMALL: dict[str, Fields] = {
    "hub": {"steps": 2, "batch": 2, "accumulation": 1, "rank": 2, "longest": 1024, "max_tokens": 12},
    "tiny": {"steps": 2, "batch": 2, "hidden": 32, "max_tokens": 12},
    "tuned": {"steps": 2, "batch": 2, "max_tokens": 12},
}
"""By kind of learner: what becomes small."""
_NOTHING_LEFT = "nothing to learn: no example is left"
_FITS = "fits"
_folder: ContextVar[Path] = ContextVar("the teacher's stand-in")


class Rehearsed(Record, frozen=True):
    """One thing that was run."""

    what: str
    seconds: float
    steps: int = 0
    """Of training."""
    outcomes: dict[str, int] = field(default_factory=dict[str, int])
    """Of a teacher behind a defense: what became of its reasoning."""
    early: bool = False
    """It ended where a wash left nothing of what untrained weights wrote: no fault."""
    reason: str = ""
    """Why it did not come to its end."""


def rehearse(plan: Experiment, stand_ins: StandIns, only: Collection[str] = ()) -> Iterator[Rehearsed]:
    """Fits the purifiers it names, runs the teacher behind every defense (or `only` these), each cell of the screen and
    what it chooses, one seed each. Defenses that were fitted are all of one kind: each meets some of the attacks.

    Raises `Misconfigured` where something has no stand-in.
    """
    with TemporaryDirectory() as place:
        small = shrunk(plan, stand_ins, Path(place))
        if plan.fits:
            yield from _fits(plan.fits, stand_ins, Path(place))
        known, asked = facts.found(small), wanted(plan, only)
        grid, cells = Grid(small, known), dict[str, Cell]()

        def run(todos: Sequence[Todo]) -> Iterator[Rehearsed]:
            for todo in filter(asked, todos):
                result = asyncio.run(done(todo, small, known.teacher, Path(place, ".traces")))
                if isinstance(result, Cell):
                    cells[todo.digest] = result
                yield _rehearsed(todo, result)

        yield from run(grid.utilities())
        yield from run(screen := _covering(grid.screen()) if plan.fits else grid.screen())
        yield from run(grid.confirmed(chosen(screen, cells, 1)))


def _fits(real: Fits, stand_ins: StandIns, place: Path) -> Iterator[Rehearsed]:
    """Every recipe, two steps each."""
    from azeotrope import fit

    for label, recipe in fit.sheet(Path(real.recipe)).items():
        small = replace(
            recipe,
            task=_task(recipe.task, stand_ins, place),
            teacher=_teacher(recipe.teacher, stand_ins, place),
            proxy=_learner(recipe.proxy, stand_ins, place),
            proxies=min(2, recipe.proxies),
            purifier=replace(recipe.purifier, rank=min(4, recipe.purifier.rank), epochs=1.0, batch=2, together=1),
            choose=replace(recipe.choose, texts=2, problems=2, checks=1),
        )
        try:
            outcome = asyncio.run(fit.fit(small, place / _FITS / label))
            yield Rehearsed(f"fit {label}", outcome.seconds, outcome.steps)
        except Exception as error:
            yield Rehearsed(f"fit {label}", 0.0, reason=why(error))


def _covering(screen: Sequence[Todo]) -> list[Todo]:
    """Every attack on the teacher itself and on one defense at least, every defense under one at least."""
    attacks, defenses, out = set[str](), set[str](), list[Todo]()
    for todo in screen:
        assert todo.attack is not None
        if todo.defense.bare:
            out.append(todo)
        elif todo.attack.label not in attacks or todo.defense.label not in defenses or todo.attack.behind:
            attacks.add(todo.attack.label)
            defenses.add(todo.defense.label)
            out.append(todo)
    return out


def _rehearsed(todo: Todo, result: Cell | Utility | Failure) -> Rehearsed:
    if isinstance(result, Failure):
        return Rehearsed(todo.words, 0.0, reason=result.reason)
    if isinstance(result, Utility):
        return Rehearsed(todo.words, result.seconds, outcomes=dict(result.outcomes))
    washed = todo.attack is not None and bool(todo.attack.washes)
    if washed and _NOTHING_LEFT in result.reason:
        return Rehearsed(todo.words, result.seconds, early=True)
    return Rehearsed(todo.words, result.seconds, result.spent.steps, reason=result.reason)


def shrunk(plan: Experiment, stand_ins: StandIns, place: Path) -> Experiment:
    """The experiment with everything small; what stands in for its models and data is written under `place`."""
    fitted = (plan.fits.folder, str(place / _FITS)) if plan.fits else ("", "")
    return replace(
        plan,
        teacher=_teacher(plan.teacher, stand_ins, place),
        learner=_learner(plan.learner, stand_ins, place),
        tasks=tuple(_task(one, stand_ins, place) for one in plan.tasks),
        defenses=tuple(_ruled(_refitted(one, *fitted)) for one in plan.defenses),
        attacks=tuple(_ruled(_refitted(one, *fitted)) for one in plan.attacks),
        screen=Screen(plan.screen.seed, 1.0),
        confirm=Confirm(plan.confirm.seeds[:1], 1),
    )


def teacher() -> Open:
    """The stand-in of the rehearsal under way, as `teachers` opens it."""
    said = Open.load(_folder.get(), dialect=Dialect(chat=True, split="tags"), how=Sampling(0.6, max_tokens=_TOKENS))
    return standing_in.saying(said, SAID)


def rewriter() -> Scripted:
    """Rewrites everything to the same few words."""
    return Scripted(lambda request: REWRITTEN)


def _teacher(real: Teacher, stand_ins: StandIns, place: Path) -> Teacher:
    if real.kind == "endpoint":
        raise Misconfigured("a rehearsal asks nobody: name the teacher by its hub name while you rehearse")
    if real.kind != "hub":
        return replace(real, max_tokens=_TOKENS)
    _folder.set(standing_in.model(_architecture(real.name, stand_ins), place / "teacher", 1))
    return Teacher("python", f"{__name__}:{teacher.__name__}")


def _learner(real: Learning, stand_ins: StandIns, place: Path) -> Learning:
    recipe = real.recipe | {name: value for name, value in _SMALL.get(real.kind, {}).items() if name in real.recipe}
    if real.kind == "hub" and "/" in real.recipe["model"] and not Path(real.recipe["model"]).exists():
        folder = standing_in.model(_architecture(real.recipe["model"], stand_ins), place / "student", 2)
        recipe |= {"model": str(folder), "revision": "", "gguf_file": ""}
    return replace(real, recipe=recipe)


def _architecture(name: str, stand_ins: StandIns) -> standing_in.Architecture:
    if name not in stand_ins.models:
        raise Misconfigured(f"nothing stands in for the model {name}; there are: {', '.join(stand_ins.models)}")
    return stand_ins.models[name]


def _task(real: Subject, stand_ins: StandIns, place: Path) -> Subject:
    return replace(real, config=cast(Fields, _at_hand(real.config, stand_ins, place)), sizes=_SIZES)


def _at_hand(value: Any, stand_ins: StandIns, place: Path) -> Any:
    """A task's config, each data set of the hub replaced by rows of its own."""
    if not isinstance(value, dict):
        return value
    table = cast(dict[str, Any], value)
    name = table.get("path")
    if not (isinstance(name, str) and name.startswith("hf:")):
        return {key: _at_hand(inner, stand_ins, place) for key, inner in table.items()}
    if name not in stand_ins.rows:
        raise Misconfigured(f"nothing stands in for the data {name}; there are: {', '.join(stand_ins.rows)}")
    path = standing_in.rows(stand_ins.rows[name], place / f"{name.replace('/', '-').removeprefix('hf:')}.jsonl")
    return {**table, "path": str(path)}


def _refitted(one: Any, folder: str, there: str) -> Any:
    """A defense or an attack that takes its purifier from the rehearsed fits."""
    assert isinstance(one, Shield | Theft)
    if not folder:
        return one
    moved = {
        name: there + value.removeprefix(folder) if isinstance(value, str) and value.startswith(f"{folder}/") else value
        for name, value in one.config.items()
    }
    return replace(one, config=moved, material={})


def _ruled(one: Any) -> Any:
    """A defense or an attack whose writer, if it is a model, follows a rule instead."""
    assert isinstance(one, Shield | Theft)
    if not one.writer or one.writer.startswith("task:"):
        return one
    return replace(one, writer=f"python:{__name__}:{rewriter.__name__}", writer_key_env="")
