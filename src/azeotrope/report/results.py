"""Reads results files: which cell counts where slices, failures and repeats follow one another. Knows no measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from azeotrope.codec import decode
from azeotrope.errors import Misconfigured
from azeotrope.evaluate.grid import Stage
from azeotrope.evaluate.results import Line
from azeotrope.types import Appraisal, Cell, Run, Score, Utility

SCHEMA = 1
T = TypeVar("T")
STAGES: tuple[Stage, ...] = ("confirm", "screen")
"""The one that counts comes first."""


@dataclass(frozen=True, slots=True)
class Group:
    """The seeds of one defense x attack x task at one stage, in the order of the seeds."""

    cells: tuple[Cell, ...]
    """Those with scores."""
    failed: tuple[Cell, ...]
    """Those that never came to a score."""

    def scores(self, kind: str = "raw") -> list[Score]:
        return [cell.scores[kind] for cell in self.cells if kind in cell.scores]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(cell.seed for cell in self.cells)


@dataclass(slots=True)
class Results:
    """What a results file says, each cell once."""

    runs: list[Run] = field(default_factory=list[Run])
    cells: list[Cell] = field(default_factory=list[Cell])
    utilities: list[Utility] = field(default_factory=list[Utility])
    appraisals: list[Appraisal] = field(default_factory=list[Appraisal])
    """Of each task and defense the last of the settings that its utility has."""
    remarks: list[str] = field(default_factory=list[str])
    """What was odd about the file."""

    @property
    def tasks(self) -> list[str]:
        return _once(cell.task for cell in self.cells)

    def groups(self, task: str, stage: Stage) -> dict[tuple[str, str], Group]:
        """(defense, attack) -> its seeds, in the order of the file."""
        found: dict[tuple[str, str], list[Cell]] = {}
        for cell in self.cells:
            if (cell.task, cell.stage) == (task, stage):
                found.setdefault((cell.defense, cell.attack), []).append(cell)
        return {where: _group(cells) for where, cells in found.items()}

    def utility(self, task: str, defense: str, split: str) -> Utility | None:
        """The teacher behind the defense, on the split that is asked for or, where there is none, on any other."""
        found = [one for one in self.utilities if (one.task, one.defense) == (task, defense)]
        return next((one for one in found if one.split == split), found[0] if found else None)


def read(source: Path) -> Results:
    """The file's results. Raises `Misconfigured` where a line is not one, and where there is nothing to report."""
    results, cells, utilities = Results(), dict[str, Cell](), dict[str, Utility]()
    appraisals = dict[str, Appraisal]()  # by the utility's digest: of each setting the last
    left_out, superseded = set[str](), set[str]()
    for line in _lines(source, results.remarks):
        if line.run:
            results.runs.append(line.run)
        elif line.superseded:
            left_out |= {digest for digest in line.superseded if cells.pop(digest, None)}
            superseded.update(line.superseded)
            for digest in line.superseded:
                utilities.pop(digest, None)
        elif line.utility:
            superseded.discard(line.utility.digest)
            _take(utilities, line.utility.digest, line.utility)
        elif line.appraisal:
            _take(appraisals, line.appraisal.utility, line.appraisal)
        elif line.cell and (done(line.cell) or line.cell.digest not in cells or not done(cells[line.cell.digest])):
            _take(cells, line.cell.digest, line.cell)
    if gone := left_out - set(cells):
        results.remarks.append(
            f"{len(gone)} cells are left out: the experiment, as it was run last, does not have them (other settings, "
            "or attacks and seeds that were taken out)."
        )
    results.cells = _newest(cells.values(), results.remarks)
    results.utilities = list({(one.task, one.defense, one.split): one for one in utilities.values()}.values())
    results.appraisals = _standing(appraisals.values(), results.utilities, superseded, results.remarks)
    _refuse_empty(source, results)
    return results


def _take(known: dict[str, T], digest: str, one: T) -> None:
    """The last of a digest, at the place where it was last written: its labels are those that hold now."""
    known.pop(digest, None)
    known[digest] = one


