"""An experiment as records: which teacher, learner, tasks, defenses, attacks; how it is screened and confirmed.

Knows no file: `reading` makes these of one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from azeotrope.models.text import Policy
from azeotrope.types import Fields, Record

Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0, le=1)]
CURVE = "@"
"""Between an attack's label and its share of the budget, where it has several."""


class Teacher(Record, frozen=True):
    """Who is stolen from, and how it draws."""

    kind: Literal["shipped", "path", "hub", "endpoint", "python", "published"] = "shipped"
    """shipped: comes with the package; path: a folder, a .gguf file or smollm2; hub: a Hugging Face name; endpoint: an
    address, such as a live gateway's; python: `package.module:function` that returns a model; published: the workings
    that the task's own data set publishes, replayed (it draws nothing, and `name` says nothing)."""
    name: Annotated[str, Meta(min_length=1)] = "steps"
    """endpoint: http(s)://host/v1#model."""
    revision: str = ""
    """hub: a commit, a tag or a branch."""
    temperature: Annotated[float, Meta(ge=0, le=5)] = 0.6
    top_p: Annotated[float, Meta(gt=0, le=1)] = 1.0
    max_tokens: Count = 256
    key_env: str = ""
    """endpoint: the environment variable that holds the key."""
    reasoning_in_content: Policy = "tags"
    """endpoint: what of its answers' text is reasoning."""


SHIPPED = "shipped:"
IDENTITY = "none"
"""The defense that is none: the control."""
UNTAUGHT = ("never", "public")
"""Attacks that ask no teacher: one student is enough for every defense."""
CONTROLS = ("never", "answer_only", "public")
"""The students that every attack is measured against, behind no defense. Reports know them by these names."""


class Method(Record, frozen=True):
    """A method by name, its config checked and whole."""

    name: str
    config: Fields = field(default_factory=dict[str, Any])


class Sizes(Record, frozen=True):
    """At most so many problems of each split; all where nothing is said."""

    train: Count | None = None
    """What a thief asks the teacher."""
    proxy: Count | None = None
    """What is public."""
    validation: Count | None = None
    test: Count | None = None
    shifted: Count | None = None


class Subject(Record, frozen=True):
    """A task."""

    name: str
    label: str = ""
    config: Fields = field(default_factory=dict[str, Any])
    sizes: Sizes = Sizes()
    protect_subjects: tuple[str, ...] = ()
    """Only these subjects' traces are defended; the others stay clean. Scores are then given by subject, too."""


class Shield(Record, frozen=True):
    """A defense."""

    name: str
    label: str = ""
    config: Fields = field(default_factory=dict[str, Any])
    writer: str = ""
    """The rewriter: `task:plan` (the task's own, by rule), `python:package.module:function` (yours), or local, a .gguf
    path, hf:owner/name, an address."""
    writer_key_env: str = ""
    fallback: str = ""
    """A defense tried where a rewrite fails, such as terse."""
    then: tuple[Method, ...] = ()
    """Methods behind it, as the trace travels; a watermark comes last. Each seed has a mark key of its own."""
    material: dict[str, str] = field(default_factory=dict[str, str])
    """Digests of the files that these configs name; filled in."""

    @property
    def links(self) -> tuple[Method, ...]:
        """All of its methods."""
        return (Method(self.name, self.config), *self.then)

    @property
    def bare(self) -> bool:
        """Whether it is the identity."""
        return self.name == IDENTITY and not self.then


class Alternative(Record, frozen=True):
    """Another setting of an attack: they compete in the screen, the best one goes on."""

    label: Annotated[str, Meta(min_length=1)]
    config: Fields = field(default_factory=dict[str, Any])
    """Members that differ from the attack's."""
    washes: tuple[str | Method, ...] | None = None
    """Instead of the attack's."""


class Theft(Record, frozen=True):
    """An attack."""

    name: str
    label: str = ""
    config: Fields = field(default_factory=dict[str, Any])
    washes: tuple[str | Method, ...] = ()
    """Applied left to right."""
    writer: str = ""
    """A model that the thief owns: see `Shield.writer`."""
    writer_key_env: str = ""
    shares: Annotated[tuple[Share, ...], Meta(min_length=1)] = (1.0,)
    """Of the learner's steps. Several make a learning curve: an attack each, its share behind an @ in its label."""
    alternatives: tuple[Alternative, ...] = ()
    behind: tuple[str, ...] = ()
    """On these defenses only, by their labels, such as the one whose map it undoes; on all where nothing is said."""
    material: dict[str, str] = field(default_factory=dict[str, str])
    """Digests of the files that it, its washes and its alternatives name; filled in."""


class Screen(Record, frozen=True):
    """Every cell at one seed and a part of the training budget, judged on validation."""

    seed: int = 0
    share: Share = 1 / 3


class Confirm(Record, frozen=True):
    """Controls and each defense's worst attacks at fresh seeds and the whole budget, judged on test."""

    seeds: Annotated[tuple[int, ...], Meta(min_length=1)] = (1, 2, 3, 4, 5)
    worst: Count = 3
    undefended: tuple[str, ...] = ()
    """Attacks, by label, that are confirmed on the teacher itself whatever they screen at: floors and ceilings."""
    controls: Count | None = None
    """Controls are confirmed at the first so many seeds; at all where nothing is said."""


class Marks(Record, frozen=True):
    """How students of marked traces are asked about the mark: as `verify` asks, to the end of the budget."""

    budget: Count = 50
    """Probes."""
    keys: Count = 1000
    """K: the level holds over so many committed keys."""
    alpha: Annotated[float, Meta(gt=0, lt=1)] = 1e-6


class Learning(Record, frozen=True):
    """The student to be."""

    kind: str
    recipe: Fields
    """As the kind's own config, whole."""
    tokenizer: str = ""
    """A folder, a hub name, or `shipped:steps`; the teacher's own where nothing is said."""


class Fits(Record, frozen=True):
    """The purifiers that its defenses name: `azeotrope fit RECIPE -o FOLDER` makes them, before anything is evaluated.
    Paths are as the command is run, as all paths in an experiment."""

    recipe: Annotated[str, Meta(min_length=1)]
    folder: Annotated[str, Meta(min_length=1)]


class Experiment(Record, frozen=True):
    """The whole of it, every config checked."""

    name: str
    teacher: Teacher
    learner: Learning
    tasks: tuple[Subject, ...]
    defenses: tuple[Shield, ...]
    attacks: tuple[Theft, ...]
    screen: Screen
    confirm: Confirm
    marks: Marks = Marks()
    fits: Fits | None = None
