"""What the numbers of a text's reading come to, its signature; both checked offline, without key or torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from azeotrope.codec import encode
from azeotrope.ledger import Signer
from azeotrope.math.stats.families import holm
from azeotrope.math.stats.tails import log_binomial_tail
from azeotrope.verify.records import MET, NOTHING, REFUSED
from azeotrope.verify.signing import Finding, Seal, under
from azeotrope.verify.telling import power_of_ten, time_sentence
from azeotrope.verify.text_records import Scored, SignedText, TextEvidence

WORDS = b"azeotrope text evidence 1"
"""In front of what is signed."""
_CLOSE = 1e-9
_MOST = 10**9
"""Pairs and keys that a finding works through at most."""


def decided(read: TextEvidence) -> TextEvidence:
    """With verdicts, claim and what would have been proof: they follow from the numbers, and from nothing else.

    Whose key is not committed, where a log says which are, is scored and not accused.
    """
    marks = sorted(read.marks, key=lambda one: one.found.log_p)
    allowed = [at for at, one in enumerate(marks) if one.committed is not False]
    proved = {allowed[at] for at in holm([marks[at].found.log_p for at in allowed], read.alpha, read.keys)}
    needed = _needed(read.scored, read.gamma, math.log(read.alpha / read.keys))
    judged = tuple(replace(one, verdict=_verdict(one, at in proved, needed)) for at, one in enumerate(marks))
    whole = replace(read, marks=judged, needed=needed, verdict=_overall(judged), time=time_sentence(read.tree))
    return replace(whole, claim=_claim(whole))


def sealed(evidence: TextEvidence, signer: Signer | None) -> SignedText:
    """Signed with Ed25519 where there is a key."""
    return SignedText(evidence, *Seal.of(encode(evidence), WORDS, signer))


def check(signed: SignedText, key: str | None = None) -> list[Finding]:
    """Everything that can be recomputed without the text: was it so? `key`: the public key (hex) that has to sign.

    Whether a text is so green by a key, only text, tokenizer and key say: `azeotrope verify text --revealed`.
    """
    evidence = signed.evidence
    seal = Seal(signed.key, signed.signature).findings(encode(evidence), WORDS, key)
    return [*seal, *_numbers(evidence), *_settings(evidence)]


def _numbers(evidence: TextEvidence) -> Iterator[Finding]:
    counted = len(evidence.marks) <= evidence.keys <= _MOST and evidence.keys > 0
    possible = counted and evidence.alpha / evidence.keys > 0 and evidence.alpha < 1 and 0 < evidence.gamma < 1
    yield Finding(possible, "level, share of green tokens and K are such as a run can have")
    counts = 0 <= evidence.scored <= _MOST and all(
        one.found.scored == evidence.scored and 0 <= one.found.green <= evidence.scored for one in evidence.marks
    )
    yield Finding(counts, "no key has more green pairs than there are pairs")
    if not (possible and counts):
        return
    wrong = [one.mark for one in evidence.marks if not _tail(one, evidence.gamma)]
    tails = f"the exact tail of {len(evidence.marks):,} keys comes out the same"
    yield Finding(not wrong, tails if not wrong else f"mark {wrong[0]}: p is not that of its green pairs")
    if not wrong:
        same = decided(evidence) == evidence
        yield Finding(same, "verdicts, claim and sentence about time follow from the numbers")


def _tail(one: Scored, gamma: float) -> bool:
    exact = log_binomial_tail(one.found.green, one.found.scored, gamma)
    return one.found.log_p == exact or math.isclose(one.found.log_p, exact, rel_tol=_CLOSE, abs_tol=_CLOSE)


def _settings(evidence: TextEvidence) -> Iterator[Finding]:
    fixed = evidence.law.tokens
    if fixed is None:
        yield Finding(None, "gamma, context and tokenizer are this run's: the law that commitments bind to names none")
    else:
        same = (fixed.gamma, fixed.context, fixed.tokenizer) == (evidence.gamma, evidence.context, evidence.tokenizer)
        yield Finding(same, "gamma, context and tokenizer are those of the law that commitments bind to")
    if evidence.tree:
        yield from under(evidence.tree, evidence.started, evidence.keys, evidence.keys_from)
        accused = all(one.committed for one in evidence.marks if one.verdict.startswith(MET))
        yield Finding(accused, "whoever's mark was met, its key is said to be committed under that head")
    elif any(one.committed is not None for one in evidence.marks):
        yield Finding(False, "a key is said to be committed or not, under no head")


def _needed(pairs: int, gamma: float, log_level: float) -> int | None:
    """The fewest green ones whose tail reaches the level."""
    low, high = 0, pairs + 1
    while low < high:
        middle = (low + high) // 2
        if log_binomial_tail(middle, pairs, gamma) <= log_level:
            high = middle
        else:
            low = middle + 1
    return low if low <= pairs else None


def _verdict(one: Scored, proved: bool, needed: int | None) -> str:
    if one.committed is False or (needed is None and not proved):
        return REFUSED
    return f"{MET} {one.customer}'s mark" if proved else NOTHING


def _overall(marks: Sequence[Scored]) -> str:
    verdicts = [one.verdict for one in marks]
    met = dict.fromkeys(one for one in verdicts if one.startswith(MET))
    return "; ".join(met) or (NOTHING if NOTHING in verdicts else REFUSED)


def _claim(read: TextEvidence) -> str:
    which = "committed keys" if read.tree else "keys, which no log counts,"
    level = (
        f"over {read.keys:,} {which} any false accusation has a probability of at most {read.alpha:g} in one run"
        f"{'' if read.law.tokens else ', whose gamma, context and tokenizer no commitment binds'}"
    )
    first = next((one for one in read.marks if one.verdict.startswith(MET)), None)
    if first:
        return (
            f"Of {read.scored:,} distinct pairs of tokens in {read.texts:,} texts {100 * first.found.share:.1f} % are "
            f"green by {first.customer}'s key, {100 * read.gamma:.1f} % by chance; a text made without the key has as "
            f"many with probability {power_of_ten(first.found.log_p)}; {level}."
        )
    if read.needed is None or not read.marks:
        return f"Nothing was judged: {read.texts:,} texts are too few to prove anything at this level."
    return (
        f"None of {len(read.marks):,} keys was met in {read.texts:,} texts; {100 * read.needed / read.scored:.1f} % "
        f"green of {read.scored:,} distinct pairs would have been proof, {100 * read.gamma:.1f} % are so by chance; "
        f"{level}."
    )
