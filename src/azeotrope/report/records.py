"""What a report says, as records: the page and the Markdown are drawn from these alone, and the JSON twin is these.

Knows no format and computes nothing.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import field

from azeotrope.evaluate.plan import IDENTITY
from azeotrope.types import Fields, Record, Run

SCHEMA = 1


Role = Literal["defense", "undefended", "floor", "control", "yardstick"]
"""undefended: the teacher itself; floor: answers alone; control: a plain paraphrase; yardstick: never to be served."""


class Figure(Record, frozen=True):
    """A number with what it rests on."""

    value: float
    low: float | None = None
    """Ends of the 95 % interval."""
    high: float | None = None
    n: int = 0
    """Problems, the same for every seed."""
    failed: int = 0
    """Of all seeds' problems those that could not be asked: they are in no denominator."""
    seeds: int = 1


class Seed(Record, frozen=True):
    """One student: what it scored and what it cost."""

    seed: int
    raw: Figure
    forced: Figure | None = None
    shifted: Figure | None = None
    queries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    examples: int = 0
    steps: int = 0
    tokens_trained: int = 0
    cpu_seconds: float = 0.0
    notes: Fields = field(default_factory=dict[str, Any])


class Sample(Record, frozen=True):
    """What one student said. Hostile text: shown as text, never as anything else."""

    seed: int
    problem: str
    said: str


class Judged(Record, frozen=True):
    """One defense x attack x task at one stage, over its seeds."""

    stage: Literal["screen", "confirm"]
    split: str
    raw: Figure | None = None
    """Student's accuracy, mean over seeds; None where every seed failed."""
    forced: Figure | None = None
    shifted: Figure | None = None
    subjects: dict[str, Figure] = field(default_factory=dict[str, Figure])
    """Raw, by subject, where the task protects some of them only."""
    verdicts: dict[str, int] = field(default_factory=dict[str, int])
    """`Verdict` -> problems, over all seeds: what is degenerate stands apart from what is wrong."""
    seeds: tuple[Seed, ...] = ()
    failures: tuple[str, ...] = ()
    """Reasons of the seeds that never came to a score."""
    samples: tuple[Sample, ...] = ()


class Square(Record, frozen=True):
    """One square of the heat map: a defense under an attack."""

    defense: str
    attack: str
    stages: tuple[Judged, ...]
    """Confirmed first."""
    weakest: bool = False
    """Whether it is the best confirmed attack on its defense."""

    @property
    def shown(self) -> Judged | None:
        """The stage that counts: confirmed before screened."""
        return next((one for one in self.stages if one.raw), None)


class Control(Record, frozen=True):
    """What a student reaches without the defense under test."""

    name: str
    what: str
    defense: str
    attack: str
    student: Figure | None = None
    stage: Literal["screen", "confirm", ""] = ""


class Row(Record, frozen=True):
    """One defense, judged by its weakest cell."""

    rank: int
    """1 is best; 0 where it is no defense to be ranked."""
    role: Role
    defense: str
    about: str
    attack: str
    """The best confirmed attack on it."""
    attacks: int
    """How many attacks were confirmed on it."""
    screened: int
    """How many were screened."""
    student: Figure
    forced: Figure | None = None
    shifted: Figure | None = None
    subjects: dict[str, Figure] = field(default_factory=dict[str, Figure])
    leakage: Figure | None = None
    no_ratio: str = ""
    """Why there is no leakage."""
    utility: Figure | None = None
    utility_forced: Figure | None = None
    utility_subjects: dict[str, Figure] = field(default_factory=dict[str, Figure])
    p_value: float | None = None
    """McNemar, paired, against the undefended teacher: raw."""
    p_value_forced: float | None = None
    tokens: float | None = None
    """Tokens released over those of the undefended teacher."""
    outcomes: dict[str, int] = field(default_factory=dict[str, int])
    from_best: Figure | None = None
    """Student's accuracy less that of the first in rank."""
    from_next: Figure | None = None
    """Student's accuracy of the next in rank less this one's."""
    from_control: Figure | None = None
    """Student's accuracy behind a plain paraphrase less this one's."""

    @property
    def tied(self) -> bool:
        """Whether the order of this and the next in rank is not known."""
        return self.from_next is not None and not (self.from_next.low or 0) > 0


class Cost(Record, frozen=True):
    """What one attack cost, student by student: the least and the most over every defense and seed."""

    attack: str
    stage: Literal["screen", "confirm"]
    students: int
    queries: tuple[int, int]
    tokens_in: tuple[int, int]
    tokens_out: tuple[int, int]
    examples: tuple[int, int]
    tokens_trained: tuple[int, int]
    cpu_seconds: tuple[float, float]


class Point(Record, frozen=True):
    """One place on a learning curve."""

    steps: float
    """Optimiser steps of a student, mean over seeds."""
    student: Figure


class Curve(Record, frozen=True):
    """One attack on one defense at several training budgets."""

    defense: str
    attack: str
    points: tuple[Point, ...]
    """By steps."""


class Marked(Record, frozen=True):
    """What the students of one attack say of the mark that its defense put into the traces."""

    defense: str
    attack: str
    students: int
    told: float
    """How often an association was chosen for the traces that were asked for, mean over associations and students."""
    recall: Figure
    """Share of the associations whose target was named, by the budget's end."""
    families: dict[str, Figure]
    """The same, by family."""
    proved: tuple[tuple[int, Figure], ...]
    """(probes, share of the students that are proved by then), at the level and over the keys below."""
    keys: int
    alpha: float
    exposures: float | None = None
    """How often a student read an association while it was trained, mean; None: not known."""
    contexts: dict[str, Figure] = field(default_factory=dict[str, Figure])
    """Share of the answers that name the target, by form and temperature of the question."""
    never: Figure | None = None
    """The control: share of the answers about triggers that nobody was told that name their target all the same."""
    confused: Figure | None = None
    """Share of those answers that name a target told with another trigger."""