def _newest(cells: Iterable[Cell], remarks: list[str]) -> list[Cell]:
    """Of cells with other settings under the same names, the last one; of these a score goes before a failure."""
    kept: dict[tuple[object, ...], Cell] = {}
    replaced = 0
    for cell in cells:
        key = (cell.task, cell.defense, cell.attack, cell.stage, cell.seed)
        before = kept.get(key)
        replaced += before is not None and done(before) and done(cell)
        if before is None or done(cell) or not done(before):
            kept[key] = cell
    if replaced:
        remarks.append(f"{replaced} cells were computed again under other settings; the last counts.")
    return list(kept.values())


def _standing(
    appraisals: Iterable[Appraisal], utilities: Iterable[Utility], superseded: set[str], remarks: list[str]
) -> list[Appraisal]:
    """Of each task and defense the last that is of the settings its utility has, or of any where there is none yet."""
    held: dict[tuple[str, str], set[str]] = {}
    for utility in utilities:
        held.setdefault((utility.task, utility.defense), set()).add(utility.digest)
    kept: dict[tuple[str, str], Appraisal] = {}
    apart = set[tuple[str, str]]()
    for one in appraisals:
        where = one.task, one.defense
        if one.utility in held.get(where, {one.utility} - superseded):
            kept[where] = one
        else:
            apart.add(where)
    if apart := apart - set(kept):
        names = ", ".join(f"{defense} ({task})" for task, defense in sorted(apart))
        remarks.append(
            f"What it takes to serve {names} is left out: it was measured under other settings than the grid's; "
            "`azeotrope appraise` measures those."
        )
    return list(kept.values())


def done(cell: Cell) -> bool:
    """Whether it came to a score: something was asked."""
    return "raw" in cell.scores and cell.scores["raw"].asked > 0


def why(cell: Cell) -> str:
    """Why there is no score."""
    return cell.reason or ("no problem could be asked" if "raw" in cell.scores else "no reason given")


def _lines(source: Path, remarks: list[str]) -> Iterator[Line]:
    try:
        data = source.read_bytes()
    except FileNotFoundError:
        raise Misconfigured(f"there is no file {source}: `azeotrope evaluate` writes one") from None
    except OSError as error:
        raise Misconfigured(f"cannot read {source}: {error.strerror}") from None
    lines = data.split(b"\n")
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            yield _line(text, f"{source}, line {number}")
        except Misconfigured:
            if number < len(lines):  # a line that was finished
                raise
            remarks.append("The last line is torn: the run that wrote it was stopped. It is left out.")


def _line(text: bytes, where: str) -> Line:
    try:
        line = decode(text, Line)
    except Misconfigured as error:
        raise Misconfigured(f"{where}: {error}") from None
    if sum(map(bool, (line.run, line.cell, line.utility, line.appraisal, line.superseded))) != 1:
        raise Misconfigured(f'{where}: needs exactly one of "run", "cell", "utility", "appraisal" and "superseded"')
    if line.run and line.run.schema != SCHEMA:
        raise Misconfigured(
            f"{where}: schema {line.run.schema}; this version reads {SCHEMA}: use the one that wrote it"
        )
    return line


def _refuse_empty(source: Path, results: Results) -> None:
    if not results.cells:
        raise Misconfigured(f"{source} holds no cell yet: `azeotrope evaluate` adds them")
    if any(map(done, results.cells)):
        return
    reasons = Counter(why(cell) for cell in results.cells).most_common(3)
    said = "; ".join(f"{count} x {reason}" for reason, count in reasons)
    raise Misconfigured(
        f"all {len(results.cells)} cells of {source} failed, so there is nothing to report ({said}); "
        "mend that and run `azeotrope evaluate` again: it does only what is missing"
    )


def _group(cells: list[Cell]) -> Group:
    kept = sorted(filter(done, cells), key=lambda cell: cell.seed)
    shapes = {(cell.split, len(cell.scores["raw"].verdicts)) for cell in kept}
    if len(shapes) > 1:
        one = kept[0]
        raise Misconfigured(
            f"{one.defense} x {one.attack} on {one.task}: its seeds were judged on different problems "
            f"({', '.join(f'{n} of {split}' for split, n in sorted(shapes))}); keep other settings in another file"
        )
    return Group(tuple(kept), tuple(cell for cell in cells if not done(cell)))


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
