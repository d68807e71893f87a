"""A verification as one HTML page that needs nothing else: no script, no address, no font. Hostile text stays text.

Recomputes nothing: every figure stands in the JSON twin, and `data-at` says where.
"""

from __future__ import annotations

import math

from markupsafe import Markup

from azeotrope.keys import OPERATOR
from azeotrope.math.stats import Rule
from azeotrope.report.frame import at, framed
from azeotrope.report.trajectory import trajectory
from azeotrope.report.words import visible
from azeotrope.verify.records import MET, Evidence, Judged, Signed
from azeotrope.verify.telling import DOES_NOT, PROVES, met, power_of_ten

SHOWN = 12
"""Marks whose trajectory and transcript are drawn: those that were met, then the largest e-values."""


def page(signed: Signed) -> str:
    """The page of a report's twin."""
    evidence = signed.evidence
    return framed(
        "evidence.html", evidence=evidence, signed=signed, number=_number, small=_small, at=at, whose=_whose,
        order=_order(evidence), detailed=_detailed(evidence), trajectory=trajectory, proves=PROVES,
        does_not=DOES_NOT, met=[one.mark for one in met(evidence.marks)], log_e=_rule(evidence).log_e, is_met=_is_met,
        allowed=evidence.settings.alpha / evidence.keys, reserve=sum(one.unspent for one in evidence.marks),
    )  # fmt: skip


def _rule(evidence: Evidence) -> Rule:
    return Rule(evidence.settings.alpha, evidence.keys, evidence.targets)


def _is_met(one: Judged) -> bool:
    return one.verdict.startswith(MET)


def _whose(one: Judged) -> str:
    return "operator-wide" if one.customer == OPERATOR else visible(one.customer, 80)


def _order(evidence: Evidence) -> list[int]:
    """Met ones first, then by e-value."""
    marks = evidence.marks
    return sorted(range(len(marks)), key=lambda at: (not _is_met(marks[at]), -marks[at].log_e, at))


def _detailed(evidence: Evidence) -> list[int]:
    return [at for at in _order(evidence) if evidence.marks[at].lines][:SHOWN]


def _number(count: int, pointer: str) -> Markup:
    return at(f"{count:,}", pointer)


def _small(log: float | None, pointer: str) -> Markup:
    """A probability or an e-value, of its natural logarithm."""
    if log is None:
        return Markup("–")
    return at("1" if math.isclose(log, 0.0, abs_tol=1e-12) else power_of_ten(log), pointer)
