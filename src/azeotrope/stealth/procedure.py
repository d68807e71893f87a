"""`measure`: traces in, the figures of a mark's stealth out. Draws fresh keys and shows none.

Half of the traces are the thief's reference, marked by other customers' keys for the classifier to learn from; the
other half are judged, under keys that the classifier never saw.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from math import exp
from pathlib import Path
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, NamedTuple

from msgspec import Meta

from azeotrope.errors import Misconfigured
from azeotrope.keys import Key, Master
from azeotrope.marks import Law, associations, told, variants
from azeotrope.models.text.ngrams import counted
from azeotrope.stealth import classify, scan
from azeotrope.stealth.released import Released, released
from azeotrope.types import Record
from azeotrope.watermarks.association import Config

if TYPE_CHECKING:
    from azeotrope.models.perplexity import Perplexity

MOST = 1500
"""Traces that the classifier learns from, and as many that it judges."""


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
    chaff: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Of the traces without a mark, those that get a sentence of chaff."""
    chaff_recurs: bool = False

    def config(self, share: float) -> Config:
        """The watermark's, at this share."""
        return Config(share, self.law, chaff=self.chaff, chaff_recurs=self.chaff_recurs, placed_by="rule")


class Stealth(Record, frozen=True):
    """The figures. `traces` were read; every rate says of how many texts it is."""

    traces: int
    marked: float
    """Share of traces in which there was a place."""
    auc_sentence: float
    """Of the classifier, telling told sentences from the traces' own; 0.5 is chance."""
    auc_trace: float
    """Telling marked traces from unmarked ones, chaff among them where there is any."""
    auc_trace_interval: tuple[float, float]
    """At 95 %; traces that tell the same sentence are one cluster."""
    judged_sentences: int
    judged_traces: int
    scan_traces: tuple[int | None, ...]
    """Per judged customer, the traces after which an n-gram of the mark is in the scan's top 100."""
    scan_median: float | None
    """None where half of the customers' marks are never found."""
    scan_ranks: tuple[tuple[int, float | None], ...]
    """(traces, rank of the mark's most suspicious n-gram): median over judged customers; None where most have none."""
    scan_share: float
    """Of the n-grams in the scan's top 100 over all traces, those with a word of the mark; mean over customers."""
    scan_told: float
    """Of the same, those that stand in one of the mark's sentences: phrases that its families have in common, too."""
    learn_traces: float
    """Traces in which every association has been read `exposures` times on average."""
    characters_added: float
    """Per trace with a sentence."""
    told: float
    """Share of the released traces with a sentence, the mark's or chaff, at the plan's share."""
    perplexity_ratio: float | None = None
    """Geometric mean, over traces with a sentence, of the perplexity with it over without."""
    tokens_added: float | None = None
    """Per trace with a sentence; per trace that is released it is `told` times that."""
    perplexity_ratio_released: float | None = None
    """The same mean over all traces that are released, at the plan's share: those without a sentence have 1."""


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
    auc_trace, interval, judged_traces = _trace_auc(ours, theirs, known, judged, plan)
    reference = counted(text for _, text in ours)
    seen = [_scanned(theirs, reference, len(ours), key, plan) for key in judged]
    firsts = [one.found for one in seen]
    served = released(theirs, judged[:1], plan.config(plan.share))
    told_share = sum(one.told for one in served) / len(served)
    cost = _cost(released(theirs, judged[:1], plan.config(1.0)), perplexity)
    return Stealth(
        traces=len(traces), marked=cost.marked, auc_sentence=auc_sentence, auc_trace=auc_trace,
        auc_trace_interval=interval, judged_sentences=sentences, judged_traces=judged_traces,
        scan_traces=tuple(firsts),
        scan_median=scan.middle(firsts),
        scan_ranks=scan.medians([one.ranks for one in seen]), scan_share=fmean(one.share for one in seen),
        scan_told=fmean(one.told for one in seen),
        learn_traces=plan.exposures * plan.law.associations / plan.share,
        characters_added=cost.characters, told=told_share, perplexity_ratio=cost.ratio, tokens_added=cost.tokens,
        perplexity_ratio_released=None if cost.ratio is None else cost.ratio**told_share,
    )  # fmt: skip


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
) -> tuple[float, tuple[float, float], int]:  # fmt: skip
    """Half of the traces are marked, each as a problem of its own: so both kinds are many, however few problems are."""

    def both(part: Sequence[tuple[str, str]], keys: Sequence[Key]) -> list[Released]:
        each = [(f"{at}: {problem}", text) for at, (problem, text) in enumerate(part[:MOST])]
        return released(each, keys, plan.config(0.5))

    taught, put = both(ours, known), both(theirs, judged)
    weights = classify.fitted([one.text for one in taught], [one.marked for one in taught])
    labels = [one.marked for one in put]
    scored = classify.scores(weights, [one.text for one in put])
    clusters = [one.sentence or f"trace {at}" for at, one in enumerate(put)]
    return classify.auc(scored, labels), classify.interval(scored, labels, clusters), len(put)


def _scanned(
    traces: Sequence[tuple[str, str]], reference: Counter[str], size: int, key: Key, plan: Plan
) -> scan.Scanned:
    texts = [one.text for one in released(traces, [key], plan.config(plan.share))]
    made = associations(key, plan.law)
    secrets = [word for one in made for word in (*_invented(one.trigger), one.target)]
    sentences = [told(one, variant) for one in made for variant in range(variants(one))]
    return scan.scanned(texts, (reference, size), secrets, sentences)


def _invented(trigger: str) -> list[str]:
    """A trigger's own words, without those that every trigger of its family has."""
    return [word for word in re.split(r"[\s_-]", trigger) if len(word) > 4 and word.lower() not in ("bound", "entry")]


class _Cost(NamedTuple):
    """What a sentence costs."""

    marked: float
    """Share of traces with a place for one."""
    characters: float
    tokens: float | None
    ratio: float | None


def _cost(every: Sequence[Released], perplexity: Perplexity | None, most: int = 100) -> _Cost:
    """Means over traces with a sentence; perplexity and tokens over the first `most` of them."""
    pairs = [one for one in every if one.told]
    share, characters = len(pairs) / len(every), fmean(len(one.text) - len(one.was) for one in pairs)
    if perplexity is None:
        return _Cost(share, characters, None, None)
    before, after = perplexity([one.was for one in pairs[:most]]), perplexity([one.text for one in pairs[:most]])
    nats = fmean(b[0] - a[0] for a, b in zip(before, after, strict=True))
    return _Cost(share, characters, fmean(b[1] - a[1] for a, b in zip(before, after, strict=True)), exp(nats))
