"""The checks a rewritten reasoning must pass before it leaves. Pure functions; knows no rewriter and no instruction.

Each check has a name, and the name is what is counted: in the step's failures, in summaries and metrics. They read text
only; a rewrite that passes is neither proven true nor proven useless to a thief. Each runs in time linear in the texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Annotated, Any, cast

from msgspec import Meta

from azeotrope.models import text as answers
from azeotrope.models.finish import whole
from azeotrope.release import conclusions, copying, wording
from azeotrope.release.numbers import numbers, unnumbered
from azeotrope.release.plain import hidden, plain, words
from azeotrope.types import Fields, Record, Request, Trace


class Bounds(Record, frozen=True):
    """Where the measured checks draw their lines."""

    shortest: Annotated[int, Meta(ge=1)] = 20
    """Characters; a rewrite of a shorter original may be as short as that."""
    longest: Annotated[int, Meta(ge=1)] = 60_000
    """Characters."""
    shortest_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.05
    """Length of the rewrite over that of the original, at least."""
    longest_ratio: Annotated[float, Meta(gt=0)] = 4.0
    """At most; rewrites of up to `ALWAYS_FINE` characters are not held to it."""
    copied_run: Annotated[int, Meta(ge=4)] = 20
    """Words in a row of the original that count as a copy."""
    copied_share: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """Share of the five-word runs of either, rewrite or original, that may stand in the other: chatter around a copy,
    or between its pieces, does not make it a rewrite."""

    def __post_init__(self) -> None:
        if self.shortest > self.longest:
            raise ValueError(f"shortest is a bound below longest; got {self.shortest} > {self.longest}")


ALWAYS_FINE = 400


class Draft:
    """A rewrite beside what it was made from, with what several checks read of them."""

    def __init__(self, text: str, trace: Trace, bounds: Bounds, instruction: frozenset[tuple[str, ...]]) -> None:
        self.text, self.trace, self.bounds, self.instruction = text, trace, bounds, instruction
        self.problem = problem(trace.request)
        self.visible, self.original = plain(text), plain(trace.reasoning)
        self.words, self.original_words = words(self.visible), words(self.original)
        self.final = answers.final_answer(trace.answer)


def _length(draft: Draft) -> bool:
    size, original, bounds = len(draft.text), len(draft.trace.reasoning), draft.bounds
    least = max(min(bounds.shortest, original), bounds.shortest_ratio * original)
    most = min(bounds.longest, max(ALWAYS_FINE, bounds.longest_ratio * original))
    return not least <= size <= most


def _copied(draft: Draft) -> bool:
    ours, theirs = draft.words, draft.original_words
    of_ours, of_theirs = copying.overlaps(ours, theirs)
    may_share = of_ours > 0 or draft.bounds.copied_run < copying.GRAM
    return (
        max(of_ours, of_theirs) > draft.bounds.copied_share
        or (may_share and copying.shares_run(ours, theirs, draft.bounds.copied_run))
        or copying.spaced_out(ours, theirs)
    )


_EMPTY_WORDS = frozenset(
    ["then", "that", "this", "with", "from", "have", "which", "they", "there", "will", "what", "when", "were", "their"]
)


def _off_topic(draft: Draft) -> bool:
    """Shares fewer than two words of substance with the trace and the problem, or fewer than they have."""
    if len(_substance(set(draft.words).intersection(draft.original_words))) >= 2:
        return False  # as most do: the problem need not be read
    source = {*draft.original_words, *words(plain(draft.problem))}
    shared = len(_substance(source.intersection(draft.words)))
    return shared < 2 and shared < len(_substance(source))


def _substance(tokens: Iterable[str]) -> set[str]:
    return {w for w in tokens if len(w) > 3 or not w.isascii() or w.isdigit()} - _EMPTY_WORDS


def _new_link(draft: Draft) -> bool:
    ours = wording.links(draft.text)
    return bool(ours) and not ours <= wording.links(draft.trace.reasoning) | wording.links(draft.problem)


def _new_number(draft: Draft) -> bool:
    """A number that neither the problem nor the final answer has, up to its reciprocal ("half" where 2 is).

    An intermediate value that happens to equal a number of the problem passes: it is no news to a reader.
    """
    final = draft.final.value if draft.final else draft.trace.answer if len(draft.trace.answer) <= 80 else ""
    allowed = numbers(draft.problem) | numbers(final)
    allowed |= {Fraction(1) / value for value in allowed if not isinstance(value, str) and value}
    return not numbers(unnumbered(draft.text)) <= allowed


def _inconsistent(draft: Draft) -> bool:
    final = draft.final
    choice = final is not None and final.kind == "choice"
    return conclusions.contradicts(
        draft.text, draft.trace.answer, final=None if final is None else final.value, choice=choice
    )


ALWAYS: dict[str, Callable[[Draft], bool]] = {
    "hidden_text": lambda draft: (
        bool(ours := hidden(draft.text)) and not ours <= hidden(draft.trace.reasoning) & set("\u200e\u200f")
    ),
    "markup": lambda draft: wording.marked_up(draft.text),
    "encoded": lambda draft: wording.encoded(draft.text),
    "refusal": lambda draft: wording.refuses(draft.text),
    "task_leaked": lambda draft: (
        wording.speaks_of_task(draft.visible) or wording.repeats(draft.words, draft.instruction)
    ),
    "repetitive": lambda draft: copying.repeats_itself(draft.words),
    "length": _length,
    "copied": _copied,
    "new_link": _new_link,
    "off_topic": _off_topic,
}
"""Name -> whether a draft fails it, in the order they are asked."""

OPTIONAL: dict[str, Callable[[Draft], bool]] = {"new_number": _new_number}
"""Checks that an instruction asks for."""

NAMES = ("truncated", "empty", *ALWAYS, *OPTIONAL, "answer_changed", "inconsistent")
"""Every name that `failure` returns."""


async def failure(
    text: str,
    trace: Trace,
    *,
    finish: str = "stop",
    bounds: Bounds = Bounds(),
    instruction: frozenset[tuple[str, ...]] = frozenset(),
    extra: Iterable[str] = (),
    without: Iterable[str] = (),
) -> str | None:
    """The first check that a rewrite of `trace.reasoning` fails, or None: it may be released.

    `finish`: the rewriter's finish reason; `instruction`: `wording.runs` of what it was told; `extra`: names of
    OPTIONAL; `without`: names of ALWAYS that are not asked, such as `copied` where the text may leave as it is.
    """
    if not whole(finish):
        return "refusal" if finish == "content_filter" else "truncated"
    if not text.strip():
        return "empty"
    if len(text) > bounds.longest:
        return "length"
    draft, without = Draft(text, trace, bounds, instruction), frozenset(without)
    if not draft.words:
        return "empty"
    for name, fails in (*ALWAYS.items(), *((name, OPTIONAL[name]) for name in extra)):
        if name not in without and fails(draft):
            return name
    if await _answer_changed(draft):
        return "answer_changed"
    return "inconsistent" if _inconsistent(draft) else None


async def _answer_changed(draft: Draft) -> bool:
    """Whether the rewrite states a final answer that is not the teacher's. One that cannot be compared has changed.

    Code and JSON among the reasoning are not statements of an answer.
    """
    stated = answers.final_answer(draft.text)
    if stated is None or stated.kind in ("code", "json"):
        return False
    theirs = draft.final.value if draft.final else draft.trace.answer.strip()
    if stated.value == theirs or (draft.final is None and stated.value in theirs):
        return False
    return not await answers.equal(stated.value, theirs, kind=draft.final.kind if draft.final else None)


def problem(request: Request) -> str:
    """The text of what was asked, images and other parts left out."""
    return "\n".join(filter(None, (_text(message.get("content")) for message in request.messages)))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = cast(list[Any], content) if isinstance(content, list) else []
    texts = (cast(Fields, part).get("text") for part in parts if isinstance(part, dict))
    return "\n".join(text for text in texts if isinstance(text, str))
