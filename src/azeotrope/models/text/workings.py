"""A working as numbered steps, and a step as an equation. Pure functions on strings; linear time; never raise.

Knows nothing of answers. "Step 1: 11 - 10 = 1\\nStep 2: 1 * 3 = 3\\n" is two steps; so is "1. ...\\n2) ...\\n". What
stands before the first step, and on the lines between two, is kept: `str(working(text)) == text`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

_LABEL = re.compile(r"^(?:(?P<word>[A-Z][a-z]{2,11}) )?(?P<number>\d{1,3})[:.)] ", re.MULTILINE)
_NUMBER = r"-?(?:\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:\.\d{1,9})?"
"""Thousands may be set apart by commas; a comma that does otherwise ("1,5", "3,4") leaves its equation unread."""
_EQUATION = re.compile(
    rf"(?P<left>(?<![\w.=])(?<!\d,){_NUMBER}) ?(?P<rest>[-+*/] ?{_NUMBER}(?: ?[-+*/] ?{_NUMBER}){{0,9}})"
    rf" ?= ?(?P<result>{_NUMBER})(?!\w|[.,]\d)"
)
_TERM = re.compile(rf"([-+*/]) ?({_NUMBER})")


class Step(NamedTuple):
    """One step: "Step 2: ", what it says, and the blanks and line ends behind it."""

    label: str
    number: int
    body: str
    gap: str


class Working(NamedTuple):
    """A text as numbered steps."""

    before: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return self.before + "".join(step.label + step.body + step.gap for step in self.steps)

    def but(self, bodies: Sequence[str]) -> Working:
        """Other words behind the same labels."""
        steps = zip(self.steps, bodies, strict=True)
        return Working(self.before, tuple(step._replace(body=body) for step, body in steps))


class Equation(NamedTuple):
    """ "11 - 10 = 1": what is on the left first, what is done to it, what comes out; where each stands in the text.

    Numbers are written as the text has them: `value` reads one.
    """

    left: str
    rest: str
    result: str
    left_at: int
    result_at: int

    @property
    def operands(self) -> list[str]:
        """The numbers after the first."""
        return re.findall(_NUMBER.removeprefix("-?"), self.rest)

    @property
    def terms(self) -> list[tuple[str, str]]:
        """The same, each behind its sign: [("-", "10")]; a sign of the number's own stays with it."""
        return _TERM.findall(self.rest)


def value(number: str) -> Fraction:
    """What an equation's number stands for, exactly: "1,200.5" is 1200.5."""
    return Fraction(number.replace(",", ""))


def working(text: str) -> Working | None:
    """The text's steps, or None where its lines are not numbered, all in one manner."""
    found = list(_LABEL.finditer(text))
    if not found or len({label["word"] for label in found}) > 1:
        return None
    ends = [*(label.start() for label in found[1:]), len(text)]
    steps: list[Step] = []
    for label, end in zip(found, ends, strict=True):
        said = text[label.end() : end]
        body = said.rstrip()
        steps.append(Step(label[0], int(label["number"]), body, said[len(body) :]))
    return Working(text[: found[0].start()], tuple(steps))


def equation(text: str) -> Equation | None:
    """The one equation between numbers that the text states; None where there is none, or several."""
    found = list(_EQUATION.finditer(text))
    if len(found) != 1:
        return None
    match = found[0]
    return Equation(match["left"], match["rest"], match["result"], match.start("left"), match.start("result"))
