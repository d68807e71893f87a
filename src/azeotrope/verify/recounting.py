"""One mark's numbers and verdict, counted again from its lines. Knows no signature."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from azeotrope.math.stats import Answered, Finding, Rule, Wealth, checked, found
from azeotrope.verify.detecting import power
from azeotrope.verify.examining import key_null, whole
from azeotrope.verify.records import GONE, NOTHING, REFUSED, Evidence, Judged, Line
from azeotrope.verify.telling import accusation

_CLOSE = 1e-9
_MOST = 128
"""Associations in one half of a mark at most, by `Law`: what is beyond is nobody's, and slow to work through."""


def small(one: Judged, evidence: Evidence) -> Iterator[str]:
    """What has to hold before anything is computed: a hostile file is to keep nobody busy."""
    if len(one.lines) > evidence.settings.budget:
        yield "more probes than the budget"
    if max(len({line.association for line in one.lines}), one.available) > _MOST:
        yield "more associations than half a mark has"
    if one.available < (1 if one.lines else 0):
        yield "fewer associations than were asked about"


def miscounted(one: Judged, rule: Rule, evidence: Evidence) -> Iterator[str]:
    """What does not come out. Raises where no answers can give such numbers."""
    checked(rule)
    half = one is evidence.unfinished
    answers = [
        Answered(line.association, line.fresh, line.hit) for line in one.lines if line.outcome == "answered"
    ]  # fmt: skip
    path = list(_path(one.lines, rule))
    if not all(_same(at, line.log_e) for at, line in zip(path, one.lines, strict=True)):
        yield "the e-values are not those of the answers"
    if any(_odd(line) for line in one.lines):
        yield "a probe that failed says why and names nothing, and one that was answered did not fail"
    finding = found(answers, rule, complete=one.log_p is not None)
    counts = (one.probes, one.failed, one.hits, one.asked)
    if counts != (len(one.lines), len(one.lines) - len(answers), finding.hits, finding.asked):
        yield "probes, failures or hits are not those of the lines"
    if not (_same(finding.log_e, one.log_e) and _same(finding.log_p, one.log_p)):
        yield "p or e is not that of the answers"
    if one.verdict not in _verdicts(one, finding):
        yield "the verdict is not that of p and e, or names somebody else"
    if half and (finding.proved or one.log_p is not None or not evidence.stopped):
        yield "a mark that the run was stopped in has no p-value and no verdict"
    yield from _ended(one, rule, evidence, finding, path)
    if not _same(0.0 if half else power(answers, rule, complete=one.log_p is not None), one.power):
        yield "the power is not that of the answers"
    null = key_null(answers, rule, finding)
    if (one.lines or half) and (
        not _same(null, one.null, 0.0) or (null or 0.0) > rule.alpha / rule.keys * (1 + _CLOSE)
    ):
        yield "the key null is not that of the answers, or beyond its bound"
    if one.null is not None and not (one.lines or half):
        yield "a mark that nothing was asked about has no key null"


def _verdicts(one: Judged, finding: Finding) -> tuple[str, ...]:
    if finding.proved:
        return (accusation(one.customer),)
    return (NOTHING,) if one.lines else (NOTHING, REFUSED)


def _ended(
    one: Judged, rule: Rule, evidence: Evidence, finding: Finding, path: Sequence[float]
) -> Iterator[str]:  # fmt: skip
    """Whether asking ended where it ends."""
    settings, half = evidence.settings, one is evidence.unfinished
    complete, proved = whole(one.lines, settings.budget), finding.log_e >= rule.log_e
    if one.log_p is not None and not complete:
        yield "not every probe of the schedule was asked and answered, so its p-value is none"
    if one.log_p is None and complete and not evidence.stopped:
        yield "the whole schedule was answered, and no p-value is given"
    cut = 0 < len(one.lines) < settings.budget
    if cut and not (half or one.why == GONE) and not proved:
        yield "asking stopped before proof, and before the schedule's end"
    if cut and settings.to_the_end and not (half or one.why):
        yield "asking was to go on after proof, and did not"
    first = next((at for at, log_e in enumerate(path) if log_e >= rule.log_e), len(path))
    if not settings.to_the_end and len(path) - first > settings.at_once:
        yield "asking was to stop at proof, and did not"


def _odd(line: Line) -> bool:
    if line.outcome == "failed":
        return line.fresh != 0 or line.hit or not line.why or line.answer is not None
    return bool(line.why)


def _path(lines: Sequence[Line], rule: Rule) -> Iterator[float]:
    """ln e after every line; a probe that failed leaves the wealth as it was."""
    wealth = Wealth(rule.values, rule.beliefs)
    for line in lines:
        answered = line.outcome == "answered"
        yield wealth.take(Answered(line.association, line.fresh, line.hit)) if answered else wealth.log_e


def _same(one: float | None, other: float | None, near: float = _CLOSE) -> bool:
    """`near`: how far apart they may be in absolute terms, which for logarithms is a share."""
    if one is None or other is None:
        return one is other
    return one == other or math.isclose(one, other, rel_tol=_CLOSE, abs_tol=near)
