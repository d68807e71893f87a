"""A verification as one HTML page that needs nothing else: no script, no address, no font. Hostile text stays text.

Recomputes nothing: every figure stands in the JSON twin, and `data-at` says where.
"""

from __future__ import annotations

import math
from pathlib import Path

import jinja2
from markupsafe import Markup

from azeotrope.keys import OPERATOR
from azeotrope.math.stats import Rule
from azeotrope.report.trajectory import trajectory
from azeotrope.report.words import visible
from azeotrope.verify.records import MET, Evidence, Judged, Signed
from azeotrope.verify.telling import DOES_NOT, PROVES, met, power_of_ten

HERE = Path(__file__).parent
SHOWN = 12
"""Marks whose trajectory and transcript are drawn: those that were met, then the largest e-values."""


def page(signed: Signed) -> str:
    """The page of a report's twin."""
    evidence = signed.evidence
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template("evidence.html").render(
        evidence=evidence, signed=signed, style=_style(), visible=visible, number=_number, small=_small, at=_at,
        whose=_whose, order=_order(evidence), detailed=_detailed(evidence), trajectory=trajectory, proves=PROVES,
        does_not=DOES_NOT, met=[one.mark for one in met(evidence.marks)], log_e=_rule(evidence).log_e, is_met=_is_met,
        allowed=evidence.settings.alpha / evidence.keys, reserve=sum(one.unspent for one in evidence.marks),
    )  # fmt: skip


def _style() -> Markup:
    own = (HERE / "evidence.css").read_text(encoding="utf-8")
    return Markup((HERE / "page.css").read_text(encoding="utf-8") + own)  # noqa: S704 - our own files


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


def _at(text: object, pointer: str) -> Markup:
    return Markup('<span class="f" data-at="{}">{}</span>').format(pointer, text)


def _number(count: int, pointer: str) -> Markup:
    return _at(f"{count:,}", pointer)


def _small(log: float | None, pointer: str) -> Markup:
    """A probability or an e-value, of its natural logarithm."""
    if log is None:
        return Markup("–")
    return _at("1" if math.isclose(log, 0.0, abs_tol=1e-12) else power_of_ten(log), pointer)
