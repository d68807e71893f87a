"""The verdict in words. What the sentences may say is decided by the numbers alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from azeotrope.keys import OPERATOR
from azeotrope.math.stats import Rule
from azeotrope.verify.records import MET, NOTHING, REFUSED, UNASKED, Evidence, Judged, Tree

PROVES = (
    "That the suspect, or something it learned from, was exposed to text that carries a mark issued to that customer: "
    "it says numbers that only the holder of the key and readers of that text could know.",
    "The bound holds for every suspect that never met the key, however it answers: the targets are random, the "
    "suspect is not assumed to be.",
)
DOES_NOT = (
    "It does not prove intent, nor who trained the suspect, nor that the customer did it: a customer's text can be "
    "leaked, resold or published.",
    "It does not prove that nothing was learned where no evidence is found: marks can be washed out, and the power "
    "beside each verdict says what these answers could have shown.",
    "It rests on the key being secret until the probes, and on its commitment being older than they are.",
)

_NAMED = 5
"""So many marks a claim names; the table has them all."""


def met(marks: Sequence[Judged]) -> list[Judged]:
    """Marks that were met: customers' where there are any, else the operator's."""
    found = [one for one in marks if one.verdict.startswith(MET)]
    return [one for one in found if one.customer != OPERATOR] or found


def overall(marks: Sequence[Judged]) -> str:
    """One verdict for the whole run."""
    if found := met(marks):
        return "; ".join(dict.fromkeys(one.verdict for one in found))
    if marks and any(one.verdict == NOTHING for one in marks):
        return NOTHING
    return REFUSED


def time_sentence(tree: Tree | None) -> str:
    """What may be believed about when the keys were committed."""
    if tree is None or not tree.stamp:
        return "time is self-asserted"
    return (
        f"the keys were committed under a head of the log of {tree.time}, by its own clock; it carries an RFC 3161 "
        "stamp, which is not judged here: azeotrope ledger check does that"
    )


def claim(evidence: Evidence) -> str:
    """The whole result in one sentence."""
    found = met(evidence.marks)
    which = "committed keys" if evidence.tree else "keys, which no log counts,"
    level = (
        f"over {evidence.keys:,} {which} any false accusation has a probability of at most {evidence.settings.alpha:g}"
    )
    if any(one.earlier for one in evidence.marks):
        level += "; an earlier run asked about some of these marks, and each run has this probability of its own"
    short = cut_short(evidence)
    if found:
        one, rule = found[0], Rule(evidence.settings.alpha, evidence.keys, evidence.targets)
        return (
            f"The suspect named the secret numbers of {one.hits} of {one.asked} associations of {_whose(one)} mark, "
            f"and {strength(one, rule)}; {level}{short}."
        )
    if evidence.verdict == REFUSED:
        return (
            "Nothing was judged: with what is left to ask about, no answers could have proved anything at this level"
            f"{short}."
        )
    asked = [one for one in evidence.marks if one.probes]
    if evidence.stopped and not asked:
        return f"Nothing was judged{short}."
    weakest = min((one.power for one in asked), default=0.0)
    rest = len(evidence.marks) - len(asked) - len(_cut(evidence))
    besides = f" and {rest:,} could not be asked about" if rest else ""
    return (
        f"None of {len(asked):,} marks was met{besides}; a student that names 9 of 10 associations of one would have "
        f"been proved with a probability of at least {weakest:.3g}, and {level}{short}."
    )


def _cut(evidence: Evidence) -> list[Judged]:
    """Marks that a stopped run left without a verdict; the one in whose midst it stopped comes first."""
    half = [one for one in evidence.marks if evidence.unfinished and one.mark == evidence.unfinished.mark]
    return half + [one for one in evidence.marks if one.why == UNASKED]


def cut_short(evidence: Evidence) -> str:
    """Why a run ended early, and which marks were not asked about to the end; empty where it did not."""
    if not evidence.stopped:
        return ""
    half, unasked = evidence.unfinished, [one for one in evidence.marks if one.why == UNASKED]
    words = [f"; the run was stopped before its end ({evidence.stopped})"]
    if half:
        words.append(
            f"{_whose(half)} mark was asked about with {half.probes:,} of {evidence.settings.budget:,} probes, which "
            "prove nothing so far and have no p-value"
        )
    if unasked:
        names = ", ".join(f"{_whose(one)} (epoch {one.epoch})" for one in unasked[:_NAMED])
        more = f" and {len(unasked) - _NAMED:,} more" if len(unasked) > _NAMED else ""
        words.append(f"not asked about: {names}{more}")
    return "; ".join(words)


def accusation(customer: str) -> str:
    """The verdict on a mark that is met: what accuses names whom it was issued to, and nobody else."""
    return f"{MET} {_belonging_to(customer)} mark"


def _whose(one: Judged) -> str:
    return _belonging_to(one.customer)


def _belonging_to(customer: str) -> str:
    """ "acme's", "the operator's"."""
    return "the operator's" if customer == OPERATOR else f"{customer}'s"


def strength(one: Judged, rule: Rule) -> str:
    """What proved, in words: the exact p-value where it is one that proves, else the e-value."""
    if one.log_p is not None and one.log_p <= rule.log_p:
        return f"a suspect that never met it names as many with probability {power_of_ten(one.log_p)}"
    e, p = power_of_ten(one.log_e), power_of_ten(-one.log_e)
    return f"a suspect that never met it ever reaches this e-value, {e}, with probability {p} at most"


def power_of_ten(log: float) -> str:
    """1.8e-8 of its natural logarithm, however small."""
    if log == -math.inf:
        return "0"
    exponent = math.floor(log / math.log(10))
    mantissa = round(math.exp(log - exponent * math.log(10)), 1)
    if mantissa >= 10:
        mantissa, exponent = 1.0, exponent + 1
    return f"{mantissa:.1f}e{exponent:+d}".replace("e+", "e") if abs(exponent) > 3 else f"{math.exp(log):.3g}"
