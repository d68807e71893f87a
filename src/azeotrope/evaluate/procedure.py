"""`evaluate`: an experiment in, its cells done and recorded. Screens, chooses, confirms; resumes; works in slices.

Beside the results stands `.traces/`, the responses that all cells share. Knows no method by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from azeotrope import lift
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import facts, fitted, results
from azeotrope.evaluate.choose import chosen
from azeotrope.evaluate.estimate import Estimates
from azeotrope.evaluate.grid import Grid, Todo, wanted
from azeotrope.evaluate.heading import head
from azeotrope.evaluate.plan import Experiment, Shield
from azeotrope.evaluate.results import Results
from azeotrope.evaluate.running import Site
from azeotrope.evaluate.slices import Settings, Slice, Summary, Watch, scored
from azeotrope.types import Record


def evaluate(
    plan: Experiment, folder: Path, settings: Settings = Settings(), watch: Watch | None = None,
    reuse: Sequence[Path] = (),
) -> Summary:  # fmt: skip
    """Does what is missing. Raises `Misconfigured` before anything is begun, `Unavailable` when results cannot be kept.

    `reuse`: other experiments' results, whose cells of the same digest are taken over with the run that made them.
    A cell that fails is a result. A killed run loses the cells under way; the same call goes on.
    """
    known = facts.found(plan)
    grid, elsewhere, asked = Grid(plan, known), results.together(reuse), wanted(plan, settings.only)
    with results.opened(folder / f"{plan.name}.jsonl") as kept:
        site = Site(plan, known.teacher, folder / ".traces")
        run = Slice(site, kept, settings, watch or (lambda progress: None), head(plan), elsewhere)
        utilities, screen = (list(filter(asked, todos)) for todos in (grid.utilities(), grid.screen()))
        run.settle([*utilities, *screen, *grid.confirmed(screen)])
        run.do(utilities)
        if settings.stage != "confirm":
            run.do(screen)
        if missing := [todo for todo in screen if todo.digest not in kept.cells]:
            if settings.stage == "confirm":
                raise Misconfigured(
                    f"{len(missing)} of {len(screen)} cells of the screen are missing, and what is confirmed is chosen "
                    "by it: run --stage screen first"
                )
        elif settings.stage != "screen":
            run.do(grid.confirmed(chosen(screen, kept.cells, plan.confirm.worst)))
        return run.summary(str(kept.path))


class Planned(Record, frozen=True):
    """One line of a dry run."""

    what: str
    done: bool
    seconds: float | None
    """Expected; None where nothing is known."""


class Preview(Record, frozen=True):
    """What an experiment would do."""

    planned: tuple[Planned, ...]
    to_choose: int
    """Cells that the screen is still to choose, at most; none of them is in `planned`."""
    seconds: float | None
    """For all that is missing, side by side; what is still to choose taken to be as long as the screen's cells."""
    workers: int
    first: str = ""
    """The command that fits the purifiers it names, where some are not there yet; its time is not in `seconds`."""


def preview(
    plan: Experiment, folder: Path, settings: Settings = Settings(), reuse: Sequence[Path] = ()
) -> Preview:  # fmt: skip
    """What `evaluate` would do now. Builds the tasks, to check them, and writes nothing."""
    grid = Grid(plan, facts.found(plan))
    known = results.together([*reuse, *(path for path in [folder / f"{plan.name}.jsonl"] if path.exists())])
    estimates = Estimates(plan, known.cells.values(), known.utilities.values())
    asked = wanted(plan, settings.only)
    screen = list(filter(asked, grid.screen()))
    complete = all(todo.digest in known.cells for todo in screen)
    todos = [*filter(asked, grid.utilities()), *(screen if settings.stage != "confirm" else ())]
    going = chosen(screen, known.cells, plan.confirm.worst) if complete else _likely(screen, plan.confirm.worst)
    confirm = grid.confirmed(going) if settings.stage != "screen" else []
    listed = [*todos, *(confirm if complete else ())]
    planned = tuple(Planned(todo.words, _done(todo, known, plan), estimates.seconds(todo)) for todo in listed)
    missing = [todo for todo in (*todos, *confirm) if not _done(todo, known, plan)]
    seconds = estimates.total(missing, settings.crew)
    first = fitted.command(plan.fits) if plan.fits and fitted.missing(plan.fits) else ""
    return Preview(planned, 0 if complete else len(confirm), seconds, settings.crew, first)


def _done(todo: Todo, known: Results, plan: Experiment) -> bool:
    return scored(known.of(todo.digest), plan)


def _likely(screen: Sequence[Todo], worst: int) -> list[Todo]:
    """As many cells as may be chosen: the controls, and the first attacks of every task and defense; twice as many
    where they can take logits, as these are chosen apart from those that do not."""
    count: dict[tuple[str, str], set[str]] = {}
    out: list[Todo] = []
    about_logits = any(_shaped(todo.defense) for todo in screen)
    for todo in screen:
        assert todo.attack is not None
        families = count.setdefault((todo.task.label, todo.defense.label), set())
        kinds = 2 if _shaped(todo.defense) or (todo.defense.bare and about_logits) else 1
        if todo.control:
            out.append(todo)
        elif todo.attack.family not in families and len(families) < kinds * worst:
            families.add(todo.attack.family)
            out.append(todo)
    return out


def _shaped(defense: Shield) -> bool:
    """Whether it leaves the teacher's logits to be seen, changed."""
    return not defense.bare and all(lift.shapes(method.name) for method in defense.links)
