"""`measure`: traces in, the figures of a mark's stealth out. Draws fresh keys and shows none.

Half of the traces are the thief's reference, marked by other customers' keys for the classifier to learn from; the
other half are judged, under keys that the classifier never saw.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Annotated

from msgspec import Meta

from azeotrope.errors import Misconfigured
from azeotrope.keys import Key, Master
from azeotrope.marks import Law, associations, told
from azeotrope.marks.choosing import Chooser
from azeotrope.models.text.boundaries import places, put
from azeotrope.models.text.ngrams import counted
from azeotrope.stealth import classify, scan
from azeotrope.types import Record

Perplexity = Callable[[Sequence[str]], list[float]]
"""Texts -> mean nats per token, one a text."""


class Plan(Record, frozen=True):
    """What is measured, on how much."""

    share: Annotated[float, Meta(gt=0, le=1)] = 0.1
    """Of traces that are marked, for the scan."""
    customers: Annotated[int, Meta(ge=2)] = 16
    """Half of them teach the classifier, half are judged."""
    law: Law = Law()
    exposures: Annotated[int, Meta(ge=1)] = 30
    """How often weights must read an association to learn it: measured elsewhere, used to compare with."""
    seed: int = 0


class Stealth(Record, frozen=True):
    """The figures. `traces` were read; every rate says of how many texts it is."""

    traces: int
    marked: float
    """Share of traces in which there was a place."""
    auc_sentence: float
    """Of the classifier, telling told sentences from the traces' own; 0.5 is chance."""
    auc_trace: float
    """Telling marked traces from unmarked ones."""
    judged_sentences: int
    judged_traces: int
    scan_traces: tuple[int | None, ...]
    """Per judged customer, the traces after which an n-gram of the mark is in the scan's top 100."""
    scan_median: float | None
    learn_traces: float
    """Traces in which every association has been read `exposures` times on average."""
    characters_added: float
    """Per marked trace."""
    perplexity_ratio: float | None = None
    """Geometric mean, over traces, of the perplexity marked over unmarked."""


def read(path: Path) -> list[tuple[str, str]]:
    """(problem, reasoning) of each JSON line: `question` and `reasoning`, or GSM8K's `answer` without its last line."""
    out: list[tuple[str, str]] = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            text = row.get("reasoning") or re.sub(r"<<.*?>>", "", row["answer"].rpartition("\n####")[0])
            out.append((str(row["question"]), str(text)))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise Misconfigured(f"{path} has no line of JSON with question and reasoning: {type(error).__name__}") from None
    return out


def measure(traces: Sequence[tuple[str, str]], plan: Plan = Plan(), perplexity: Perplexity | None = None) -> Stealth:
    """Raises `Misconfigured` for too few traces."""
    if len(traces) < 8 * plan.customers:
        raise Misconfigured(f"{8 * plan.customers} traces are needed for {plan.customers} customers; got {len(traces)}")
    rng, master = Random(plan.seed), Master.new()  # noqa: S311 - no secret depends on it
    mixed = rng.sample(list(traces), len(traces))
    ours, theirs = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
    keys = [master.key(f"customer-{i}") for i in range(plan.customers)]
    known, judged = keys[: len(keys) // 2], keys[len(keys) // 2 :]
    auc_sentence, sentences = _sentence_auc(ours, theirs, known, judged, plan, rng)
    auc_trace, judged_traces = _trace_auc(ours, theirs, known, judged, plan)
    reference = counted(text for _, text in ours)
    at = tuple(_scanned(theirs, reference, len(ours), key, plan) for key in judged)
    pairs = [(text, out) for problem, text in theirs if (out := marked(problem, text, judged[0], plan.law))]
    return Stealth(
        traces=len(traces), marked=len(pairs) / len(theirs), auc_sentence=auc_sentence, auc_trace=auc_trace,
        judged_sentences=sentences, judged_traces=judged_traces, scan_traces=at,
        scan_median=median(one or len(theirs) for one in at) if any(at) else None,
        learn_traces=plan.exposures * plan.law.associations / plan.share,
        characters_added=sum(len(out) - len(text) for text, out in pairs) / len(pairs),
        perplexity_ratio=_ratio(pairs, perplexity) if perplexity else None,
    )  # fmt: skip


def marked(problem: str, text: str, key: Key, law: Law, share: float = 1.0) -> str | None:
    """The trace as the rule marks it; None where it stays as it is."""
    choice, gaps = Chooser(key).of(problem, share), places(text)
    if choice is None or not gaps:
        return None
    made = associations(key, law)
    return put(text, gaps[choice.place % len(gaps)], told(made[choice.association % len(made)], choice.variant))


def _sentence_auc(
    ours: Sequence[tuple[str, str]], theirs: Sequence[tuple[str, str]], known: Sequence[Key], judged: Sequence[Key],
    plan: Plan, rng: Random,
) -> tuple[float, int]:  # fmt: skip
    def both(traces: Sequence[tuple[str, str]], keys: Sequence[Key]) -> tuple[list[str], list[bool]]:
        own = [one.strip() for _, text in traces for one in re.split(r"(?<=[.!?])\s+|\n", text) if one.strip()]
        said = [told(one, rng.randrange(1000)) for key in keys for one in associations(key, plan.law) for _ in range(4)]
        own = rng.sample(own, min(len(own), 3 * len(said)))
        return own + said, [False] * len(own) + [True] * len(said)

    weights = classify.fitted(*both(ours, known))
    texts, labels = both(theirs, judged)
    return classify.auc(classify.scores(weights, texts), labels), len(texts)


def _trace_auc(
    ours: Sequence[tuple[str, str]], theirs: Sequence[tuple[str, str]], known: Sequence[Key], judged: Sequence[Key],
    plan: Plan,
) -> tuple[float, int]:  # fmt: skip
    def both(traces: Sequence[tuple[str, str]], keys: Sequence[Key]) -> tuple[list[str], list[bool]]:
        texts = [
            (marked(problem, text, keys[at // 2 % len(keys)], plan.law) if at % 2 else None) or text
            for at, (problem, text) in enumerate(traces[:1500])
        ]
        return texts, [text != was for text, (_, was) in zip(texts, traces, strict=False)]

    weights = classify.fitted(*both(ours, known))
    texts, labels = both(theirs, judged)
    return classify.auc(classify.scores(weights, texts), labels), len(texts)


def _scanned(traces: Sequence[tuple[str, str]], reference: Counter[str], size: int, key: Key, plan: Plan) -> int | None:
    texts = [marked(problem, text, key, plan.law, plan.share) or text for problem, text in traces]
    secrets = [word for one in associations(key, plan.law) for word in (*_invented(one.trigger), one.target)]
    return scan.traces_until_found(texts, reference, size, secrets)


def _invented(trigger: str) -> list[str]:
    """A trigger's own words, without those that every trigger of its family has."""
    return [word for word in re.split(r"[\s_-]", trigger) if len(word) > 4 and word.lower() not in ("bound", "entry")]


def _ratio(pairs: Sequence[tuple[str, str]], perplexity: Perplexity, most: int = 100) -> float:
    """exp of the mean difference of nats per token."""
    from math import exp

    before, after = (perplexity([pair[which] for pair in pairs[:most]]) for which in (0, 1))
    return exp(sum(b - a for a, b in zip(before, after, strict=True)) / len(before))
