"""What in a report cannot be true beside the rest of it: of one mark, and of the run. Knows no arithmetic."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import dropwhile, islice, takewhile

from azeotrope.keys import OPERATOR
from azeotrope.math.stats import Rule
from azeotrope.verify.records import GONE, MET, REFUSED, UNASKED, UNREACHED, Evidence, Judged
from azeotrope.verify.refusing import SEALED, hopeless, so_far
from azeotrope.verify.retracing import places, retold
from azeotrope.verify.values import named

_DIGEST = re.compile(r"[0-9a-f]{64}")


def misfits(one: Judged, rule: Rule, evidence: Evidence) -> Iterator[str]:
    """Of one mark."""
    at = places(one, evidence.settings)
    if at is None:
        yield "its lines are not the schedule's"
    if not all(_DIGEST.fullmatch(line.digest) for line in one.lines):
        yield "a line has no digest of what was asked and answered"
    if not _explained(one, rule, evidence):
        yield "why it was not asked about, or not to the end, does not fit what is recorded"
    if evidence.tree is None and one.committed is not None:
        yield "its key is said to be committed or not, under no head"
    if evidence.tree and one.lines and not one.committed:
        yield "its key was not committed"
    elif evidence.tree and one.committed is None:
        yield "whether its key is committed under the head is not said"
    asked = len({line.association for line in one.lines})
    if not 0 <= one.again <= min(asked, one.earlier) or min(one.unspent, one.earlier) < 0:
        yield "more of it is said to be on record than there can be"
    yield from _disclosed(one, evidence, at or {})


def _explained(one: Judged, rule: Rule, evidence: Evidence) -> bool:
    """Whether it says why it was not asked about, or not to the end, and that is so."""
    settings, half = evidence.settings, evidence.unfinished
    if one is half:
        return one.why == ""
    if one.lines:
        return not hopeless(None, one.available, settings.budget, rule) and _ended(one, evidence)
    why = hopeless(one.committed, one.available, settings.budget, rule)
    if one.verdict == REFUSED:
        return one.why == why != ""
    if half and half.mark == one.mark:
        return one.why == f"{so_far(half, settings)}: not judged"
    if one.why == UNASKED:
        return bool(evidence.stopped)
    return one.why == UNREACHED and not why and _gone(one, evidence)


def _ended(one: Judged, evidence: Evidence) -> bool:
    """Why a mark that was asked about has less than was planned."""
    met, settings = one.verdict.startswith(MET), evidence.settings
    stopped = met and bool(evidence.stopped) and one.log_p is None and one.why == so_far(one, settings)
    if met and settings.disclose and not one.disclosed:
        return stopped or one.why.startswith(SEALED) or bool(evidence.stopped)
    return stopped or one.why == "" or (one.why == GONE and _gone(one, evidence))


def _gone(one: Judged, evidence: Evidence) -> bool:
    """Whether as many questions can have failed in a row by the end of this mark as it takes to give a suspect up."""
    until = takewhile(lambda each: each is not one, evidence.marks)
    outcomes = [line.outcome for each in (*until, one) for line in each.lines]
    in_a_row = len(list(takewhile(lambda outcome: outcome == "failed", reversed(outcomes))))
    return in_a_row + evidence.ordinary_failed >= evidence.settings.gone


def _disclosed(one: Judged, evidence: Evidence, at: dict[int, int]) -> Iterator[str]:
    """Where questions and answers are laid open, they are read again."""
    if not one.disclosed:
        if any(line.question is not None or line.answer is not None for line in one.lines):
            yield "questions or answers are laid open, and their associations are not"
        return
    if not (evidence.settings.disclose and one.verdict.startswith(MET)):
        yield "it is laid open, and was not to be"
    if [each.index for each in one.disclosed] != sorted({line.association for line in one.lines}):
        yield "what is laid open are not the associations that were asked about"
    space = range(evidence.lowest, evidence.lowest + evidence.targets)
    if not all(each.target.isdecimal() and str(int(each.target)) == each.target and int(each.target) in space
               for each in one.disclosed):  # fmt: skip
        yield "a target that is laid open is none"
    if not retold(one, evidence.settings, at):
        yield "the questions that are laid open are not the schedule's"
    yield from _misread(one, evidence)


def _misread(one: Judged, evidence: Evidence) -> Iterator[str]:
    targets = {each.index: each.target for each in one.disclosed}
    sealed = {line.association for line in one.lines if line.answer is None and line.outcome == "answered"}
    seen: dict[int, frozenset[int]] = {}
    space = (evidence.lowest, evidence.targets)
    for line in one.lines:
        if line.answer is None or line.question is None or line.association in sealed:
            continue
        before = seen.get(line.association, frozenset())
        fresh = named(line.answer, *space) - named(line.question, *space) - before
        seen[line.association] = before | fresh
        hit = targets.get(line.association, "") in {str(value) for value in fresh}
        if len(fresh) != line.fresh or hit != line.hit:
            yield f"an answer about association {line.association} does not say what its line says"


def run_misfits(evidence: Evidence) -> Iterator[str]:
    """Of the run."""
    marks, half = evidence.marks, evidence.unfinished
    twice = Counter(one.mark for one in marks) + Counter((one.customer, one.epoch) for one in marks)
    if any(count > 1 for count in twice.values()):
        yield "a mark is asked about once in a run, and each has a customer and an epoch of its own"
    if half and not any(_stands_for(one, half) for one in marks):
        yield "the mark that the run was stopped in is one of the marks, and has no other lines"
    if not evidence.settings.every and _on(marks, lambda one: one.customer != OPERATOR and one.verdict.startswith(MET)):
        yield "a mark is asked about after a customer's was met"
    if _on(marks, lambda one: one.why == GONE):
        yield "a mark is asked about after the suspect stopped answering"
    asked = any(one.lines for one in (*marks, *([half] if half else [])))
    if not (0 <= evidence.ordinary_failed <= evidence.ordinary and evidence.ordinary >= asked):
        yield "there is an ordinary question before the first probe, and no more of them failed than were asked"
    if not (_time(evidence.started) and _time(evidence.ended)):
        yield "start and end are times, with their zone"
    if evidence.content and not (_DIGEST.fullmatch(evidence.content) and evidence.content[:16] == evidence.suspect_id):
        yield "the suspect's id is the beginning of its weights' digest"


def _stands_for(one: Judged, half: Judged) -> bool:
    """Whether this is the mark in whose midst the run was stopped, as it stands among the others: with no lines."""
    of = (half.customer, half.epoch, half.mark, half.committed, half.available)
    return not one.lines and (one.customer, one.epoch, one.mark, one.committed, one.available) == of


def _on(marks: tuple[Judged, ...], last: Callable[[Judged], bool]) -> bool:
    """Whether any mark is asked about after one that should have been the last."""
    after = dropwhile(lambda one: not last(one), marks)
    return any(one.lines for one in islice(after, 1, None))


def _time(said: str) -> bool:
    try:
        return datetime.fromisoformat(said).tzinfo is not None
    except ValueError:
        return False
