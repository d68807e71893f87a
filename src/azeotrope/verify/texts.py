"""A suspect's text scored by customers' keys of a token bias: an exact p-value each, one level for all.

What the p-values rest on. The hash that colours tokens is taken for a random function: then the distinct pairs of
context and token in a text that was made without the key are coloured independently, whatever it says, and their green
ones follow the binomial law exactly; repeated pairs count once. Made without the key means: by a suspect that never met
text of that key, from prompts that hold none, for whoever quotes or continues green text repeats it. So prompts are not
scored, and are ordinary questions. The level is that of one run: who asks anew, or with another gamma or context, until
a p-value is small has as many levels; commitments bind keys, not these settings. Keys share the text, which Holm's
procedure bears. A suspect that passes our own model's answers on is as green as one that learned from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from azeotrope.codec import digest
from azeotrope.errors import Unavailable
from azeotrope.keys import Key, commitment
from azeotrope.math.stats.families import holm
from azeotrope.math.stats.tails import log_binomial_tail
from azeotrope.protocols import Model
from azeotrope.types import Greenness, Record, Request
from azeotrope.verify.asking import Asking
from azeotrope.verify.counting import Counted
from azeotrope.verify.ordinary import ordinary
from azeotrope.verify.probes import Question
from azeotrope.verify.records import MET, NOTHING, REFUSED, Settings, Tree
from azeotrope.verify.telling import power_of_ten, time_sentence
from azeotrope.watermarks import greenlist

_HEAT = 0.7


class Scored(Record, frozen=True):
    """One key."""

    customer: str
    epoch: int
    mark: str
    verdict: str
    found: Greenness
    committed: bool | None = None
    """Whether its commitment stands under the signed head; None where there is no log."""


class TextEvidence(Record, frozen=True):
    """The whole of it. Who holds texts, tokenizer and a key computes the same."""

    verdict: str
    claim: str
    time: str
    """What may be believed about when the keys were committed."""
    suspect: str
    texts: int
    texts_digest: str
    """SHA-256 of the texts as canonical JSON."""
    failed: int
    """Questions that the suspect did not answer."""
    scored: int
    """Distinct (context, token) pairs, the same for every key."""
    needed: int | None
    """So many green ones are proof of a key; None where not even all of them were."""
    gamma: float
    context: int
    tokenizer: str
    """SHA-256 of what it is made of."""
    alpha: float
    keys: int
    """K: every committed key."""
    keys_from: str
    law: str
    """Digest of the law that the commitments bind to."""
    marks: tuple[Scored, ...]
    """The smallest p-value first."""
    tree: Tree | None = None
    version: str = ""
    kind: str = "azeotrope-text-evidence-1"


class Reading(NamedTuple):
    """How texts are read, and what the level rests on."""

    config: greenlist.Config
    encode: Callable[[Sequence[str]], Sequence[Sequence[int]]]
    """Texts -> the teacher's token ids."""
    tokenizer: str
    counted: Counted
    law: str
    alpha: float
    version: str = ""


def questions(count: int, seed: int) -> list[str]:
    """Ordinary ones."""
    rng = Random(seed)  # noqa: S311 - questions, not secrets
    return [ordinary(rng) for _ in range(count)]


async def written(model: Model, asked: Sequence[str], settings: Settings) -> list[str | None]:
    """What the suspect says to each, some at a time; None where it failed. Raises `Unavailable` if it never answers."""
    asking, out, why = Asking(model, settings), list[str | None](), ""
    how = {"temperature": _HEAT, "max_tokens": settings.tokens}
    for start in range(0, len(asked), settings.at_once):
        wave = [Request(({"role": "user", "content": text},), how) for text in asked[start : start + settings.at_once]]
        for reply in await asking.ask([Question(None, None, _HEAT, request) for request in wave]):
            out.append(reply.answer)
            why = reply.why or why
        if asking.gone:
            break
    if not any(out):
        raise Unavailable(f"the suspect says nothing to ordinary questions ({why or 'empty answers'})")
    return out + [None] * (len(asked) - len(out))


