"""An experiment's file -> `plan.Experiment`. Strict: what is unknown, or named twice, is refused with its place.

Opens no model and builds no task.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from msgspec import Meta, field, to_builtins
from msgspec.structs import replace

from azeotrope import catalog, lift
from azeotrope.codec import convert, read_toml
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import fitted, learners
from azeotrope.evaluate.plan import (
    CONTROLS,
    CURVE,
    IDENTITY,
    SHIPPED,
    UNTAUGHT,
    Alternative,
    Confirm,
    Experiment,
    Fits,
    Marks,
    Method,
    Screen,
    Shield,
    Subject,
    Teacher,
    Theft,
)  # fmt: skip
from azeotrope.material import material
from azeotrope.types import Fields, Record

ENDS = ("none", "withhold")
"""The two ends of the scale of leakage."""
Entry = TypeVar("Entry", Subject, Shield, Theft)


class _File(Record, frozen=True):
    """As it is written."""

    tasks: Annotated[tuple[Subject, ...], Meta(min_length=1)]
    attacks: Annotated[tuple[Theft, ...], Meta(min_length=1)]
    defenses: tuple[Shield, ...] = ()
    teacher: Teacher = Teacher()
    learner: Fields = field(default_factory=dict[str, Any])
    screen: Screen = Screen()
    confirm: Confirm = Confirm()
    marks: Marks = Marks()
    fits: Fits | None = None


def read(path: Path, *, unfitted: bool = False, only: Collection[str] = ()) -> Experiment:
    """Raises `Misconfigured` with the file, the place in it and the cure.

    `unfitted`: what is made before it (purifiers, artifacts, instructions that were searched for) need not be there
    yet; controls matched to purifiers have some size meanwhile. `only`: nor what other defenses than these need, which
    are not run.
    """
    file = convert(read_toml(path), _File, str(path))
    place = str(path)
    _check_seeds(file, place)
    learner = learners.learning(file.learner, f"{place}: [learner]")
    if learner.kind == "tiny" and not learner.tokenizer and file.teacher.kind in ("endpoint", "python", "published"):
        raise Misconfigured(
            f"{place}: [learner] needs a tokenizer, as this teacher shows none: name a folder, or {SHIPPED}steps"
        )

    def known(one: Shield | Theft, where: str) -> Fields:
        return fitted.settings(one.config, file.fits, where, unfitted or not _run(one, only))

    if not unfitted:
        _check_made(file, place, only)
    tasks = [_subject(one, _at(place, "tasks", at)) for at, one in enumerate(file.tasks)]
    shields = [
        _shield(replace(one, config=known(one, where)), where)
        for at, one in enumerate(file.defenses)
        if (where := _at(place, "defenses", at))
    ]
    thefts = [
        _theft(replace(one, config=known(one, where)), where)
        for at, one in enumerate(file.attacks)
        if (where := _at(place, "attacks", at))
    ]
    _check_behind(thefts, shields, place)
    points = [point for one in thefts for point in _points(one)]
    _check_confirmed(file.confirm, points, place)
    return Experiment(
        path.stem,
        file.teacher,
        learner,
        _labelled(tasks, place, "tasks"),
        _labelled(shields, place, "defenses"),
        _labelled(points, place, "attacks"),
        file.screen,
        file.confirm,
        file.marks,
        file.fits,
    )


def checked(kind: str, name: str, config: Fields, place: str) -> Fields:
    """The method's config as its file has it, defaults filled in. Raises `Misconfigured` where either is unknown."""
    try:
        module = lift.method(name) if kind == "defenses" else catalog.load(kind, name)
    except Misconfigured as error:
        raise Misconfigured(f"{place}: {error}") from None
    return to_builtins(convert(config, module.Config, f"{place} {name!r}"))


def _at(place: str, table: str, at: int) -> str:
    return f"{place}: {table}[{at}]"


def _subject(one: Subject, place: str) -> Subject:
    return replace(one, label=one.label or one.name, config=checked("tasks", one.name, one.config, place))


def _shield(one: Shield, place: str) -> Shield:
    config = checked("defenses", one.name, one.config, place)
    if one.fallback not in ("", "withhold"):
        checked("defenses", one.fallback, {}, f"{place}: fallback")
    then = tuple(
        replace(method, config=checked("defenses", method.name, method.config, f"{place}.then[{at}]"))
        for at, method in enumerate(one.then)
    )
    label = _called(one)
    _check_role(one, label, place)
    found = material(to_builtins([config, then]))
    return replace(one, label=label, config=config, then=then, material=found)


def _called(one: Shield) -> str:
    """By its label, or by the methods that it links."""
    return one.label or "+".join([one.name, *(method.name for method in one.then)])


def _check_role(one: Shield, label: str, place: str) -> None:
    """A report knows the ends of its scale, and what must not be ranked, by name."""
    methods = [method.name for method in one.links]
    alike = len(methods) == 1 and label == one.name
    if not alike and (label in ENDS or any(name in ENDS or lift.yardstick(name) for name in methods)):
        raise Misconfigured(
            f"{place}: {'+'.join(methods)!r} cannot be called {label!r}: a report reads {' and '.join(ENDS)} and "
            "yardsticks by their names; leave the label out, or give another one"
        )


