"""What each defense takes to serve and how it reads: measured traces -> figures. Asks nothing and reads no text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from azeotrope.math.stats.verdicts import Array
from azeotrope.report.measured import Measures
from azeotrope.report.records import Figure, Price
from azeotrope.report.results import Results
from azeotrope.types import Appraisal


def prices(results: Results, task: str, order: Sequence[str], measures: Measures) -> tuple[Price, ...]:
    """One for each defense that was measured on the task; those of `order` first, in it."""
    found = [one for one in results.appraisals if one.task == task]
    places = {name: at for at, name in enumerate(order)}
    return tuple(_price(one, measures) for one in sorted(found, key=lambda one: places.get(one.defense, len(order))))


def _price(one: Appraisal, measures: Measures) -> Price:
    took, bare = one.milliseconds, one.bare_milliseconds
    drawn, bare_drawn = _counts(one.tokens), _counts(one.bare_tokens)
    reads = [ease * figures for ease, figures in zip(one.ease, one.figures, strict=True)]
    return Price(
        defense=one.defense,
        trace=measures.over_traces([took], _median),
        trace_ratio=measures.over_traces([took, bare], _medians),
        token=measures.over_traces([took, drawn], _each),
        token_ratio=measures.over_traces([took, drawn, bare, bare_drawn], _eaches),
        clock=one.clock,
        readability=_mean(reads, measures),
        ease=_mean(one.ease, measures),
        figures=_mean(one.figures, measures),
        perplexity=_perplexity(one, measures),
        judge=one.judge,
        unread=one.unread or ("" if one.nats else "nothing left that could be read"),
    )


def _mean(values: Sequence[float], measures: Measures) -> Figure | None:
    return measures.over_traces([values], _average) if values else None


def _perplexity(one: Appraisal, measures: Measures) -> Figure | None:
    """A text's first token is given to its judge: it counts for one less than it has."""
    if not one.nats:
        return None
    means, sizes = [mean for mean, _ in one.nats], [float(size - 1) for _, size in one.nats]
    return measures.over_traces([means, sizes], _exp_of_mean)


def _counts(tokens: Sequence[int]) -> list[float]:
    """A response without a token took its time all the same."""
    return [float(max(1, count)) for count in tokens]


def _average(values: Array) -> Array:
    return np.mean(values, axis=-1)


def _median(took: Array) -> Array:
    return np.median(took, axis=-1)


def _medians(took: Array, bare: Array) -> Array:
    return _median(took) / _median(bare)


def _each(took: Array, tokens: Array) -> Array:
    """Milliseconds per token, all over all."""
    return np.sum(took, axis=-1) / np.sum(tokens, axis=-1)


def _eaches(took: Array, tokens: Array, bare: Array, bare_tokens: Array) -> Array:
    return _each(took, tokens) / _each(bare, bare_tokens)


def _exp_of_mean(means: Array, sizes: Array) -> Array:
    return np.exp(np.sum(means * sizes, axis=-1) / np.sum(sizes, axis=-1))
