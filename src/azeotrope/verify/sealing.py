"""The JSON twin: signed, and checked offline by whoever has the file. Needs no key, no suspect and no network."""

from __future__ import annotations

from collections.abc import Iterator

from azeotrope.codec import encode
from azeotrope.errors import AzeotropeError
from azeotrope.ledger import Signer
from azeotrope.math.stats import Belief, Rule
from azeotrope.math.stats.firsthits import BELIEFS
from azeotrope.verify.examining import screened
from azeotrope.verify.misfitting import misfits, run_misfits
from azeotrope.verify.records import Evidence, Judged, Signed
from azeotrope.verify.recounting import miscounted, small
from azeotrope.verify.signing import Finding, Seal, under
from azeotrope.verify.telling import claim, overall, time_sentence

WORDS = b"azeotrope evidence 1"
"""In front of what is signed: the signature stands for nothing else."""


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
    bad = list(run_misfits(evidence))
    for why in bad:
        yield Finding(False, why)
    if not bad:
        yield Finding(True, "what is said of the run fits together: its marks, its times, its questions")
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
    if too_large := list(small(one, evidence)):
        return too_large
    try:
        return [*miscounted(one, rule, evidence), *misfits(one, rule, evidence)]
    except (AzeotropeError, ArithmeticError, ValueError):
        return ["its numbers are none that answers can give"]
