"""A rewriter by rule that follows a small grammar of instructions exactly, on workings of the task `steps`. Shipped.

No language model: `Scripted`. It makes a search provable, for the whole space can be scored and the best of it known.
An instruction is understood clause by clause; what it does not say stays as it is in the working, and what is no
clause says nothing. Source: ours. What wins here is no evidence of what wins with a language model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from msgspec.structs import asdict

from azeotrope.codec import digest
from azeotrope.models.fake import Scripted
from azeotrope.types import Record, Request


class Point(Record, frozen=True):
    """What is asked for, one option a clause; the defaults are the working as it is."""

    line: str = "step"
    shown: str = "every"
    values: str = "numbers"
    order: str = "forward"
    notation: str = "signs"


CLAUSES: dict[str, dict[str, str]] = {
    "line": {"step": "Begin every line with Step.", "part": "Begin every line with Part."},
    "shown": {
        "every": "Show every step.",
        "second": "Show every second step, counted back from the last.",
    },
    "values": {
        "numbers": "Write every result as a number.",
        "first": "Name the first result by a letter.",
        "last": "Name the last result by a letter.",
        "letters": "Name every result by a letter.",
    },
    "order": {"forward": "Go from the first step to the last.", "backward": "Go from the last step to the first."},
    "notation": {"signs": "Write operations as signs.", "words": "Write operations as words."},
}
"""Clause -> option -> the sentence that asks for it."""
_PROBE = "Step 1: 11 - 10 = 1\nStep 2: 1 * 3 = 3\nStep 3: 3 + 6 = 9"
_LINE = re.compile(r"^Step \d+: (\d+) ([-+*]) (\d+) = (\d+)$", re.MULTILINE)
_WORDS = {"+": "plus", "-": "minus", "*": "times", "=": "makes"}
_MARKERS = {"step": "Step", "part": "Part"}


def understood(instruction: str) -> Point:
    """What an instruction asks for. Of two sentences for one clause the last one counts."""
    text = _flat(instruction)
    found: dict[str, str] = {}
    for clause, options in CLAUSES.items():
        places = {option: text.rfind(_flat(sentence)) for option, sentence in options.items()}
        option = max(places, key=lambda one: places[one])
        if places[option] >= 0:
            found[clause] = option
    return Point(**found)


def instruction(point: Point) -> str:
    """The instruction that asks for exactly this, every clause said."""
    return " ".join(CLAUSES[clause][option] for clause, option in asdict(point).items())


def points() -> Iterator[Point]:
    """The whole grammar, in a fixed order; the working as it is comes first."""
    for options in product(*CLAUSES.values()):
        yield Point(*options)


def space() -> tuple[str, ...]:
    """An instruction for each point."""
    return tuple(map(instruction, points()))


def rewritten(working: str, point: Point) -> str:
    """The working as the point has it; lines that are no steps are left out."""
    steps = [match.groups() for match in _LINE.finditer(working)]
    named = _named(point.values, len(steps))
    results = [_letter(at) if at in named else step[3] for at, step in enumerate(steps)]
    lines = [
        f"{_MARKERS[point.line]} {at + 1}: {results[at - 1] if at and at - 1 in named else step[0]} "
        f"{_sign(step[1], point)} {step[2]} {_sign('=', point)} {results[at]}"
        for at, step in enumerate(steps)
    ]
    if point.shown == "second":
        lines = lines[::-1][::2][::-1]
    return "\n".join(lines[::-1] if point.order == "backward" else lines)


def rewriter() -> Scripted:
    """The rewriting model: an instruction in the system's message, a working somewhere in the last one."""
    return _Grammar(_rewrite, name="grammar")


class _Grammar(Scripted):
    @property
    def edition(self) -> str:
        """Digest of what every instruction makes of one working: another grammar's scores are not this one's."""
        return digest([(text, rewritten(_PROBE, understood(text))) for text in space()])


def _rewrite(request: Request) -> str:
    told = " ".join(str(message.get("content")) for message in request.messages if message.get("role") == "system")
    return rewritten(str(request.messages[-1].get("content")), understood(told))


def _named(values: str, steps: int) -> set[int]:
    """Places of the results that are called by a letter."""
    return {"numbers": set[int](), "first": {0}, "last": {steps - 1}, "letters": set(range(steps))}[values]


def _letter(at: int) -> str:
    return chr(ord("a") + at % 26)


def _sign(sign: str, point: Point) -> str:
    return _WORDS[sign] if point.notation == "words" else sign


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())
