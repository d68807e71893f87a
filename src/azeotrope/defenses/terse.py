"""Release an outline: which kinds of steps were taken, in order, and nothing that was worked out.

Deterministic, knows no model. One line is one step (neighbours of the same kind share one), so the reader sees how
many there were without a number being written. Every word comes from a fixed vocabulary that holds no number; an
outline that would still repeat four words in a row of the original, one written with it in mind, is not released.
Does not defend against a thief who rebuilds the values from the problem, the order of operations and the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Annotated

from msgspec import Meta

from azeotrope.protocols import Given, Rewrite
from azeotrope.types import Record, Trace


class Config(Record, frozen=True):
    """How much of the outline is kept."""

    steps: Annotated[int, Meta(ge=1, le=200)] = 40
    """Lines at most; "further steps" stands for the rest."""


HEADING = "Outline, values left out:"
FURTHER = "further steps"
OTHER = "inference"
ARITHMETIC = {"addition", "subtraction", "multiplication", "division"}
KINDS = {
    "addition": "add adds added adding plus sum sums summing total totals altogether combined combine together \\sum",
    "subtraction": "subtract subtracts subtracted subtracting minus difference less fewer remain remains "
    "remove removes removed removing",
    "multiplication": "multiply multiplies multiplied multiplying times product twice double doubles doubled triple "
    "triples tripled \\times \\cdot × ·",
    "division": "divide divides divided dividing quotient half halve halves halved per split splits \\frac \\dfrac "
    "\\tfrac \\div ÷",
    "percentage": "percent percentage percentages % \\%",
    "powers and roots": "square squares squared squaring cube cubed exponent power powers root roots raised \\sqrt "
    "^ ** √ ² ³",
    "comparison": "compare compares compared comparing greater larger smaller bigger exceeds maximum minimum \\leq "
    "\\geq \\le \\ge < > ≤ ≥",
    "unit conversion": "convert converts converted converting conversion",
    "substitution": "substitute substitutes substituted substituting plug plugs plugging replace replacing",
    "simplification": "simplify simplifies simplified simplifying reduce reduces reduced cancel cancels cancelling",
    "factoring": "factor factors factored factoring factorise factorize divisor divisors prime primes",
    "expansion": "expand expands expanded expanding distribute distributing",
    "equation solving": "solve solves solved solving equation equations isolate isolating unknown",
    "differentiation": "differentiate differentiates differentiating derivative derivatives gradient",
    "integration": "integrate integrates integrating integral integrals antiderivative \\int ∫",
    "averaging": "average averages averaged averaging median",
    "rounding": "round rounds rounded rounding approximately estimate estimates estimating approx \\approx ≈",
    "counting": "count counts counted counting enumerate enumerates listing permutations combinations arrangements",
    "probability": "probability probabilities likelihood odds expected",
    "geometry": "triangle triangles angle angles circle radius perimeter area volume perpendicular parallel",
    "case split": "case cases either otherwise scenario scenarios",
    "elimination": "eliminate eliminates eliminated eliminating option options ruled rules",
    "assumption": "assume assumes assuming suppose supposing hypothesis",
    "contradiction": "contradiction contradicts contradictory impossible absurd",
    "induction": "induction inductive recursion recursive recurrence",
    "recall": "recall recalls remember theorem lemma definition formula identity",
    "code reading": "function loop variable returns array",
    "check": "check checks checked checking verify verifies verified verifying confirm confirms sanity",
    "reconsideration": "wait actually however mistake wrong oops alternatively reconsider",
    "conclusion": "therefore hence thus conclude concludes conclusion answer finally \\boxed ####",
}
_KIND = {word: kind for kind, words in KINDS.items() for word in words.split()}
_SIGN = {"+": "addition", "/": "division"} | dict.fromkeys("-−–", "subtraction") | dict.fromkeys("x*", "multiplication")
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|[\n\r。！？；]+")
_SIGNS = re.compile(r"(?<=[\d)}%])\s?([-−–+/x*])\s?(?=[\d$(\\.])")
_WORD = re.compile(r"\\?[a-z]+|####|\*\*|\\?%|[<>]+|[×·÷√²³≤≥∫≈^]")
_RUN = re.compile(r"\w+")
READ = 100_000
"""Characters of the original that are read; what follows is among the further steps."""
KINDS_A_STEP = 3


def rewrite(config: Config, given: Given) -> Rewrite:
    """Trace -> the same answer with an outline for its reasoning; declined where the outline would repeat it."""

    async def to_outline(trace: Trace) -> Trace | None:
        text = outline(trace.reasoning, config.steps)
        return None if repeats(text, trace.reasoning) else trace.but(reasoning=text)

    return to_outline


def outline(reasoning: str, steps: int = 40) -> str:
    """Any text -> the outline, at most `steps` lines between its heading and "further steps". Linear, never raises."""
    lines = [line for line, _ in islice(groupby(_lines(reasoning[:READ])), steps + 1)]
    cut = len(lines) > steps or len(reasoning) > READ
    return "\n".join([HEADING, *lines[:steps], *([FURTHER] if cut else [])])


def repeats(text: str, original: str, run: int = 4) -> bool:
    """Whether any `run` words in a row of `text` stand in `original` too (letter case and punctuation aside)."""
    return not _runs(text, run).isdisjoint(_runs(original, run))


def _lines(reasoning: str) -> Iterator[str]:
    for sentence in _SENTENCE.split(reasoning):
        if kinds := _kinds(sentence.lower()):
            yield ", ".join(kinds)
        elif sentence.strip():
            yield OTHER


def _kinds(sentence: str) -> list[str]:
    """The kinds of operations a sentence (lower case) speaks of, in order, each once.

    Where signs stand, they say which arithmetic was done; words such as "together" or "half" only describe it.
    """
    signs = [(m.start(), _SIGN[m[1]]) for m in _SIGNS.finditer(sentence)]
    words = [(m.start(), _KIND[m[0]]) for m in _WORD.finditer(sentence) if m[0] in _KIND]
    found = signs + [word for word in words if not signs or word[1] not in ARITHMETIC]
    return list(dict.fromkeys(kind for _, kind in sorted(found)))[:KINDS_A_STEP]


def _runs(text: str, run: int) -> set[tuple[str, ...]]:
    words = _RUN.findall(text.lower())
    return set(zip(*(words[i:] for i in range(run)), strict=False))
