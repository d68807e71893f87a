"""Marks that nothing is asked about, or not to the end, and the words for why: the same ones for whoever checks."""

from __future__ import annotations

from functools import lru_cache

from azeotrope.math.stats import Rule, proof
from azeotrope.verify.keys import Accused
from azeotrope.verify.records import REFUSED, Judged, Settings

SEALED = "not disclosed: "
"""In front of why a met mark that was to be disclosed is not."""


def hopeless(committed: bool | None, left: int, budget: int, rule: Rule) -> str:
    """Why not even a student that knows everything could be proved; empty where it could.

    `left`: associations that are still to be asked about.
    """
    if committed is False:
        return "its key is not among the commitments under the signed head"
    if not left or not _reachable(left, budget, rule):
        return f"{left} associations are left to ask about at this suspect: too few to prove at this level"
    return ""


@lru_cache(maxsize=1024)
def _reachable(left: int, budget: int, rule: Rule) -> bool:
    return proof(1.0, left, budget, rule).probability > 0


def refused(who: Accused, left: int, why: str, verdict: str = REFUSED) -> Judged:
    """A mark that nothing was asked about."""
    return Judged(who.customer, who.epoch, who.mark, verdict, why, who.committed, left, len(who.kept))


def so_far(one: Judged, settings: Settings) -> str:
    """How far it was asked about when the run was stopped."""
    return f"stopped after {one.probes} of {settings.budget} probes"
