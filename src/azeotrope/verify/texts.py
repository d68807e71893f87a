"""A suspect's text scored by customers' keys of a token bias: an exact p-value each, one level for all.

What the p-values rest on. The hash that colours tokens is taken for a random function: then the distinct pairs of
context and token in a text that was made without the key are coloured independently, whatever it says, and their green
ones follow the binomial law exactly; repeated pairs count once. Made without the key means: by a suspect that never met
text of that key, from prompts that hold none, for whoever quotes or continues green text repeats it. So prompts are not
scored, and are ordinary questions. The level is that of one run: who asks anew, or with another gamma or context, until
a p-value is small has as many levels; a law that names them (`Tokens`) binds them as it binds the keys. Keys share the
text, which Holm's procedure bears. A suspect that passes our own model's answers on is as green as one that learned
from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from azeotrope.codec import digest
from azeotrope.errors import Unavailable
from azeotrope.keys import Key, commitment
from azeotrope.marks import Law
from azeotrope.protocols import Model
from azeotrope.types import Request
from azeotrope.verify.asking import Asking
from azeotrope.verify.counting import Counted
from azeotrope.verify.ordinary import ordinary
from azeotrope.verify.probes import Question
from azeotrope.verify.records import Settings
from azeotrope.verify.text_records import Scored, TextEvidence
from azeotrope.verify.text_sealing import decided
from azeotrope.watermarks import greenlist

_HEAT = 0.7


class Reading(NamedTuple):
    """How texts are read, and what the level rests on."""

    config: greenlist.Config
    encode: Callable[[Sequence[str]], Sequence[Sequence[int]]]
    """Texts -> the teacher's token ids."""
    tokenizer: str
    counted: Counted
    law: Law
    alpha: float
    started: str
    """When K had been counted and nothing was asked yet: ISO 8601, UTC."""
    version: str = ""


def now() -> str:
    """As evidence says it: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


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
    """Every key on the same text."""
    count, source, tree, under = reading.counted
    texts = [text for text in said if text]
    pairs = greenlist.Pairs(reading.encode(texts), reading.config.context)
    rows = tuple(_scored(key, pairs, reading, under) for key in keys)
    config = reading.config
    read = TextEvidence(
        suspect, reading.started, len(texts), digest(texts), len(said) - len(texts), len(pairs), config.gamma,
        config.context, reading.tokenizer, reading.alpha, count, source, reading.law, rows, tree, reading.version,
    )  # fmt: skip
    return decided(read)


def _scored(key: Key, pairs: greenlist.Pairs, reading: Reading, under: frozenset[str] | None) -> Scored:
    committed = None if under is None else commitment(key, reading.law.digest).hex() in under
    return Scored(key.customer, key.epoch, key.mark, greenlist.scored(pairs, key, reading.config), committed)
