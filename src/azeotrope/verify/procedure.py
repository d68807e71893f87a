"""The procedure: the operator's mark first, then customers, most likely first, each within its budget, one level for
all. Knows no page and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.keys import OPERATOR
from azeotrope.marks import Law
from azeotrope.math.stats import Rule, checked, proof
from azeotrope.types import Association
from azeotrope.verify.asking import Asking
from azeotrope.verify.disclosing import disclosed
from azeotrope.verify.examining import Examination, Kept, Space, examined, judged, refused, screened
from azeotrope.verify.keys import Accused
from azeotrope.verify.probes import plain, schedule
from azeotrope.verify.records import NOTHING, Evidence, Judged, Settings, Tree
from azeotrope.verify.spending import Book, now
from azeotrope.verify.suspects import Suspect
from azeotrope.verify.telling import claim, overall, time_sentence

_KNOCKS = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """What the level rests on, and where spent associations are written down."""

    law: Law
    keys: int
    """K: every committed key."""
    keys_from: str
    book: Book
    salt: Callable[[], bytes]
    """16 fresh random bytes for each transcript's digest."""
    tree: Tree | None = None
    version: str = ""
    again: bool = False
    """Ask once more what this suspect was asked in an earlier run."""


class Outcome(NamedTuple):
    """What is published, and what the operator keeps."""

    evidence: Evidence
    kept: tuple[Kept, ...]


Watch = Callable[[Judged], None]


async def verify(
    suspect: Suspect, accused: Sequence[Accused], trial: Trial, settings: Settings, watch: Watch | None = None
) -> Outcome:
    """Asks the suspect about the marks, in order. Stops at the first customer's mark that is met, unless told to go on.

    Raises `Unavailable` where the suspect does not even answer an ordinary question (nothing is spent then),
    `Misconfigured` for a rule that makes no sense.
    """
    started = now()
    rule = checked(Rule(settings.alpha, trial.keys, trial.law.targets))
    run = _Run(suspect, trial, settings, rule, accused)
    if any(not run.hopeless(who) for who in accused):
        await run.knock()
    marks: list[Judged] = []
    for who in accused:
        met = any(one.customer != OPERATOR for one in marks if one.verdict.startswith("met"))
        if met and not settings.every:
            break
        try:
            marks.append(await run.examine(who))
        except (Misconfigured, Unavailable) as error:  # what is spent cannot be written down: ask no further
            if not marks:
                raise
            marks.append(refused(who, f"not judged: {error}", NOTHING))
            break
        if watch:
            watch(marks[-1])
    return Outcome(run.evidence(marks, started), tuple(run.kept))


class _Run:
    """One suspect's whole examination."""

    def __init__(
        self, suspect: Suspect, trial: Trial, settings: Settings, rule: Rule, accused: Sequence[Accused]
    ) -> None:
        self.kept: list[Kept] = []
        self._suspect, self._trial, self._settings, self._rule = suspect, trial, settings, rule
        self._accused = accused
        self._asking = Asking(suspect.model, settings)
        self._ordinary = self._failed = 0

    def hopeless(self, who: Accused) -> str:
        """Why not even a student that knows everything could be proved; empty where it could."""
        if who.committed is False:
            return "its key is not among the commitments under the signed head"
        left = self._left(who)
        budget = self._settings.budget
        if not left or not proof(1.0, len(left), budget, self._rule).probability:
            return f"{len(left)} associations are left to ask about at this suspect: too few to prove at this level"
        return ""

    async def knock(self) -> None:
        """An ordinary question, before anything is spent."""
        rng, reply = Random(self._settings.seed), None  # noqa: S311 - a question, not a secret
        for _ in range(_KNOCKS):
            (reply,) = await self._asking.ask([plain(rng, self._settings)])
            self._ordinary += 1
            if reply.answer is not None:
                return
            self._failed += 1
        why = reply.why if reply else "nothing was asked"
        raise Unavailable(f"the suspect does not answer an ordinary question ({why}): no probe was spent")

    async def examine(self, who: Accused) -> Judged:
        """One mark, within its budget."""
        if why := self.hopeless(who):
            return refused(who, why)
        if self._asking.gone:
            return refused(who, "not asked: the suspect stopped answering", NOTHING)
        left, settings, trial = self._left(who), self._settings, self._trial
        again = len(trial.book.closed(who.mark, self._suspect.id) & {one.index for one in left})
        questions = schedule(left, settings, who.mark, prefill=self._suspect.prefill)
        at = Examination(who.mark, self._rule, Space(trial.law.lowest, trial.law.targets), trial.salt)

        async def spend(indices: Sequence[int]) -> None:
            await trial.book.spend(who.mark, indices, self._suspect.id, disclosed=False)

        complete, ordinary, failed = await examined(questions, self._asking, at, settings, spend)
        self._ordinary, self._failed = self._ordinary + ordinary, self._failed + failed
        self.kept.extend(at.kept)
        found = replace(judged(who, self._rule, at, complete=complete), available=len(left), again=again)
        if self._asking.gone:
            found = replace(found, why="the suspect stopped answering")
        if settings.disclose and found.verdict.startswith("met"):
            asked = sorted({line.association for line in found.lines})
            try:
                await self._trial.book.spend(who.mark, asked, self._suspect.id, disclosed=True)
            except (Misconfigured, Unavailable) as error:  # others would be asked what stands in print
                return replace(found, why=f"not disclosed: {error}")
            return disclosed(found, who, at.kept, self._accused)
        return found

    def evidence(self, marks: Sequence[Judged], started: str) -> Evidence:
        """The record of all of it."""
        trial, suspect, rule = self._trial, self._suspect, self._rule
        draft = Evidence(
            overall(marks), "", time_sentence(trial.tree), suspect.name, suspect.id, suspect.content, started, now(),
            self._settings, rule.keys, trial.keys_from, trial.law.digest, trial.law.lowest, rule.values,
            tuple((one.learned, one.said) for one in rule.beliefs), tuple(marks), self._ordinary, self._failed,
            screened(marks), trial.tree, trial.version,
        )  # fmt: skip
        return replace(draft, claim=claim(draft))

    def _left(self, who: Accused) -> list[Association]:
        closed = frozenset[int]() if self._trial.again else self._trial.book.closed(who.mark, self._suspect.id)
        return [one for one in who.half if one.index not in closed]
