"""A purifier's recipe as records, from one TOML file. Knows no tensor.

Defaults are arXiv 2602.03396's where it states them; what is ours says so.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, cast

from msgspec import UNSET, Meta, UnsetType, to_builtins
from msgspec.structs import replace

from azeotrope.codec import convert, read_toml
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import learners, reading
from azeotrope.evaluate.plan import Learning, Subject, Teacher
from azeotrope.models.purifier import Shows
from azeotrope.types import Fields, Record

Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0, lt=1)]
LABEL = r"[A-Za-z0-9][A-Za-z0-9._=-]*"
"""Of a variant."""
ALONE = ""
"""The label of a recipe that is alone in its file."""


class Purifying(Record, frozen=True):
    """How A and B are fitted."""

    rank: Count = 32
    alpha: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """The distillation loss's share in the student's gradient."""
    weight: Annotated[float, Meta(ge=0)] = 1.0
    """lambda: what the cosine weighs beside the cross-entropy. 0 is a control."""
    rate: Annotated[float, Meta(gt=0)] | None = None
    """AdamW's peak; unset: 0.08 / |V|, the source's on GSM8K (0.8 / |V| on MMLU)."""
    epochs: Annotated[float, Meta(gt=0)] = 5.0
    batch: Count = 32
    """Texts a step."""
    together: Count = 1
    """Texts in one gradient g: 1 is the source's formula; more is faster and a gradient of their tokens' mean."""
    warmup: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    decay: Annotated[float, Meta(ge=0)] = 0.01
    centred: bool = False
    """Logits less their mean: their free offset is not read. Ours."""
    budget: Annotated[float, Meta(ge=0)] = 0.0
    """At most this Frobenius norm of A B, by scaling B down; 0: none. Ours."""
    block: Count = 64
    """Positions computed at a time: memory against calls."""


class Choosing(Record, frozen=True):
    """Which A and B are kept: the least cosine on held-out texts whose teacher accuracy holds."""

    held: Share = 0.1
    """Of the train split: its last problems."""
    checks: Count = 2
    """In each epoch."""
    texts: Count = 64
    """Held-out texts that the cosine is measured on."""
    problems: Count = 200
    """Held-out problems that the teacher answers at each check."""
    judged: Literal["greedy", "drawn"] = "greedy"
    """By which text the teacher is judged, here and in the report: its likeliest, as in the source, or as it draws."""
    tolerance: Annotated[float, Meta(ge=0, le=1)] = 0.01
    """Accuracy holds where it is at most so much below the undefended teacher's."""
    controls: bool = True
    """Whether controls that cost as much are looked for, which takes as long as ten checks; longer where the held-out
    texts have more than 2 GiB of logits, which are then asked for again and again."""


class Against(Record, frozen=True):
    """A loss whose gradient is to point elsewhere; as it stands, the source's."""

    loss: Literal["forward_kl", "reverse_kl", "hard_target"] = "forward_kl"
    temperature: Annotated[float, Meta(gt=0)] = 1.0
    alpha: Annotated[float, Meta(gt=0, le=1)] | None = None
    """Its share beside the text's cross-entropy; unset: the purifier's."""


class Undoing(Record, frozen=True):
    """An attacker's map, learned beside A and B to undo them."""

    rank: Count = 32
    rate: Annotated[float, Meta(gt=0)] = 3e-3
    """Adam's."""
    turns: Count = 1
    """Its steps before each of A's and B's."""


class Hardening(Record, frozen=True):
    """Whom a purifier is fitted against beside the source's one student, and within which bounds. All of it ours."""

    against: Annotated[tuple[Against, ...], Meta(min_length=1)] = (Against(),)
    proxies: tuple[Learning, ...] = ()
    """Students of other shapes beside `[proxy]`, in every gradient; each is written as that is."""
    undo: Undoing | None = None
    """Each student twice: of what is shown, and of that undone."""
    take: Literal["mean", "worst"] = "mean"
    """Which cosine counts: that of the losses, proxies and views on average, or the greatest of them, text by text."""
    floor: Annotated[float, Meta(gt=0)] = 3.0
    """Before anything is undone, and for reverse_kl: tokens that are not shown are taken to stand so many nats below
    the least that is."""
    stretch: Annotated[float, Meta(ge=0)] = 0.0
    """At most this spectral norm of A B, by scaling B down after each step; 0: none."""


