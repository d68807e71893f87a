"""What a search finds, as records: each instruction with its scores, cost and parents. Knows no file and no model."""

from __future__ import annotations

import math
from typing import Literal

from msgspec import field
from msgspec.structs import replace

from azeotrope.codec import digest
from azeotrope.optimize.plan import Floors
from azeotrope.types import Record, Run, Score

Stage = Literal["screen", "full"]
"""screen: one proxy, briefly, by its loss; full: every proxy, by what it gets right."""
CONTROL = "control"
"""Who proposed the entry that is no instruction: the teacher's traces as they are."""
UNDONE = ("timed_out", "rewriter_refused_request")
"""What a rewriter failed by that an instruction may be the cause of: it asks too much, or what a filter turns down."""


class Expense(Record, frozen=True):
    """What a score, or a proposal, cost."""

    calls: int = 0
    """Of rewriter or reflector, those answered from memory included."""
    tokens_in: int = 0
    tokens_out: int = 0
    steps: int = 0
    """Optimiser steps of students."""
    cpu_seconds: float = 0.0
    """Of their training."""
    seconds: float = 0.0

    def plus(self, other: Expense) -> Expense:
        pairs = zip(self.__struct_fields__, other.__struct_fields__, strict=True)
        return Expense(*(getattr(self, mine) + getattr(other, theirs) for mine, theirs in pairs))


class Mean(Record, frozen=True):
    """Of several students or searches, with its 95 % interval."""

    value: float
    low: float
    high: float


class Candidate(Record, frozen=True):
    """An instruction, scored at one stage."""

    digest: str
    """Of everything that decides the score."""
    text: str
    stage: Stage
    by: str
    """Who proposed it."""
    parents: tuple[str, ...] = ()
    """Names of the instructions it was made from."""
    kept: float = 0.0
    """Share of the rewritten traces that passed every release check."""
    readable: float = 0.0
    """Mean over those."""
    damage: float | None = None
    """full: mean over the proxies of accuracy on clean traces minus accuracy on these; None where none was trained."""
    nats: float | None = None
    """screen: nats a held-out response costs the proxy, more than a clean one; None likewise."""
    scores: dict[str, Score] = field(default_factory=dict[str, Score])
    """full: seed -> on the validation problems."""
    failures: dict[str, int] = field(default_factory=dict[str, int])
    """Release checks that failed, counted."""
    samples: tuple[str, ...] = ()
    """Rewrites that could be released, a few."""
    expense: Expense = Expense()
    reason: str = ""
    """Why there is no score."""

    @property
    def name(self) -> str:
        return named(self.text)

    def shortfall(self, floors: Floors) -> float:
        """How far it is below the floors; 0 where it is not."""
        return max(0.0, floors.kept - self.kept) + max(0.0, floors.readable - self.readable)

    @property
    def taught(self) -> bool:
        """Whether students were trained."""
        return self.damage is not None or self.nats is not None

    @property
    def undone(self) -> bool:
        """Whether there is no score because the rewriter refused, or was too slow for, too many traces."""
        return bool(self.reason) and any(name in self.failures for name in UNDONE)

    @property
    def untaught(self) -> bool:
        """Whether none was, though nothing went wrong: it fell below the floors of its time."""
        return not self.reason and not self.taught

    def finished(self, floors: Floors) -> bool:
        """Whether to score it again would tell nothing: nothing went wrong, and who is within the floors was taught."""
        return not self.reason and not (self.untaught and self.shortfall(floors) == 0)

    def seen(self, floors: Floors) -> Candidate:
        """As a search with these floors sees it: below them no student was worth training."""
        return replace(self, damage=None, nats=None, scores={}) if self.shortfall(floors) > 0 else self

    def worth(self, floors: Floors) -> float:
        """What is maximised: the damage, or minus 1 less the shortfall where no student was worth training."""
        short = self.shortfall(floors)
        if self.reason or short > 0 or self.damage is None:
            return -1.0 - short - bool(self.reason)
        return self.damage

    def cheap(self, floors: Floors) -> float:
        """The same from the loss: 1 - exp(-nats), the damage to a student that would write every response rightly."""
        short = self.shortfall(floors)
        if self.reason or short > 0 or self.nats is None:
            return -1.0 - short - bool(self.reason)
        return 1.0 - math.exp(-self.nats) if self.nats > 0 else max(-1.0, self.nats)


def scored_as(bench: str, text: str, stage: Stage, by: str = "") -> str:
    """The digest of everything that decides a score. `bench`: of all but the instruction; `by`: the control's."""
    return digest([bench, stage, text, by])


def named(text: str) -> str:
    """An instruction's name: 12 hex digits of its digest."""
    return digest(text)[:12]


class Reflected(Record, frozen=True):
    """What the reflection model said; of what it was told only the digest is kept."""

    prompt: str
    turn: int
    """How often it had been told the same before."""
    said: str
    expense: Expense = Expense()


class Confirmed(Record, frozen=True):
    """A student that chose nothing: what it gets right on test problems after clean and after rewritten traces."""

    name: str
    """The instruction's."""
    seed: int
    context: str
    """Digest of the search's context, of the student's recipe, and of the problems that it is taught by and asked."""
    clean: Score
    rewritten: Score
    kept: float | None = None
    """Share of the rewritten traces that left; None of a line that does not say."""
    readable: float | None = None
    """Mean over those."""
    expense: Expense = Expense()
    """Of both students; of several seeds the first that was taught has the rewrites', too."""


class Line(Record, frozen=True, omit_defaults=True):
    """One line of the results: one of these."""

    run: Run | None = None
    candidate: Candidate | None = None
    reflected: Reflected | None = None
    confirmed: Confirmed | None = None


def dominated(one: Candidate, other: Candidate) -> bool:
    """Whether `other` is as good by damage, answers kept and readability, and better by one of them."""
    mine, theirs = _objectives(one), _objectives(other)
    return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def front(found: list[Candidate]) -> list[Candidate]:
    """Those that none dominates, the most damaging first. Only what was scored in full, on students, counts."""
    scored = [one for one in found if one.stage == "full" and one.damage is not None and one.by != CONTROL]
    kept = [one for one in scored if not any(dominated(one, other) for other in scored)]
    return sorted(kept, key=lambda one: (-(one.damage or 0.0), one.name))


def _objectives(one: Candidate) -> tuple[float, float, float]:
    assert one.damage is not None
    return one.damage, one.kept, one.readable
