"""One mark put to one suspect: asks, reads, bets, and stops at proof. Knows no other mark and no report.

The wealth may be looked at after every answer; the exact p-value only where the whole schedule was asked and answered,
since only then had the targets no say in what was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from azeotrope.codec import digest
from azeotrope.errors import Misconfigured
from azeotrope.math.stats import Answered, Finding, Rule, Wealth, accused, e_bh, found
from azeotrope.math.stats.keynull import MOST
from azeotrope.types import Association, Record
from azeotrope.verify.asking import Asking, Reply
from azeotrope.verify.detecting import power
from azeotrope.verify.keys import Accused
from azeotrope.verify.probes import Question
from azeotrope.verify.records import NOTHING, REFUSED, Judged, Line, Settings
from azeotrope.verify.telling import accusation
from azeotrope.verify.values import named

_SCREEN = 0.05
_BRIEFLY = 2_000
"""Outcomes that are counted for a mark that was not met: milliseconds. Long lists have more; Ville bounds them all."""


class Kept(Record, frozen=True):
    """A question and its answer in full, with the salt of its public digest: the operator's, beside the report."""

    mark: str
    line: int
    """Of the mark's lines; -1: an ordinary question."""
    salt: str
    question: str
    answer: str | None

    def __repr__(self) -> str:
        return f"Kept(mark={self.mark!r}, line={self.line})"


Spend = Callable[[Sequence[int]], Awaitable[None]]
"""Writes down that these associations are shown to the suspect."""
Keep = Callable[[Sequence[Kept]], None]
"""Puts what was asked and answered where it outlasts the run. Raises `Unavailable`."""


def nowhere(_: Sequence[Kept]) -> None:
    """For whoever keeps the outcome alone."""


class Space(NamedTuple):
    """The target space."""

    lowest: int
    size: int


class Examination:
    """What one mark's answers have come to so far."""

    def __init__(
        self, mark: str, rule: Rule, space: Space, salt: Callable[[], bytes], keep: Keep = nowhere
    ) -> None:  # fmt: skip
        self.lines: list[Line] = []
        self.kept: list[Kept] = []
        self.answers: list[Answered] = []
        self._mark, self._rule, self._space, self._salt, self._keep = mark, rule, space, salt, keep
        self._wealth = Wealth(rule.values, rule.beliefs)
        self._seen: dict[int, set[int]] = {}

    @property
    def proved(self) -> bool:
        """By the wealth, which may be looked at any time."""
        return self._wealth.highest >= self._rule.log_e

    def read(self, replies: Sequence[Reply]) -> None:
        """A wave: it is kept when this returns, before anything else is asked."""
        before = len(self.kept)
        for reply in replies:
            self.take(reply)
        self._keep(self.kept[before:])

    def take(self, reply: Reply) -> None:
        """Reads one reply. Ordinary ones are kept and count for nothing."""
        association = reply.question.association
        salt = self._salt().hex()
        at = -1 if association is None else len(self.lines)
        self.kept.append(Kept(self._mark, at, salt, reply.question.text, reply.answer))
        if association is not None:
            self.lines.append(self._line(reply, association, salt))

    def _line(self, reply: Reply, association: Association, salt: str) -> Line:
        _, form, temperature, _ = question = reply.question
        assert form is not None
        sealed = sealed_digest(salt, question.text, reply.answer)
        line = Line(association.index, form, temperature, log_e=self._wealth.log_e, digest=sealed)
        if reply.answer is None:
            return replace(line, outcome="failed", why=reply.why)
        fresh = self._fresh(reply.answer, question.text, association.index)
        hit = int(association.target) in fresh
        answered = Answered(association.index, len(fresh), hit)
        self.answers.append(answered)
        log_e = self._wealth.take(answered)
        return replace(line, fresh=len(fresh), hit=hit, log_e=log_e)

    def _fresh(self, answer: str, asked: str, index: int) -> frozenset[int]:
        """Values named for the first time, without those that the question itself names: echoing costs nothing."""
        before = self._seen.setdefault(index, set())
        fresh = named(answer, *self._space) - named(asked, *self._space) - before
        before |= fresh
        return fresh