class Fitting(Record, frozen=True):
    """The whole of it."""

    name: str
    task: Subject
    teacher: Teacher = Teacher()
    proxy: Learning = Learning("tiny", {})
    """The student that stands in for the thief's, taught the task's public workings (its proxy split)."""
    proxies: Count = 1
    """So many of them, from seeds of their own, taken in turn. Ours."""
    taught: bool = True
    """False: the proxy stays as it comes, for pretrained ones that can do the task already."""
    texts: Literal["gold", "samples"] = "gold"
    """What is teacher-forced: published workings, as in the source, or the teacher's own."""
    shows: Shows = Shows()
    """What the interface shows of the shaped logits: trained for, and applied by the defense."""
    purifier: Purifying = Purifying()
    choose: Choosing = Choosing()
    seed: int = 0
    harden: Hardening | UnsetType = UNSET
    """Unset it is not written at all: a recipe without it has the digest it had before there was any."""

    @property
    def hard(self) -> Hardening:
        """As it stands where nothing is said: the source's."""
        return Hardening() if isinstance(self.harden, UnsetType) else self.harden


def read(path: Path) -> Fitting:
    """The one recipe in a TOML file. `[proxy]` is as an experiment's `[learner]`: kind, tokenizer, its members; so is
    each of `[[harden.proxies]]`."""
    found = sheet(path)
    if ALONE not in found:
        raise Misconfigured(f"{path} holds {len(found)} recipes ({', '.join(found)}): `fit.sheet` reads all of them")
    return found[ALONE]


def sheet(path: Path) -> dict[str, Fitting]:
    """Every recipe of a TOML file by its label: each of its `[[variants]]` is the file's own tables, with the members
    that it names itself; without variants there is one, whose label is empty."""
    table = read_toml(path)
    variants = convert(table.pop("variants", []), list[Fields], f"{path}: variants")
    if not variants:
        return {ALONE: checked(table, str(path), path.stem)}
    found: dict[str, Fitting] = {}
    for at, variant in enumerate(variants):
        where = f"{path}: variants[{at}]"
        label = str(variant.pop("label", ""))
        if not re.fullmatch(LABEL, label):
            raise Misconfigured(f"{where}: label {label!r} becomes a folder's name: letters, digits and ._=- only")
        if label in found:
            raise Misconfigured(f"{where} is called {label!r}, as another one is: give it a label of its own")
        found[label] = checked(_over(table, variant), where, f"{path.stem}-{label}")
    return found


def _over(table: Fields, variant: Fields) -> Fields:
    """Tables are merged member by member, everything else is replaced."""
    out = dict(table)
    for name, value in variant.items():
        before = out.get(name)
        both = isinstance(before, dict) and isinstance(value, dict)
        out[name] = {**cast(Fields, before), **cast(Fields, value)} if both else value
    return out


def checked(values: Fields, where: str, name: str = "purifier") -> Fitting:
    """A table -> a recipe. Raises `Misconfigured` naming the member at fault."""
    table: Fields = {"name": name, **values}
    table["proxy"] = _learner(table.get("proxy", {}), f"{where}: [proxy]")
    if "harden" in table:
        harden = convert(table["harden"], Fields, f"{where}: [harden]")
        others = convert(harden.get("proxies", []), list[Fields], f"{where}: harden.proxies")
        place = f"{where}: harden.proxies"
        table["harden"] = {**harden, "proxies": [_learner(one, f"{place}[{at}]") for at, one in enumerate(others)]}
    plan = convert(table, Fitting, where)
    task = replace(plan.task, config=reading.checked("tasks", plan.task.name, plan.task.config, f"{where}: task"))
    plan = replace(plan, task=task)
    if plan.teacher.kind == "endpoint":
        raise Misconfigured(f"{where}: a purifier is fitted to logits, and an endpoint shows none: name open weights")
    return plan


def _learner(table: object, place: str) -> Fields:
    return to_builtins(learners.learning(table, place))
