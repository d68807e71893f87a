"""The cells to do: every defense x attack x task, the controls, and the digest of all that decides each. Pure.

Knows no model and no file: what a teacher and a task are comes in as digests.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal

from msgspec import field
from msgspec.structs import asdict, replace

from azeotrope import lift
from azeotrope.codec import digest
from azeotrope.errors import Misconfigured
from azeotrope.evaluate.plan import CONTROLS, IDENTITY, UNTAUGHT, Experiment, Method, Shield, Subject, Theft
from azeotrope.evaluate.reading import checked
from azeotrope.protocols import Split
from azeotrope.types import Fields, Record

SCHEMA = 1
"""Raised when the same settings come to mean another result."""
PARAPHRASE = "paraphrase"
GREEDY = "greedy"
"""What a teacher's likeliest text scores: beside what it draws, where purifiers are judged."""
Stage = Literal["screen", "confirm"]
JUDGED: dict[Stage, tuple[Split, ...]] = {"screen": ("validation",), "confirm": ("test", "shifted")}
"""The split a stage is judged on, and others that it scores beside."""


class Known(Record, frozen=True):
    """What a task holds, in digests."""

    splits: dict[str, str]
    """By split: of its problems; a split that is empty is left out."""
    public: bool
    """Whether its proxy split has workings."""
    writers: tuple[str, ...]
    """Its own writers by rule."""


class Facts(Record, frozen=True):
    """What was found out before the grid is made."""

    teacher: str
    """Its identity."""
    tasks: dict[str, Known]
    """By label."""


class Variant(Record, frozen=True):
    """One setting of an attack."""

    label: str
    family: str
    """The attack's own label: its variants compete in the screen."""
    name: str
    config: Fields
    washes: tuple[Method, ...]
    writer: str = ""
    writer_key_env: str = ""
    material: dict[str, str] = field(default_factory=dict[str, str])
    share: float = 1.0
    """Of the stage's part of the training budget."""
    behind: tuple[str, ...] = ()
    """The only defenses it is run on; all where nothing is said."""


class Todo(Record, frozen=True):
    """One thing to do: a cell, or (without an attack) the teacher behind a defense."""

    digest: str
    task: Subject
    defense: Shield
    attack: Variant | None
    stage: Stage
    seed: int
    share: float
    control: bool = False
    """Whether it is always confirmed."""

    @property
    def split(self) -> Split:
        return JUDGED[self.stage][0]

    @property
    def words(self) -> str:
        """For a reader."""
        if self.attack is None:
            return f"{self.task.label}: the teacher behind {self.defense.label}"
        return f"{self.task.label}: {self.defense.label} x {self.attack.label}, seed {self.seed}, {self.stage}"


def wanted(plan: Experiment, only: Collection[str]) -> Callable[[Todo], bool]:
    """Whether a cell stands behind one of these defenses (all, where none is named), or behind one that the experiment
    does not name. The choice of what is confirmed is made defense by defense, so that it is the same in parts.

    Raises `Misconfigured` for a defense that is not there.
    """
    named = {defense.label for defense in plan.defenses}
    if missing := set(only) - named:
        raise Misconfigured(
            f"no defense is called {', '.join(sorted(missing))}; {plan.name} has {', '.join(sorted(named))}"
        )
    left = named - set(only) if only else set[str]()
    return lambda todo: todo.defense.label not in left


