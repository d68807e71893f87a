"""What a searcher is handed: scores for instructions, words from the reflection model, and an end when either runs out.

Everything is remembered: a search that is begun again with the same seed is told what it was told before, at no cost,
and goes on where it stopped. Knows no searcher, no model and no task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from azeotrope.codec import digest
from azeotrope.errors import Refused, Unavailable
from azeotrope.models.finish import whole
from azeotrope.optimize.plan import Search
from azeotrope.optimize.records import UNDONE, Candidate, Expense, Line, Reflected, Stage
from azeotrope.optimize.results import Memory
from azeotrope.protocols import Model
from azeotrope.streams import ask
from azeotrope.types import Request

LONGEST = 8000
"""Characters of an instruction."""
IN_A_ROW = 3
"""Instructions that a rewriter refuses or is too slow for, one after another: then it is the rewriter, not they."""


class Spent(Exception):
    """The budget is: the search ends here."""


class Scorer(Protocol):
    """Scores an instruction. What does not stop a search is in `Candidate.reason`."""

    def digest(self, text: str, stage: Stage) -> str: ...

    async def score(self, text: str, stage: Stage) -> Candidate: ...


class Progress(NamedTuple):
    """How far a search is."""

    latest: Candidate
    evaluations: int
    spent: Expense
    best: Candidate | None


Watch = Callable[[Progress], None]
Seeker = Callable[["Arena"], Awaitable[None]]
"""A searcher: it asks the arena until `Spent` is raised, or it has nothing left to ask."""


class Arena:
    """See this file's docstring. `start`: the instruction to begin with; `space`: every one there is, where known."""

    def __init__(
        self, plan: Search, scorer: Scorer, memory: Memory, reflector: Model | None, watch: Watch,
        *, start: str, space: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.plan, self.start, self.space = plan, start, space
        self._scorer, self._memory, self._reflector, self._watch = scorer, memory, reflector, watch
        self.found: list[Candidate] = []
        """What this search has seen, in its order, each stage once."""
        self.spent = Expense()
        self._edition = [edition] if (edition := getattr(reflector, "edition", "")) else []
        self._seen: dict[tuple[str, Stage], Candidate] = {}
        self._turns: dict[str, int] = {}
        self._idle = 0
        self._undone: list[str] = []
        """Of the latest instructions, those that the rewriter left undone."""

    async def screened(self, text: str, parents: tuple[str, ...] = ()) -> Candidate:
        """By the cheap score. Raises `Spent`."""
        return await self._of(text, "screen", parents)

    async def scored(self, text: str, parents: tuple[str, ...] = ()) -> Candidate:
        """In full. Raises `Spent`."""
        return await self._of(text, "full", parents)

    def known(self, text: str, stage: Stage) -> Candidate | None:
        """What this search has seen already; to look it up is no proposal. What says nothing is known: it is no
        instruction."""
        if not (text := text.strip()[:LONGEST]):
            return Candidate("", text, stage, self.plan.searcher.kind, reason="it says nothing")
        return self._seen.get((text, stage))

    def proposed(self, text: str) -> None:
        """Counts a proposal that is known: for a searcher that looks scores up more often than it proposes."""
        self._idle += any(self.known(text, stage) for stage in ("screen", "full"))

    async def told(self, prompt: str) -> str:
        """What the reflection model says. Raises `Spent`, and what the model raises."""
        if self.over:
            raise Spent
        assert self._reflector is not None and self.plan.reflector is not None
        key = digest([self.plan.reflector, self.plan.searcher.seed, prompt, *self._edition])
        turn = self._turns.get(key, 0)
        self._turns[key] = turn + 1
        known = self._memory.reflected.get((key, turn))
        if known is None:
            known = await self._asked(key, turn, prompt)
            self._memory.add(Line(reflected=known))
        self.spent = self.spent.plus(known.expense)
        return known.said

    @property
    def evaluations(self) -> int:
        """Different instructions that were scored, cheaply or in full."""
        return len({text for text, _ in self._seen})

    @property
    def over(self) -> bool:
        """Whether nothing new may be begun."""
        budget, spent = self.plan.budget, self.spent
        used = (self._idle >= budget.patience, self.evaluations >= budget.evaluations,
                budget.calls is not None and spent.calls >= budget.calls,
                budget.tokens is not None and spent.tokens_in + spent.tokens_out >= budget.tokens,
                budget.minutes is not None and spent.seconds >= 60 * budget.minutes)  # fmt: skip
        return any(used)

    @property
    def best(self) -> Candidate | None:
        """Of what was scored in full, and of which anything leaves: to withhold all is no instruction's work."""
        full = [one for one in self.found if one.stage == "full" and one.kept > 0]
        return max(full, key=lambda one: one.worth(self.plan.floors), default=None)

    async def _of(self, text: str, stage: Stage, parents: tuple[str, ...]) -> Candidate:
        text = text.strip()[:LONGEST]
        if (seen := self.known(text, stage)) is not None:
            self._idle += 1
            return seen
        deeper = stage == "full" and (text, "screen") in self._seen
        if self.over and not deeper:  # what passed the cheap score as the last one is scored in full
            raise Spent
        floors, key = self.plan.floors, self._scorer.digest(text, stage)
        found = self._memory.finished(key, floors)
        if found is None:  # or what kept it from a score may have passed
            found = await self._new(text, stage, parents, self._memory.candidates.get(key))
        found = replace(found.seen(floors), by=self.plan.searcher.kind, parents=parents)  # whoever scored it first
        self._idle = 0
        self._seen[text, stage] = found
        self.found.append(found)
        self.spent = self.spent.plus(found.expense)
        self._watch(Progress(found, self.evaluations, self.spent, self.best))
        self._check_done(found)
        return found

    def _check_done(self, found: Candidate) -> None:
        """That it is not the rewriter: each is written down, so that the same call begins with those that failed."""
        self._undone = list(dict.fromkeys([*self._undone, found.text])) if found.undone else []
        if found.text not in self._undone:
            return
        what = ", ".join(f"{name} {count}" for name, count in found.failures.items() if name in UNDONE)
        said = f"the rewriter {self.plan.rewriter.name} left too many traces undone ({what})"
        if found.text == self.start.strip()[:LONGEST]:
            raise Unavailable(
                f"{said} of the instruction to begin with: give it more seconds in [rewriter] config if it is slow, "
                "another [searcher] start or another rewriter if it refuses, and run the same again"
            )
        if len(self._undone) >= IN_A_ROW:
            raise Unavailable(
                f"{said} of {IN_A_ROW} instructions in a row: run the same again when it answers, with more seconds in "
                "[rewriter] config if it is slow; another [searcher] seed has other instructions proposed"
            )

    async def _new(self, text: str, stage: Stage, parents: tuple[str, ...], before: Candidate | None) -> Candidate:
        began = perf_counter()
        made = await self._scorer.score(text, stage)
        if before is not None and before.reason and made.reason == before.reason:  # nothing new to write down
            return before
        expense = replace(made.expense, seconds=perf_counter() - began)
        found = replace(made, by=self.plan.searcher.kind, parents=parents, expense=expense)
        self._memory.add(Line(candidate=found))
        return found

    async def _asked(self, key: str, turn: int, prompt: str) -> Reflected:
        how = self.plan.reflector
        assert how is not None and self._reflector is not None
        began = perf_counter()
        seed = self.plan.searcher.seed * 1000 + turn
        request = Request.of(prompt, temperature=how.temperature, max_tokens=how.max_tokens, seed=seed)
        try:
            heard = await ask(self._reflector, request)
        except Refused:  # this prompt, as often as it is sent: another may be answered
            return Reflected(key, turn, "", Expense(1, len(prompt) // 4, seconds=perf_counter() - began))
        usage, said = heard.usage or {}, heard.answer if whole(heard.finish) else ""  # half an instruction is none
        tokens = (_counted(usage.get("prompt_tokens"), prompt), _counted(usage.get("completion_tokens"), heard.answer))
        return Reflected(key, turn, said, Expense(1, *tokens, seconds=perf_counter() - began))


def _counted(tokens: object, text: str) -> int:
    """As an endpoint counts them, else about so many: whatever it says, a budget goes down by it."""
    return tokens if isinstance(tokens, int) and tokens > 0 else len(text) // 4


def history(arena: Arena, most: int) -> list[Candidate]:
    """The best that were scored in full, in ascending order."""
    full = [one for one in arena.found if one.stage == "full"]
    return sorted(full, key=lambda one: one.worth(arena.plan.floors))[-most:]


def turned_down(arena: Arena, most: int) -> list[Candidate]:
    """The latest that got no further than the cheap score."""
    full = {one.text for one in arena.found if one.stage == "full"}
    return [one for one in arena.found if one.text not in full][-most:]