def judged(suspect: str, said: Sequence[str | None], keys: Sequence[Key], reading: Reading) -> TextEvidence:
    """Every key on the same text. Whose key is not committed, where a log says which are, is scored and not accused."""
    count, source, tree, under = reading.counted
    texts = [text for text in said if text]
    pairs = greenlist.Pairs(reading.encode(texts), reading.config.context)
    rows = [_scored(key, pairs, reading, under) for key in keys]
    allowed = [at for at, one in enumerate(rows) if one.committed is not False]
    proved = {allowed[at] for at in holm([rows[at].found.log_p for at in allowed], reading.alpha, count)}
    needed = _needed(len(pairs), reading.config.gamma, math.log(reading.alpha / count))
    marks = sorted(
        (_decided(one, at in proved, needed) for at, one in enumerate(rows)), key=lambda one: one.found.log_p
    )
    return TextEvidence(
        _overall(marks), _claim(marks, len(texts), needed, reading), time_sentence(tree), suspect, len(texts),
        digest(texts), len(said) - len(texts), len(pairs), needed, reading.config.gamma, reading.config.context,
        reading.tokenizer, reading.alpha, count, source, reading.law, tuple(marks), tree, reading.version,
    )  # fmt: skip


def _scored(key: Key, pairs: greenlist.Pairs, reading: Reading, under: frozenset[str] | None) -> Scored:
    committed = None if under is None else commitment(key, reading.law).hex() in under
    found = greenlist.scored(pairs, key, reading.config)
    return Scored(key.customer, key.epoch, key.mark, "", found, committed)


def _decided(one: Scored, proved: bool, needed: int | None) -> Scored:
    verdict = f"{MET} {one.customer}'s mark" if proved else NOTHING
    if one.committed is False or (needed is None and not proved):
        verdict = REFUSED
    return Scored(one.customer, one.epoch, one.mark, verdict, one.found, one.committed)


def _needed(pairs: int, gamma: float, log_level: float) -> int | None:
    """The fewest green ones whose tail reaches the level."""
    low, high = 0, pairs + 1
    while low < high:
        middle = (low + high) // 2
        if log_binomial_tail(middle, pairs, gamma) <= log_level:
            high = middle
        else:
            low = middle + 1
    return low if low <= pairs else None


def _overall(marks: Sequence[Scored]) -> str:
    verdicts = [one.verdict for one in marks]
    met = dict.fromkeys(one for one in verdicts if one.startswith(MET))
    return "; ".join(met) or (NOTHING if NOTHING in verdicts else REFUSED)


def _claim(marks: Sequence[Scored], texts: int, needed: int | None, reading: Reading) -> str:
    which = "committed keys" if reading.counted.tree else "keys, which no log counts,"
    level = (
        f"over {reading.counted.keys:,} {which} any false accusation has a probability of at most {reading.alpha:g} in "
        "one run"
    )
    first = next((one for one in marks if one.verdict.startswith(MET)), None)
    if first:
        found = first.found
        return (
            f"Of {found.scored:,} distinct pairs of tokens in {texts:,} texts {100 * found.share:.1f} % are green by "
            f"{first.customer}'s key, {100 * reading.config.gamma:.1f} % by chance; a text made without the key has as "
            f"many with probability {power_of_ten(found.log_p)}; {level}."
        )
    if needed is None or not marks:
        return f"Nothing was judged: {texts:,} texts are too few to prove anything at this level."
    scored = marks[0].found.scored
    return (
        f"None of {len(marks):,} keys was met in {texts:,} texts; {100 * needed / scored:.1f} % green of {scored:,} "
        f"distinct pairs would have been proof, {100 * reading.config.gamma:.1f} % are so by chance; {level}."
    )