class Grid:
    """The cells of an experiment."""

    def __init__(self, plan: Experiment, facts: Facts) -> None:
        self._plan, self._facts = plan, facts
        for task in plan.tasks:
            for defense in plan.defenses:
                _check_writer(defense.writer, f"defense {defense.label!r}", task, facts)
            for attack in plan.attacks:
                _check_writer(attack.writer, f"attack {attack.label!r}", task, facts)

    def screen(self) -> list[Todo]:
        """Every cell at the screen's seed and share. Raises `Misconfigured` where two would be the same."""
        screen = self._plan.screen
        cells = [
            self._todo(task, defense, attack, "screen", screen.seed, screen.share, control)
            for task in self._plan.tasks
            for defense in self._defenses(task)
            for attack, control in self._attacks(task, defense)
        ]
        seen: dict[str, Todo] = {}
        for cell in cells:
            if (other := seen.setdefault(cell.digest, cell)) is not cell:
                raise Misconfigured(f"these are the same cell twice: {other.words}; {cell.words}; leave one out")
        return cells

    def confirmed(self, chosen: Sequence[Todo]) -> list[Todo]:
        """The chosen cells of the screen, at every fresh seed (controls: at the first ones) and the whole budget."""
        confirm = self._plan.confirm
        return [
            self._todo(one.task, one.defense, one.attack, "confirm", seed, 1.0, one.control)
            for one in chosen
            for seed in confirm.seeds[: confirm.controls if one.control else None]
        ]

    def utilities(self) -> list[Todo]:
        """The teacher behind every defense, on every task."""
        return [
            self._todo(task, defense, None, "confirm", 0, 1.0, True)
            for task in self._plan.tasks
            for defense in self._defenses(task)
        ]

    def _defenses(self, task: Subject) -> list[Shield]:
        """The experiment's, after the identity. What a defense must beat comes last: the plain paraphrase, where the
        task has a writer of it and there is a defense that rewrites more than a mark."""
        out = list(self._plan.defenses)
        if not any(defense.bare for defense in out):
            out.insert(0, Shield(IDENTITY, IDENTITY))
        spec = f"task:{PARAPHRASE}"
        offered = PARAPHRASE in self._facts.tasks[task.label].writers
        judged = any(
            not (lift.marks(method.name) or lift.shapes(method.name))
            for one in out
            if not one.bare
            for method in one.links
        )
        if offered and judged and not any(one.writer == spec for one in out):
            config = checked("defenses", "instruct", {}, "the control paraphrase")
            out.append(Shield("instruct", PARAPHRASE, config, spec))
        return out

    def _attacks(self, task: Subject, defense: Shield) -> Iterator[tuple[Variant, bool]]:
        """(attack, whether it is a control)."""
        bare = defense.bare
        offered = [name for name in CONTROLS if name != "public" or self._facts.tasks[task.label].public]
        listed = [variant for attack in self._plan.attacks for variant in variants(attack)]
        if bare:
            for name in offered:
                control = Variant(name, name, name, checked("attacks", name, {}, f"the control {name}"), ())
                if not any(_stands_for(variant, control) for variant in listed if _goes(variant, defense)):
                    yield control, True
        for variant in listed:
            if not _goes(variant, defense):
                continue
            if bare or variant.name not in UNTAUGHT:
                always = variant.name in CONTROLS or variant.label in self._plan.confirm.undefended
                yield variant, bare and always

    def _todo(
        self, task: Subject, defense: Shield, attack: Variant | None, stage: Stage, seed: int, share: float,
        control: bool,
    ) -> Todo:  # fmt: skip
        known = self._facts.tasks[task.label]
        share *= attack.share if attack is not None else 1.0
        splits: list[Split] = [JUDGED[stage][0]] if attack is None else ["train", "proxy", *JUDGED[stage]]
        decides: dict[str, Any] = {
            "schema": SCHEMA,
            "defended": defended(self._facts.teacher, task, defense, seed),
            "task": [task.name, task.config, task.protect_subjects, {name: known.splits.get(name) for name in splits}],
        }
        if attack is not None:
            decides |= {
                "attack": [attack.name, attack.config, attack.washes, attack.writer, *_files(attack.material)],
                "learner": asdict(self._plan.learner),
                "seed": seed,
                "share": share,
                "stage": stage,
            }
            decides |= {"marks": self._plan.marks} if keyed(defense) else {}
        return Todo(digest(decides), task, defense, attack, stage, seed, share, control)


def variants(attack: Theft) -> list[Variant]:
    """The attack as it is, then its alternatives. It has one share: `reading` makes one of each point of a curve."""
    washes = tuple(wash for wash in attack.washes if isinstance(wash, Method))
    plain = Variant(
        attack.label, attack.label, attack.name, attack.config, washes, attack.writer, attack.writer_key_env,
        attack.material, attack.shares[0], attack.behind,
    )  # fmt: skip
    others = [
        replace(
            plain,
            label=f"{attack.label}:{other.label}",
            config=other.config,
            washes=washes if other.washes is None else tuple(w for w in other.washes if isinstance(w, Method)),
        )
        for other in attack.alternatives
    ]
    return [plain, *others]


def _goes(variant: Variant, defense: Shield) -> bool:
    """Whether it is run on that defense at all."""
    return not variant.behind or defense.label in variant.behind


def _stands_for(variant: Variant, control: Variant) -> bool:
    """Whether it is the control, by its name or by all that it does: then there is no need of another."""
    alike = (variant.name, variant.config, variant.washes, variant.share)
    return variant.label == control.label or alike == (control.name, control.config, control.washes, control.share)


def keyed(defense: Shield) -> bool:
    """Whether its traces carry a mark."""
    return any(lift.marks(method.name) for method in defense.links)


def defended(teacher: str, task: Subject, defense: Shield, seed: int) -> str:
    """A digest of everything that decides what the teacher says behind a defense. `seed`: the mark key's."""
    if defense.bare:
        return digest([teacher])
    writer = [defense.writer, task.name if defense.writer.startswith("task:") else ""]
    decides = [teacher, defense.name, defense.config, writer, defense.fallback, _protected(task)]
    if defense.then or keyed(defense):
        decides.append(["links", defense.links, seed if keyed(defense) else None])
    return digest([*decides, *_files(defense.material)])


def _files(material: dict[str, str]) -> list[dict[str, str]]:
    """One more thing that decides, where there is any."""
    return [material] if material else []


def _protected(task: Subject) -> Any:
    """Which requests are defended at all."""
    return [task.name, task.config, task.protect_subjects] if task.protect_subjects else None


def _check_writer(spec: str, who: str, task: Subject, facts: Facts) -> None:
    offered = facts.tasks[task.label].writers
    if spec.startswith("task:") and spec.removeprefix("task:") not in offered:
        raise Misconfigured(
            f"{who} asks for the writer {spec!r}, but the task {task.label!r} offers {', '.join(offered) or 'none'}; "
            "name a model that rewrites instead"
        )
