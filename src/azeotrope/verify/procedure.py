"""The procedure: the operator's mark first, then customers, most likely first, each within its budget, one level for
all. Knows no page and no file.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from azeotrope.errors import AzeotropeError, Misconfigured, Unavailable
from azeotrope.keys import OPERATOR
from azeotrope.marks import Law
from azeotrope.math.stats import Rule, checked
from azeotrope.types import Association
from azeotrope.verify.asking import Asking
from azeotrope.verify.disclosing import disclosed
from azeotrope.verify.examining import (
    Examination,
    Keep,
    Kept,
    Space,
    examined,
    judged,
    nowhere,
    screened,
    unjudged,
    whole,
)
from azeotrope.verify.keys import Accused
from azeotrope.verify.probes import plain, schedule
from azeotrope.verify.records import GONE, MET, NOTHING, UNASKED, UNREACHED, Evidence, Judged, Settings, Tree
from azeotrope.verify.refusing import SEALED, hopeless, refused, so_far
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
    keep: Keep = nowhere
    """Given what was asked and answered, wave by wave; the next one is asked when it returns."""
    stopped: Callable[[Outcome], None] = lambda _: None
    """Given what is known so far, where the run is interrupted or fails once anything is spent."""


class Outcome(NamedTuple):
    """What is published, and what the operator keeps."""

    evidence: Evidence
    kept: tuple[Kept, ...]


Watch = Callable[[Judged], None]


async def verify(
    suspect: Suspect, accused: Sequence[Accused], trial: Trial, settings: Settings, watch: Watch | None = None
) -> Outcome:
    """Asks the suspect about the marks, in order. Stops at the first customer's mark that is met, unless told to go on.

    Raises `Unavailable` where the suspect does not even answer an ordinary question (nothing is spent then) or what is
    spent cannot be written down, `Misconfigured` for a rule that makes no sense. Whatever is raised, an interruption
    included, `trial.stopped` has been given what was found before.
    """
    rule = checked(Rule(settings.alpha, trial.keys, trial.law.targets))
    run = _Run(suspect, trial, settings, rule, accused)
    try:
        await run.go(watch)
    except BaseException as error:
        if run.begun:
            trial.stopped(run.outcome(_why(error)))
        raise
    return run.outcome()


def _why(error: BaseException) -> str:
    """In words; another's error may say anything, so it is only named."""
    if isinstance(error, AzeotropeError):
        return str(error)
    interrupted = isinstance(error, (CancelledError, KeyboardInterrupt))
    return "interrupted" if interrupted else f"failed, {type(error).__name__}"


class _Midst(NamedTuple):
    """A mark while it is asked about."""

    who: Accused
    at: Examination
    left: int
    """Associations that were still to be asked about."""

    def judged(self, rule: Rule, *, complete: bool) -> Judged:
        """What its answers come to."""
        return replace(judged(self.who, rule, self.at, complete=complete), available=self.left)


