"""A report's lines against the schedule. Needs no key.

It follows from the settings, the mark's public id and how many associations are left: so whoever leaves out a miss, or
asks in an order of his own, is found out, unless a seed is sought and named that has this order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec.structs import replace

from azeotrope.marks import FAMILIES
from azeotrope.types import Association
from azeotrope.verify.probes import Question, schedule
from azeotrope.verify.records import Judged, Settings

_FAMILY = next(iter(FAMILIES))


def places(one: Judged, settings: Settings) -> dict[int, int] | None:
    """Which of the associations that were left stands at each place of the schedule, as far as it was asked about.

    None where the lines are not the schedule's first ones.
    """
    out: dict[int, int] = {}
    for line, question in zip(one.lines, _asked(one, settings, {}, prefill=False), strict=True):
        place = question.association.index if question.association else -1
        same = (line.form, line.temperature) == (question.form, question.temperature)
        if not same or out.setdefault(place, line.association) != line.association:
            return None
    indices = [out[place] for place in sorted(out)]  # they are asked about in order, before each round is shuffled
    rising = all(low < high for low, high in pairwise(indices))
    return out if rising and all(index >= 0 for index in indices) else None


def retold(one: Judged, settings: Settings, at: Mapping[int, int]) -> bool:
    """Whether the questions that are laid open are the schedule's, of the associations that are laid open."""
    known = {
        place: Association(one.mark, place, each.family, each.trigger, each.target)
        for place, index in at.items() for each in one.disclosed if each.index == index
    }  # fmt: skip
    if len(known) < len(at) or any(each.family not in FAMILIES for each in known.values()):
        return False
    shown = [line.question for line in one.lines]
    return any(
        shown == [question.text for question in _asked(one, settings, known, prefill=prefill)]
        for prefill in (False, True)
    )


def _asked(
    one: Judged, settings: Settings, known: Mapping[int, Association], *, prefill: bool
) -> Sequence[Question]:  # fmt: skip
    """The probes, of associations that have their places for their numbers; what is not `known` has other words."""
    if not one.lines:
        return ()
    half = [known.get(at, Association(one.mark, at, _FAMILY, "?", "0")) for at in range(one.available)]
    asked = schedule(half, replace(settings, budget=len(one.lines)), one.mark, prefill=prefill)
    return [question for question in asked if question.association]
