"""The JSON twin: signed, and checked offline by whoever has the file. Needs no key, no suspect and no network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from azeotrope.codec import encode
from azeotrope.errors import AzeotropeError
from azeotrope.ledger import Signer
from azeotrope.math.stats import Answered, Belief, Rule, Wealth, checked, found
from azeotrope.math.stats.firsthits import BELIEFS
from azeotrope.math.stats.keynull import MOST
from azeotrope.verify.detecting import power
from azeotrope.verify.examining import key_null, screened, whole
from azeotrope.verify.records import GONE, MET, NOTHING, REFUSED, Evidence, Judged, Line, Signed
from azeotrope.verify.signing import Finding, Seal, under
from azeotrope.verify.telling import accusation, claim, overall, time_sentence
from azeotrope.verify.values import named

WORDS = b"azeotrope evidence 1"
"""In front of what is signed: the signature stands for nothing else."""
_CLOSE = 1e-9
_MOST = 128
"""Associations in one half of a mark at most, by `Law`: what is beyond is nobody's, and slow to work through."""


def sealed(evidence: Evidence, signer: Signer | None) -> Signed:
    """The twin, signed with Ed25519 where there is a key."""
    return Signed(evidence, *Seal.of(encode(evidence), WORDS, signer))


def check(signed: Signed, key: str | None = None) -> list[Finding]:
    """Everything that can be recomputed, was it so? `key`: the public key (hex) that has to have signed."""
    seal = Seal(signed.key, signed.signature).findings(encode(signed.evidence), WORDS, key)
    return [*seal, *_whole(signed.evidence), *_marks(signed.evidence)]


def _whole(evidence: Evidence) -> Iterator[Finding]:
    said = (evidence.verdict, evidence.claim, evidence.time, evidence.screening)
    try:
        follows = (overall(evidence.marks), claim(evidence), time_sentence(evidence.tree), screened(evidence.marks))
    except (ArithmeticError, ValueError):  # numbers beyond all bounds
        follows = ()
    yield Finding(said == follows, "verdict, claim, sentence about time and screening follow from the marks below")
    spread = tuple(Belief(*pair) for pair in evidence.beliefs)
    yield Finding(spread == BELIEFS, "the wealth was spread as the test prescribes, whatever the answers were")
    yield Finding(evidence.keys >= len(evidence.marks), "K counts at least the marks that were asked about")
    if evidence.tree:
        yield from under(evidence.tree, evidence.started, evidence.keys, evidence.keys_from)


def _marks(evidence: Evidence) -> Iterator[Finding]:
    """One finding for all marks that hold; one for each that does not."""
    rule = Rule(evidence.settings.alpha, evidence.keys, evidence.targets)
    half = [evidence.unfinished] if evidence.unfinished else []
    bad = [(one, why) for one in (*evidence.marks, *half) for why in _checked(one, rule, evidence)]
    for one, why in bad:
        yield Finding(False, f"mark {one.mark}: {why}")
    if not bad:
        probes = sum(one.probes for one in (*evidence.marks, *half))
        yield Finding(True, f"the arithmetic of {len(evidence.marks):,} marks and {probes:,} probes comes out the same")


def _checked(one: Judged, rule: Rule, evidence: Evidence) -> list[str]:
    """What does not come out; numbers that no run can give do not either."""
    try:
        return list(_faults(one, rule, evidence))
    except (AzeotropeError, ArithmeticError, ValueError):
        return ["its numbers are none that answers can give"]


def _faults(one: Judged, rule: Rule, evidence: Evidence) -> Iterator[str]:
    """What does not come out."""
    checked(rule)
    if len(one.lines) > evidence.settings.budget:  # before anything is computed of them
        yield "more probes than the budget"
        return
    if len({line.association for line in one.lines}) > _MOST:
        yield "more associations than half a mark has"
        return
    answered = [line for line in one.lines if line.outcome == "answered"]
    answers = [Answered(line.association, line.fresh, line.hit) for line in answered]
    if one.verdict == REFUSED and not one.lines:
        return
    if not all(_same(at, line.log_e) for at, line in zip(_path(one.lines, rule), one.lines, strict=True)):
        yield "the e-values are not those of the answers"
    finding = found(answers, rule, complete=one.log_p is not None)
    counts = (one.probes, one.failed, one.hits, one.asked)
    if counts != (len(one.lines), len(one.lines) - len(answered), finding.hits, finding.asked):
        yield "probes, failures or hits are not those of the lines"
    if not (_same(finding.log_e, one.log_e) and _same(finding.log_p, one.log_p)):
        yield "p or e is not that of the answers"
    if one.verdict not in ((accusation(one.customer),) if finding.proved else (NOTHING, REFUSED)):
        yield "the verdict is not that of p and e, or names somebody else"
    half = one is evidence.unfinished
    if half and (finding.proved or one.log_p is not None or not evidence.stopped):
        yield "a mark that the run was stopped in has no p-value and no verdict"
    complete = whole(one.lines, evidence.settings.budget)
    if one.log_p is not None and not complete:
        yield "not every probe of the schedule was asked and answered, so its p-value is none"
    if one.log_p is None and complete and not evidence.stopped:
        yield "the whole schedule was answered, and no p-value is given"
    if 0 < len(one.lines) < evidence.settings.budget and not (finding.proved or half or one.why == GONE):
        yield "asking stopped before proof, and before the schedule's end"
    if evidence.tree is None and one.committed is not None:
        yield "its key is said to be committed or not, under no head"
    if one.verdict.startswith(MET) and (one.committed is False or (evidence.tree and not one.committed)):
        yield "its key was not committed"
    if not _same(0.0 if half else power(answers, rule, complete=one.log_p is not None), one.power):
        yield "the power is not that of the answers"
    null = key_null(answers, rule, complete=one.log_p is not None, most=MOST) if one.null is not None else None
    if not _same(null, one.null) or (null or 0.0) > rule.alpha / rule.keys * (1 + _CLOSE):
        yield "the key null is not that of the answers, or beyond its bound"
    yield from _disclosed(one, evidence)


def _path(lines: Sequence[Line], rule: Rule) -> Iterator[float]:
    """ln e after every line; a probe that failed leaves the wealth as it was."""
    wealth = Wealth(rule.values, rule.beliefs)
    for line in lines:
        answered = line.outcome == "answered"
        yield wealth.take(Answered(line.association, line.fresh, line.hit)) if answered else wealth.log_e


def _disclosed(one: Judged, evidence: Evidence) -> Iterator[str]:
    """Where questions and answers are laid open, they are read again."""
    targets = {each.index: int(each.target) for each in one.disclosed}
    sealed_ = {line.association for line in one.lines if line.answer is None and line.outcome == "answered"}
    seen: dict[int, frozenset[int]] = {}
    space = (evidence.lowest, evidence.targets)
    for line in one.lines:
        if line.answer is None or line.question is None or line.association in sealed_:
            continue
        before = seen.get(line.association, frozenset())
        fresh = named(line.answer, *space) - named(line.question, *space) - before
        seen[line.association] = before | fresh
        if len(fresh) != line.fresh or (targets.get(line.association) in fresh) != line.hit:
            yield f"an answer about association {line.association} does not say what its line says"


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
