"""Drop traces whose own equations do not hold: what an inverter made up, what a defense falsified.

Source: ours. A right answer does not show a right working: of those that `invert` lets through (it was told the
answer) a third were wrong inside, and all of these had a wrong equation. Steps, or else lines, that state one equation
between numbers are computed: exactly, the result as rounded as it stands there. Does not read words nor brackets, nor
mend anything; a trace that states no equation stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from azeotrope.distill import Thief, Wash
from azeotrope.models.text import workings
from azeotrope.models.text.workings import Equation, value
from azeotrope.types import Record, Trace


class Config(Record, frozen=True):
    """Nothing to choose."""


def wash(config: Config, thief: Thief) -> Wash:
    """Traces -> those that agree with themselves, in order. What was dropped is on the bill."""

    async def agreeing(traces: Sequence[Trace]) -> list[Trace]:
        kept = [trace for trace in traces if all(map(holds, stated(trace.reasoning)))]
        thief.bill.note(inconsistent=len(traces) - len(kept))
        return kept

    return agreeing


def stated(reasoning: str) -> list[Equation]:
    """The equations of its steps, or of its lines where it has none. One whose left side began earlier is not read."""
    found = workings.working(reasoning)
    parts = [step.body for step in found.steps] if found else reasoning.splitlines()
    read = [(part, workings.equation(part)) for part in parts]
    return [one for part, one in read if one and not _BEGUN.search(part[: one.left_at])]


def holds(one: Equation) -> bool:
    """Whether the result is the left side's value, rounded to as many places as it has."""
    terms = [value(one.left)]
    for sign, number in one.terms:
        operand = value(number)
        if sign == "/" and not operand:
            return False
        if sign in "*/":
            terms[-1] = terms[-1] * operand if sign == "*" else terms[-1] / operand
        else:
            terms.append(operand if sign == "+" else -operand)
    places = len(one.result.partition(".")[2])
    return abs(sum(terms) - value(one.result)) <= Fraction(1, 2 * 10**places)


_BEGUN = re.compile(r"[-+*/^)%] *$")
