"""A search for an instruction as records, from one TOML file. Knows no model and no searcher's inside.

An unknown key is an error. What decides a score is in `Search.context`; budget, searcher and floors are not, so that a
search can be given more, or another searcher, or other floors, and keeps what it knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, cast

from msgspec import Meta, field, to_builtins
from msgspec.json import encode
from msgspec.structs import replace

from azeotrope.codec import convert, read_toml
from azeotrope.defenses.instruct import Config as Rewriting
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import learners
from azeotrope.evaluate.plan import Learning, Subject, Teacher
from azeotrope.types import Fields, Record

Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Kind = Literal["gepa", "opro", "random", "exhaustive"]
_PLAIN = Rewriting()


class Writer(Record, frozen=True):
    """A model by name, as experiments have it: local, a .gguf path, hf:owner/name, an address, task:KIND,
    `python:package.module:function`."""

    name: Annotated[str, Meta(min_length=1)]
    key_env: str = ""
    """The environment variable with an address's key."""


class Rewriter(Writer, frozen=True):
    """Who follows the instruction, and how it is asked."""

    config: Rewriting = Rewriting()
    """As the defense `instruct` has it; its instruction is the one under test."""

    @property
    def settings(self) -> list[str]:
        """What of it is not the default, as `--set` takes it: scores hold with these alone."""
        return _unlike(to_builtins(replace(self.config, instruction=_PLAIN.instruction)), to_builtins(_PLAIN))


class Reflector(Writer, frozen=True):
    """Who proposes instructions. It sees scores, instructions and rewrites that could be released; never a trace."""

    temperature: Annotated[float, Meta(ge=0, le=2)] = 1.0
    max_tokens: Count = 1024
    examples: Annotated[int, Meta(ge=0, le=3)] = 2
    """gepa: rewrites shown to it of the instruction that it is to improve; three are kept with each."""


class Proxies(Record, frozen=True):
    """The students that stand in for the thief's, and what they are taught and asked."""

    learner: Learning
    seeds: Annotated[tuple[int, ...], Meta(min_length=1)] = (0, 1, 2)
    """One student each."""
    traces: Count = 100
    """Of the task's proxy split: the teacher's answers to so many problems are rewritten and taught."""
    search: Count = 50
    """The next problems of that split: the cheap score is measured on them."""
    share: Annotated[float, Meta(gt=0, le=1)] = 1 / 3
    """Of the learner's steps, for the cheap score."""


class Floors(Record, frozen=True):
    """What an instruction must leave to honest readers; below it no student is trained."""

    kept: Share = 0.9
    """Traces whose rewrite passes every release check: the answer is the teacher's, and the reasoning leaves."""
    readable: Share = 0.0
    """See `readability`, mean over what leaves."""


class Searcher(Record, frozen=True):
    """Which, and its settings. `gepa`: reflective evolution of the best by damage, traces kept or readability; `opro`:
    the ten best shown, three new ones a round; `random` and `exhaustive` take theirs from `space`."""

    kind: Kind = "gepa"
    seed: int = 0
    start: Annotated[str, Meta(min_length=1)] = "semantic"
    """A shipped instruction, a path that ends in .md, or the text itself."""
    space: str = ""
    """`package.module:function` that returns every instruction there is."""
    early: Annotated[int, Meta(ge=0)] = 2
    """opro: rounds in which the cheap score lets only one of the new ones through."""


class Budget(Record, frozen=True):
    """When to stop; what is remembered counts, too."""

    evaluations: Count = 30
    """Different instructions that are scored, cheaply or in full."""
    calls: Count | None = None
    """Of rewriter and reflector."""
    tokens: Count | None = None
    """Theirs, in and out."""
    minutes: Annotated[float, Meta(gt=0)] | None = None
    """Of work, over all runs."""
    patience: Count = 25
    """Proposals in a row that are known already."""


class Confirm(Record, frozen=True):
    """The students that the result is reported on: asked the test split, taught the train split, other than the
    proxies."""

    learner: Learning
    seeds: Annotated[tuple[int, ...], Meta(min_length=1)] = (101, 102, 103)


class Search(Record, frozen=True):
    """The whole of it."""

    name: str
    task: Subject
    rewriter: Rewriter
    proxies: Proxies
    reflector: Reflector | None = None
    teacher: Teacher = Teacher()
    floors: Floors = Floors()
    searcher: Searcher = Searcher()
    budget: Budget = Budget()
    confirm: Confirm | None = None

    @property
    def context(self) -> list[Any]:
        """Everything here that decides a score."""
        named = [self.rewriter.name, self.rewriter.config]
        return [self.task.name, self.task.config, self.task.sizes, self.teacher, named, self.proxies]


class _File(Record, frozen=True):
    """As it is written: learners are tables of their kind's own members."""

    task: Subject
    rewriter: Rewriter
    proxies: Fields = field(default_factory=dict[str, Any])
    reflector: Reflector | None = None
    teacher: Teacher = Teacher()
    floors: Floors = Floors()
    searcher: Searcher = Searcher()
    budget: Budget = Budget()
    confirm: Fields | None = None


def read(path: Path) -> Search:
    """Raises `Misconfigured` with the file, the place in it and the cure."""
    return checked(read_toml(path), str(path), path.stem)


def checked(values: Fields, where: str, name: str = "search") -> Search:
    """A table -> a search."""
    file = convert(values, _File, where)
    confirm = None if file.confirm is None else convert(_taught(file.confirm, where, "confirm"), Confirm, where)
    search = Search(
        name, file.task, file.rewriter, convert(_taught(file.proxies, where, "proxies"), Proxies, where),
        file.reflector, file.teacher, file.floors, file.searcher, file.budget, confirm,
    )  # fmt: skip
    _check(search, where)
    return search


def _taught(table: Fields, where: str, place: str) -> Fields:
    learning = learners.learning(table.get("learner", {}), f"{where}: [{place}.learner]")
    return {**table, "learner": to_builtins(learning)}


def _unlike(config: Fields, plain: Fields, place: str = "") -> list[str]:
    """KEY=VALUE, the value as TOML, of every member that differs; a table's has a dotted key."""
    found: list[str] = []
    for name, value in config.items():
        if isinstance(value, dict):
            found += _unlike(cast(Fields, value), plain[name], f"{place}{name}.")
        elif value != plain[name]:
            found.append(f"{place}{name}={encode(value).decode()}")
    return found


def _check(search: Search, where: str) -> None:
    _check_seeds(search, where)
    kind = search.searcher.kind
    if kind in ("gepa", "opro") and search.reflector is None:
        raise Misconfigured(f"{where}: the searcher {kind} needs a [reflector]: name the model that proposes")
    if kind in ("random", "exhaustive") and not search.searcher.space:
        raise Misconfigured(f"{where}: the searcher {kind} needs a space: space = 'package.module:function'")


def _check_seeds(search: Search, where: str) -> None:
    """One student counted twice would be taken for two."""
    for place, students in (("proxies", search.proxies), ("confirm", search.confirm)):
        if students and len(set(students.seeds)) < len(students.seeds):
            raise Misconfigured(f"{where}: [{place}] seeds name one twice: a seed is one student; give each once")