class _Run:
    """One suspect's whole examination."""

    def __init__(
        self, suspect: Suspect, trial: Trial, settings: Settings, rule: Rule, accused: Sequence[Accused]
    ) -> None:
        self.begun = False
        """Whether anything is spent."""
        self._suspect, self._trial, self._settings, self._rule = suspect, trial, settings, rule
        self._accused, self._started = accused, now()
        self._before = {who.mark: self._closed(who) for who in accused}
        """What is on record before this run."""
        self._asking = Asking(suspect.model, settings)
        self._knocks = self._unheard = 0
        self._marks: list[Judged] = []
        self._kept: list[Kept] = []
        self._midst: _Midst | None = None
        """What is being asked about just now."""

    async def go(self, watch: Watch | None) -> None:
        """All marks, in order."""
        if any(not self.hopeless(who) for who in self._accused):
            await self.knock()
        for who in self._accused:
            if self._enough:
                break
            await self.examine(who)
            if watch:
                watch(self._marks[-1])

    @property
    def _enough(self) -> bool:
        """Whether a customer's mark is met, and no more than that is wanted."""
        met = any(one.customer != OPERATOR for one in self._marks if one.verdict.startswith(MET))
        return met and not self._settings.every

    def hopeless(self, who: Accused) -> str:
        """Why it is not asked about; empty where it is."""
        return hopeless(who.committed, len(self._left(who)), self._settings.budget, self._rule)

    async def knock(self) -> None:
        """An ordinary question, before anything is spent."""
        rng, reply = Random(self._settings.seed), None  # noqa: S311 - a question, not a secret
        for _ in range(_KNOCKS):
            (reply,) = await self._asking.ask([plain(rng, self._settings)])
            self._knocks += 1
            if reply.answer is not None:
                return
            self._unheard += 1
        why = reply.why if reply else "nothing was asked"
        raise Unavailable(f"the suspect does not answer an ordinary question ({why}): no probe was spent")

    async def examine(self, who: Accused) -> None:
        """One mark, within its budget."""
        if why := self.hopeless(who):
            self._marks.append(refused(who, len(self._left(who)), why))
            return
        if self._asking.gone:
            self._marks.append(refused(who, len(self._left(who)), UNREACHED, NOTHING))
            return
        trial, settings = self._trial, self._settings
        questions = schedule(self._left(who), settings, who.mark, prefill=self._suspect.prefill)
        space = Space(trial.law.lowest, trial.law.targets)
        at = Examination(who.mark, self._rule, space, trial.salt, trial.keep)

        async def spend(indices: Sequence[int]) -> None:
            await trial.book.spend(who.mark, indices, self._suspect.id, disclosed=False)
            self.begun = True

        self._midst = midst = _Midst(who, at, len(self._left(who)))
        await examined(questions, self._asking, at, settings, spend)
        found = midst.judged(self._rule, complete=whole(at.lines, settings.budget))
        if self._asking.gone:
            found = replace(found, why=GONE)
        self._kept.extend(at.kept)
        self._marks.append(found)
        self._midst = None
        if settings.disclose and found.verdict.startswith(MET):
            self._marks[-1] = await self._disclosed(found, who, at)

    async def _disclosed(self, found: Judged, who: Accused, at: Examination) -> Judged:
        """A met mark laid open, once it is noted that it is."""
        asked = sorted({line.association for line in found.lines})
        try:
            await self._trial.book.spend(who.mark, asked, self._suspect.id, disclosed=True)
        except (Misconfigured, Unavailable) as error:  # others would be asked what stands in print
            return replace(found, why=f"{SEALED}{error}")
        return disclosed(found, who, at.kept, self._accused)

    def outcome(self, stopped: str = "") -> Outcome:
        """All of it, or as much as there is: `stopped` says why there is no more."""
        marks, kept, unfinished = list(self._marks), list(self._kept), None
        if self._midst:
            kept.extend(self._midst.at.kept)
            found = self._midst.judged(self._rule, complete=False)
            why = so_far(found, self._settings)
            if found.verdict.startswith(MET):
                marks.append(replace(found, why=why))
            else:
                unfinished = self._noted(unjudged(found), self._midst.who)
                marks.append(refused(self._midst.who, self._midst.left, f"{why}: not judged", NOTHING))
        if stopped and not self._enough:
            rest = self._accused[len(marks) :]
            marks.extend(refused(who, len(self._left(who)), UNASKED, NOTHING) for who in rest)
        marks = [self._noted(one, who) for one, who in zip(marks, self._accused, strict=False)]
        return Outcome(self._evidence(marks, kept, stopped, unfinished), tuple(kept))

    def _noted(self, one: Judged, who: Accused) -> Judged:
        """With what is on record of the mark, of the half that is asked here and of the other."""
        before = self._before[who.mark]
        again = len({line.association for line in one.lines} & before)
        unspent = sum(each.index not in before for each in who.kept)
        return replace(one, unspent=unspent, earlier=len(before), again=again)

    def _evidence(
        self, marks: Sequence[Judged], kept: Sequence[Kept], stopped: str, unfinished: Judged | None
    ) -> Evidence:  # fmt: skip
        """The record of all of it."""
        trial, suspect, rule = self._trial, self._suspect, self._rule
        ordinary = [one for one in kept if one.line < 0]
        failed = sum(one.answer is None for one in ordinary)
        draft = Evidence(
            overall(marks), "", time_sentence(trial.tree), suspect.name, suspect.id, suspect.content, self._started,
            now(), self._settings, rule.keys, trial.keys_from, trial.law.digest, trial.law.lowest, rule.values,
            tuple((one.learned, one.said) for one in rule.beliefs), tuple(marks), self._knocks + len(ordinary),
            self._unheard + failed, screened(marks), trial.tree, trial.version, stopped=stopped, unfinished=unfinished,
        )  # fmt: skip
        return replace(draft, claim=claim(draft))

    def _closed(self, who: Accused) -> frozenset[int]:
        """Associations of the mark that are on record as asked here, or disclosed."""
        return frozenset[int]().union(*(self._trial.book.closed(who.mark, id_) for id_ in self._suspect.ids))

    def _left(self, who: Accused) -> list[Association]:
        """What is still to be asked about."""
        closed = frozenset[int]() if self._trial.again else self._closed(who)
        return [one for one in who.half if one.index not in closed]