def _theft(one: Theft, place: str) -> Theft:
    washes = _washes(one.washes, place)
    label = one.label or "+".join([one.name, *(wash.name for wash in washes)])
    _check_control(one, label, place)
    return replace(
        one,
        label=label,
        config=checked("attacks", one.name, one.config, place),
        washes=washes,
        alternatives=tuple(_alternative(other, one, f"{place}.alternatives[{at}]")
                           for at, other in enumerate(one.alternatives)),
        material=material(to_builtins([one.config, one.washes, one.alternatives])),
    )  # fmt: skip


def _check_control(one: Theft, label: str, place: str) -> None:
    """A report knows by name who asked no teacher, and the floor of the answers: a student under another name would
    count as an attack on the undefended teacher, and an attack under theirs as none."""
    if label in CONTROLS and label != one.name:
        raise Misconfigured(
            f"{place}: {one.name!r} cannot be called {label!r}, the name of a control; give it another label"
        )
    if one.name in UNTAUGHT:
        if label != one.name or len(one.shares) > 1 or one.alternatives:
            raise Misconfigured(
                f"{place}: {one.name!r} asks no teacher, which a report knows by its name: one setting of it, called "
                f"{one.name!r}. Leave label, washes, alternatives and further shares out"
            )
        if one.behind and IDENTITY not in one.behind:
            raise Misconfigured(
                f"{place}: {one.name!r} asks no teacher, so it is run once, behind {IDENTITY!r}; leave behind out"
            )
    elif one.name in CONTROLS and label != one.name and not one.washes:
        raise Misconfigured(
            f"{place}: {one.name!r} is a control that a report knows by its name; {label!r} would be an attack "
            "beside it. Leave the label out"
        )


def _run(one: Shield | Theft, only: Collection[str]) -> bool:
    """Whether a cell of it is among those behind the defenses of these labels, and the controls."""
    if not only:
        return True
    if isinstance(one, Shield):
        return _called(one) in only
    return not one.behind or any(label in (IDENTITY, *only) for label in one.behind)


def _check_made(file: _File, place: str, only: Collection[str]) -> None:
    for table, entries in (("defenses", file.defenses), ("attacks", file.attacks)):
        for at, one in enumerate(entries):
            if not _run(one, only):
                continue
            fitted.check_there(to_builtins(one), file.fits, _at(place, table, at))


def _check_behind(thefts: Sequence[Theft], shields: Sequence[Shield], place: str) -> None:
    there = [IDENTITY, *(one.label for one in shields if not one.bare)]
    for at, one in enumerate(thefts):
        if unknown := [label for label in one.behind if label not in there]:
            raise Misconfigured(
                f"{_at(place, 'attacks', at)} goes behind {unknown[0]!r}, which is no defense here; there are: "
                f"{', '.join(there)}"
            )


def _check_confirmed(confirm: Confirm, thefts: Sequence[Theft], place: str) -> None:
    there = [one.label for one in thefts]
    if unknown := [label for label in confirm.undefended if label not in there]:
        raise Misconfigured(
            f"{place}: [confirm] undefended names {unknown[0]!r}, which is no attack here; there are: "
            f"{', '.join(there)}"
        )


def _points(one: Theft) -> list[Theft]:
    """One attack for each of its shares of the budget."""
    if len(one.shares) == 1:
        return [one]
    return [replace(one, label=f"{one.label}{CURVE}{share:g}", shares=(share,)) for share in one.shares]


def _alternative(other: Alternative, of: Theft, place: str) -> Alternative:
    config = checked("attacks", of.name, {**of.config, **other.config}, place)
    washes = None if other.washes is None else _washes(other.washes, place)
    return replace(other, config=config, washes=washes)


def _washes(washes: Sequence[str | Method], place: str) -> tuple[Method, ...]:
    named = [Method(wash) if isinstance(wash, str) else wash for wash in washes]
    return tuple(
        Method(wash.name, checked("washes", wash.name, wash.config, f"{place}.washes[{at}]"))
        for at, wash in enumerate(named)
    )


def _labelled(entries: list[Entry], place: str, table: str) -> tuple[Entry, ...]:
    """The entries, once no label stands for two."""
    seen: dict[str, int] = {}
    for at, entry in enumerate(entries):
        labels = [entry.label]
        if isinstance(entry, Theft):
            labels += [f"{entry.label}:{other.label}" for other in entry.alternatives]
        for label in labels:
            if label in seen:
                raise Misconfigured(
                    f"{place}: {table}[{at}] and {table}[{seen[label]}] are both called {label!r}: give one a label"
                )
            seen[label] = at
    return tuple(entries)


def _check_seeds(file: _File, place: str) -> None:
    if file.screen.seed in file.confirm.seeds:
        raise Misconfigured(
            f"{place}: [confirm] seeds hold the screen's own seed {file.screen.seed}: attacks chosen at it would be "
            "flattered there; give fresh ones"
        )
    if len(set(file.confirm.seeds)) < len(file.confirm.seeds):
        raise Misconfigured(f"{place}: [confirm] seeds name one twice")
