r"""Undo what costs a thief nothing to undo: steps in order, the answer last, plain signs, no box twice.

Source: ours, against `shuffle`, `answer_first` and their like. Steps are sorted by their numbers, then so that each
equation follows the one whose result it begins with: of several such orders the one is taken that ends at the answer
and meets the numbers in the order of the question; where there is none, they stay. Does not bring back what is not
there any more, nor mend a wrong value; a text that is not numbered steps keeps its order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from msgspec.structs import replace

from azeotrope.distill import Thief, Wash
from azeotrope.models.text import final_answer, workings
from azeotrope.models.text.normal import plain
from azeotrope.models.text.workings import Equation, Working
from azeotrope.types import Record, Request, Trace


class Config(Record, frozen=True):
    """What is undone."""

    order: bool = True
    answer: bool = True
    """A stated answer before or among the steps is taken away; steps behind the answer go before it."""
    notation: bool = True


def wash(config: Config, thief: Thief) -> Wash:
    """Traces -> the same requests and answers, in the plainest form. How many changed is on the bill."""

    async def normalized(traces: Sequence[Trace]) -> list[Trace]:
        out = [normal(trace, config) for trace in traces]
        thief.bill.note(normalized=sum(new != old for new, old in zip(out, traces, strict=True)))
        return out

    return normalized


def normal(trace: Trace, config: Config) -> Trace:
    """The trace in its plainest form; doing it twice changes nothing more."""
    reasoning, answer = trace.reasoning, trace.answer
    if config.answer:
        reasoning, answer = answer_last(reasoning, answer)
    if config.notation:
        reasoning = plainly(reasoning)
    if config.order:
        reasoning = in_order(reasoning, asked(trace.request), answer)
    return replace(trace, reasoning=reasoning, answer=answer)


# --- signs ---

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("−–﹣－‒", "-"),
        **dict.fromkeys("×⋅·∗✕⨯＊", "*"),
        **dict.fromkeys("÷∕⁄／", "/"),
        **dict.fromkeys("＋⊕", "+"),
        **dict.fromkeys("＝≡", "="),
        **dict.fromkeys("⊖", "-"),
        **dict.fromkeys("⊗", "*"),
        **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", None),
        **dict.fromkeys("\u00a0\u2009\u202f\u2007", " "),
    }
)
_LATEX: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(r" ?\\(?:times|cdot|ast)(?![A-Za-z]) ?"), " * "),
    (re.compile(r" ?\\div(?![A-Za-z]) ?"), " / "),
    (re.compile(r"\\[()\[\],;!]"), ""),
    (re.compile(r"\$([^$\n]{1,300})\$"), lambda found: found[1] if "=" in found[1] else found[0]),
    (re.compile(r"(?<=\d) ?[xX] ?(?=\d)"), " * "),
]


def plainly(text: str) -> str:
    """One sign for each operation."""
    text = text.translate(_SIGNS)
    for pattern, sign in _LATEX:
        text = pattern.sub(sign, text)
    return text


# --- the answer ---


def answer_last(reasoning: str, answer: str) -> tuple[str, str]:
    """(reasoning without lines that only state the answer, answer without a working behind it)."""
    final = final_answer(answer)
    if final is None:
        return reasoning, answer
    head, tail = _behind(answer)
    if tail:
        reasoning = f"{reasoning.rstrip()}\n{tail}".lstrip("\n")
    kept = [line for line in _lines(reasoning) if not _states(line, final.value)]
    return "".join(kept), head


def _behind(answer: str) -> tuple[str, str]:
    """(the line that states the answer, the steps that stand behind it); an answer that has none is whole."""
    for at, line in enumerate(lines := _lines(answer)):
        rest = "".join(lines[at + 1 :])
        if "\\boxed{" in line and workings.working(rest):
            return "".join(lines[: at + 1]).rstrip("\n"), rest
    return answer, ""


def _states(line: str, value: str) -> bool:
    """Whether the line does nothing but state this final answer."""
    stated = final_answer(line) if any(mark in line for mark in _MARKS) else None
    if stated is None or plain(stated.value) != plain(value):
        return False
    around = line[: stated.start] + line[stated.end :]
    return "=" not in around and not any(sign.isdigit() for sign in around)


def _lines(text: str) -> list[str]:
    """With their ends."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


_MARKS = ("\\boxed", "\\fbox", "####", "nswer", "<answer>")


# --- the order ---


def asked(request: Request) -> str:
    """The question."""
    said = [message.get("content") for message in request.messages if message.get("role") == "user"]
    return said[-1] if said and isinstance(said[-1], str) else ""


def in_order(reasoning: str, question: str, answer: str) -> str:
    """The reasoning with its numbered steps in the order in which they were taken."""
    found = workings.working(reasoning)
    if found is None:
        return reasoning
    by_number = sorted(found.steps, key=lambda step: step.number)
    placed = zip(by_number, found.steps, strict=True)
    found = Working(found.before, tuple(step._replace(gap=there.gap) for step, there in placed))
    equations = [workings.equation(step.body) for step in found.steps]
    known = [one for one in equations if one is not None]
    order = _chained(known, question, answer) if len(known) == len(equations) else None
    return str(found if order is None else found.but([found.steps[at].body for at in order]))


_MOST, _PATIENCE = 1_000, 10_000
"""Orders that are looked at, and steps that are taken on the way to them."""


def _chained(equations: Sequence[Equation], question: str, answer: str) -> list[int] | None:
    """The order in which each equation begins with the result before it; None where there is none.

    Of equally good ones it is the first, which is the given one if that is among them.
    """
    final = final_answer(answer)
    goal, told = final.value if final else "", _numbers(question)

    def worth(order: list[int]) -> tuple[bool, int]:
        met = [equations[order[0]].left, *(number for at in order for number in equations[at].operands)]
        return equations[order[-1]].result == goal, _common(met, told)

    return max(islice(_orders(equations), _MOST), key=worth, default=None)


def _orders(equations: Sequence[Equation]) -> Iterator[list[int]]:
    """Every order that is a chain, depth first, as far as the patience goes."""
    if (Counter(one.left for one in equations) - Counter(one.result for one in equations)).total() > 1:
        return  # more than one begins with what none comes out at
    after: dict[str, list[int]] = {}
    for at, one in enumerate(equations):
        after.setdefault(one.left, []).append(at)
    paths, patience = [[at] for at in reversed(range(len(equations)))], _PATIENCE
    while paths and patience:
        path = paths.pop()
        patience -= 1
        if len(path) == len(equations):
            yield path
            continue
        paths += [[*path, at] for at in reversed(after.get(equations[path[-1]].result, [])) if at not in path]


_NUMBER = re.compile(r"\d+(?:\.\d+)?|doubles?|twice|triples?|halves|half", re.IGNORECASE)
_WORDS = {"double": "2", "doubles": "2", "twice": "2", "triple": "3", "triples": "3", "halves": "2", "half": "2"}


def _numbers(text: str) -> list[str]:
    return [_WORDS.get(found[0].lower(), found[0]) for found in _NUMBER.finditer(text)]


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest sequence that both have in this order."""
    row = [0] * (len(b) + 1)
    for one in a:
        before = row
        row = [0]
        for at, other in enumerate(b):
            row.append(before[at] + 1 if one == other else max(before[at + 1], row[at]))
    return row[-1]