class Greenlisted(Record, frozen=True):
    """How green the text of one attack's students is, by the key that its defense biased the traces' tokens with."""

    defense: str
    attack: str
    students: int
    pairs: float
    """Distinct (context, token) pairs of a student's text, mean."""
    chance: float
    """Share of green in a text that was made without the key."""
    taught: Figure
    """Share of green in traces as the teacher let them out, mean over students."""
    own: Figure
    """In the students' text."""
    never: Figure
    """The control: in the same text, by keys that no trace was biased with."""
    log_p: float
    """Median of the students' ln p."""
    proved: Figure
    """Share of the students whose p is proof, at the level and over the keys below."""
    keys: int
    alpha: float


class Share(Record, frozen=True):
    """What one attack on a defense keeps of the logits' advantage: 1 undefended, 0 no more than the floor."""

    attack: str
    stage: Literal["screen", "confirm"]
    twin: str
    """The attack on the undefended teacher that it is held against; "": the best one there."""
    student: Figure
    first: Figure | None
    """Over the student of the text alone; None where there is no advantage to have a share of."""
    second: Figure | None
    """Over the best attack without logits."""


class Paid(Record, frozen=True):
    """What a defense costs the teacher, paired by problem."""

    kind: str
    """raw: as it draws; greedy: its likeliest text."""
    before: float
    after: float
    change: tuple[float, float, float]
    """after - before, and the ends of its interval."""
    n: int
    lost: int
    gained: int
    p_value: float
    """McNemar's, exact."""


class Floor(Record, frozen=True):
    """What a student reaches without logits, and what they add to that."""

    name: str
    attack: str
    student: Figure | None
    advantage: Figure | None
    """Best attack from the undefended teacher's logits less this; each best chosen anew in each draw."""

    @property
    def shown(self) -> bool:
        """Whether the logits are shown to add anything."""
        return self.advantage is not None and (self.advantage.low or 0.0) > 0


class Left(Record, frozen=True):
    """What one defense leaves of the logits' advantage."""

    defense: str
    shares: tuple[Share, ...]
    """By attack, the strongest first."""
    paid: tuple[Paid, ...] = ()
    unbeaten: tuple[str, ...] = ()
    """Other defenses whose best student is not shown to be above this one's: it does no more than they do."""
    weakest: Share | None = None
    """At its weakest cell, of those at the stage that counts."""


class Logits(Record, frozen=True):
    """What the teacher's logits teach, and what each defense leaves of that."""

    stage: Literal["screen", "confirm"]
    """Of ceiling, floors and weakest cells."""
    attack: str
    """The best attack from the undefended teacher's logits."""
    student: Figure
    floors: tuple[Floor, ...]
    """Text alone; the best without logits."""
    rows: tuple[Left, ...]


class Price(Record, frozen=True):
    """What one defense takes to serve, and how what it lets out reads. Every `n` is of traces."""

    defense: str
    trace: Figure
    """Milliseconds, median."""
    trace_ratio: Figure
    """Over the undefended teacher's median, asked the same in turn with it."""
    token: Figure
    """Milliseconds per token that the teacher draws: all over all."""
    token_ratio: Figure
    """Over the undefended teacher's."""
    clock: Literal["cpu", "wall"]
    readability: Figure | None = None
    """Mean of ease times figures, over the traces whose reasoning left; None where none did."""
    ease: Figure | None = None
    figures: Figure | None = None
    perplexity: Figure | None = None
    """exp of the mean nats per token, all tokens together."""
    judge: str = ""
    unread: str = ""
    """Why there is no perplexity."""


class Answering(Record, frozen=True):
    """The teacher behind one defense."""

    defense: str
    right: dict[str, Figure]
    """By how it answers: raw, as it draws; forced, from the trace that leaves; greedy, by its likeliest text."""
    p_values: dict[str, float]
    """McNemar's, exact, against the undefended teacher; none for itself."""


class Board(Record, frozen=True):
    """One task."""

    task: str
    split: str
    attacks: tuple[str, ...]
    """In the order of the heat map: the strongest first; students that asked no teacher are last."""
    untaught: tuple[str, ...]
    """Those last ones."""
    rows: tuple[Row, ...]
    controls: tuple[Control, ...]
    squares: tuple[Square, ...]
    costs: tuple[Cost, ...] = ()
    curves: tuple[Curve, ...] = ()
    marks: tuple[Marked, ...] = ()
    greenlists: tuple[Greenlisted, ...] = ()
    logits: Logits | None = None
    prices: tuple[Price, ...] = ()
    """In the order of the leaderboard, then of the file; of those that were measured."""
    unranked: tuple[str, ...] = ()
    """Defenses without a confirmed cell."""
    teachers: tuple[Answering, ...] = ()
    """Where no student learned behind any defense."""

    @property
    def defended(self) -> bool:
        """Whether any defense but the identity was tested."""
        return any(square.defense != IDENTITY for square in self.squares)


class Caution(Record, frozen=True):
    """Something the reader must know before believing a number."""

    kind: str
    task: str
    text: str


class Report(Record, frozen=True):
    """The whole of it."""

    headline: tuple[str, ...]
    """One sentence a task."""
    boards: tuple[Board, ...]
    cautions: tuple[Caution, ...]
    runs: tuple[Run, ...]
    schema: int = SCHEMA
