"""Delete the sentences that say what recurs here and not in public workings: the top n-grams of a scan.

Source: ours; the scan is the one that `azeotrope stealth` measures a mark with. Runs of 3 to 6 words are counted
sentence by sentence in the traces and in the thief's public workings, and ranked by how far the traces' count lies
above the reference's (a Poisson law's deviations); one that stands only where more suspicious ones do is not counted
again. Where fewer than `top` are a mark's, honest sentences go with them; the bill, which cannot tell them apart, says
how much went. Does not find what was said once, nor what differs in
every trace, and knows no mark; other manners than the public workings' (a teacher's own style) are suspicious, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from azeotrope.distill import Thief, Wash, published
from azeotrope.models.text.ngrams import WORD, distinct, grams
from azeotrope.models.text.sentences import reworded, sentences
from azeotrope.types import Record, Trace


class Config(Record, frozen=True):
    """How much is suspected, and what goes."""

    top: Annotated[int, Meta(ge=1)] = 100
    """N-grams, the most suspicious ones."""
    fewest: Annotated[int, Meta(ge=1, le=20)] = 3
    """Words of an n-gram."""
    most: Annotated[int, Meta(ge=1, le=20)] = 6
    deletes: Literal["sentence", "span"] = "sentence"
    """The whole sentence, or the suspicious words in it."""

    def __post_init__(self) -> None:
        if self.fewest > self.most:
            raise ValueError(f"fewest is at most most; got {self.fewest} > {self.most}")


def wash(config: Config, thief: Thief) -> Wash:
    """Traces -> the same, without what is suspicious. How much went is on the bill.

    Raises `Misconfigured` without public workings to compare with.
    """

    async def scanned(traces: Sequence[Trace]) -> list[Trace]:
        suspects = _suspects(traces, config, thief) if traces else set[str]()
        touched = 0

        def less(sentence: str) -> str | None:
            nonlocal touched
            if suspects.isdisjoint(grams(sentence, _lengths(config))):
                return sentence
            touched += 1
            return None if config.deletes == "sentence" else without(sentence, suspects, _lengths(config))

        out = [trace.but(reasoning=reworded(trace.reasoning, less)) for trace in traces]
        gone = sum(len(old.reasoning) - len(new.reasoning) for old, new in zip(traces, out, strict=True))
        thief.bill.note(ngrams_sentences=touched, ngrams_characters=gone)
        return out

    return scanned


def _suspects(traces: Sequence[Trace], config: Config, thief: Thief) -> set[str]:
    here = _said([trace.reasoning for trace in traces])
    there = _said([trace.reasoning for trace in published(thief.public)])
    return set(distinct(here, there, _lengths(config), config.top))


def _said(texts: Sequence[str]) -> list[str]:
    """Every sentence."""
    return [one.body for text in texts for one in sentences(text)]


def _lengths(config: Config) -> range:
    return range(config.fewest, config.most + 1)


def without(sentence: str, suspects: set[str], lengths: range) -> str | None:
    """The sentence without the words that a suspect runs over; None where no word is left."""
    words = list(WORD.finditer(sentence))
    covered = {
        at + k
        for n in lengths
        for at in range(len(words) - n + 1)
        if " ".join(word[0].lower() for word in words[at : at + n]) in suspects
        for k in range(n)
    }
    if len(covered) == len(words):
        return None
    left, at = "", 0
    for place in sorted(covered):
        left, at = left + sentence[at : words[place].start()], words[place].end()
    return _BLANKS.sub(" ", left + sentence[at:]).strip(" ,;:")


_BLANKS = re.compile(r"\s{2,}")
