"""From the screen to what is confirmed: the worst attacks on each defense, and the controls. Pure: cells in, cells out.

The maximum over many noisy cells flatters the attacker by luck, so attacks are chosen here on validation at one seed
and reported on test at fresh ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from azeotrope.evaluate.grid import Todo
from azeotrope.types import Cell, Recall, Score

FROM_LOGITS = ("all logits", "top ")
"""How the note `profile` of a student begins that took more than the text and the likeliest token."""


def from_logits(cell: Cell) -> bool:
    """Whether its student took logits."""
    return str(cell.spent.notes.get("profile", "")).startswith(FROM_LOGITS)


def chosen(screen: Sequence[Todo], cells: Mapping[str, Cell], worst: int) -> list[Todo]:
    """Those of the screen's cells that go on, in the order of the screen.

    Per task and defense, apart for attacks that took logits and those that did not (what logits add is measured between
    the two): of each attack its best variant only, of these the `worst` best students. Every control besides, whatever
    it scored. A cell without a score (or without a record) is no candidate, nor is one that is right on the same
    problems, some at least, as one before it and says the same of a mark: a wash that changed nothing. `cells` go by
    digest.
    """
    groups: dict[tuple[str, str, bool], list[Todo]] = {}
    for todo in screen:
        took = todo.digest in cells and from_logits(cells[todo.digest])
        groups.setdefault((todo.task.label, todo.defense.label, took), []).append(todo)
    going = {todo.digest for group in groups.values() for todo in _worst(group, cells, worst)}
    return [todo for todo in screen if todo.control or todo.digest in going]


def _worst(group: Sequence[Todo], cells: Mapping[str, Cell], worst: int) -> list[Todo]:
    scored = [todo for todo in group if not todo.control and "raw" in _of(todo, cells)]
    ranked = sorted(scored, key=lambda todo: _rank(todo, cells), reverse=True)  # stable: ties in the plan's order
    best: dict[str, Todo] = {}
    for todo in ranked:
        assert todo.attack is not None
        own = cells[todo.digest]
        if not own.scores["raw"].correct or not any(_same(own, cells[other.digest]) for other in best.values()):
            best.setdefault(todo.attack.family, todo)
    return list(best.values())[:worst]


def _same(one: Cell, other: Cell) -> bool:
    return (one.scores, _said(one)) == (other.scores, _said(other))


def _said(cell: Cell) -> Recall | None:
    """What it says of a mark, whatever is known of how often it read it."""
    return replace(cell.recall, passes=0.0, read=()) if cell.recall else None


def _rank(todo: Todo, cells: Mapping[str, Cell]) -> tuple[float, float]:
    """Accuracy; where it is the same, with the answer forced."""
    scores = _of(todo, cells)
    return scores["raw"].rate, scores["forced"].rate if "forced" in scores else 0.0


def _of(todo: Todo, cells: Mapping[str, Cell]) -> Mapping[str, Score]:
    cell = cells.get(todo.digest)
    return cell.scores if cell else {}