def sealed_digest(salt: str, question: str, answer: str | None) -> str:
    """SHA-256 over salt, question and answer: it tells nothing, and binds the operator to both."""
    return digest([salt, question, answer])


async def examined(
    questions: Sequence[Question], asking: Asking, at: Examination, settings: Settings, spend: Spend
) -> None:  # fmt: skip
    """Asks until proof, the schedule's end, or the suspect is gone; a wave's new associations are spent beforehand."""
    shown: set[int] = set()
    for start in range(0, len(questions), settings.at_once):
        wave = questions[start : start + settings.at_once]
        if asking.gone:
            break
        new = sorted({one.association.index for one in wave if one.association} - shown)
        if new:
            await spend(new)
            shown.update(new)
        at.read(await asking.ask(wave))
        if at.proved and not settings.to_the_end:
            break


def whole(lines: Sequence[Line], budget: int) -> bool:
    """Whether every probe of the schedule was asked and answered, so that there is an exact p-value.

    A probe that failed may have been stopped from being answered, and whoever pulls the plug may have read what came
    before: that is no other thing than to stop the run.
    """
    return len(lines) == budget and all(line.outcome == "answered" for line in lines)


def judged(who: Accused, rule: Rule, at: Examination, *, complete: bool) -> Judged:
    """What the answers come to, with the key null and the power that goes with them."""
    finding = found(at.answers, rule, complete=complete)
    failed = sum(line.outcome == "failed" for line in at.lines)
    null = key_null(at.answers, rule, finding)
    verdict = accusation(who.customer) if finding.proved else NOTHING
    if null is not None and null > rule.alpha / rule.keys * (1 + 1e-9):
        verdict = REFUSED  # no answers can do that (Ville): if they do, the arithmetic is broken, and nobody is accused
    return Judged(
        who.customer, who.epoch, who.mark, verdict, committed=who.committed, available=len(who.half),
        unspent=len(who.kept), lines=tuple(at.lines), probes=len(at.lines), failed=failed, hits=finding.hits,
        asked=finding.asked, log_e=finding.log_e, log_p=finding.log_p, null=null,
        power=power(at.answers, rule, complete=complete),
    )  # fmt: skip


def unjudged(found: Judged) -> Judged:
    """A mark in whose midst the run was stopped, as far as its answers came: without proof so far, and so no verdict.

    Its wealth holds: it is a martingale answer by answer, so wherever one stops, for whatever reason, it ever reached
    1 / a with probability a at most (Ville). An exact p-value it has not: its law is that of a schedule in whose length
    the targets had no say. Whoever stops the run, or unplugs the suspect, holds the key and may have read the answers,
    which lie on disk as they come, and nobody can show that they had not. So there is no power by a p-value either.
    """
    return replace(found, power=0.0)


def screened(marks: Sequence[Judged]) -> tuple[str, ...]:
    """Whose marks an e-BH list at 5 % names, by the wealth each examination ended with.

    The largest wealth on the way proves by Ville, but its mean is above 1: only where one stopped is it an e-value.
    """
    ended = [one.lines[-1].log_e if one.lines else 0.0 for one in marks]
    return tuple(marks[at].customer for at in e_bh(ended, _SCREEN)) if marks else ()


def key_null(answers: Sequence[Answered], rule: Rule, finding: Finding) -> float | None:
    """P(a key drawn at random is accused | these answers); None where more outcomes had to be counted than are."""
    order: dict[int, int] = {}
    pattern = tuple((order.setdefault(one.association, len(order)), one.fresh) for one in answers)
    try:
        most = MOST if finding.proved else _BRIEFLY
        return accused(pattern, rule, complete=finding.log_p is not None, most=most)
    except Misconfigured:
        return None
