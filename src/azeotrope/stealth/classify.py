"""A thief's classifier of marked texts: n-grams of characters and words, logistic regression. Knows no mark.

Features are hashed, lengths normed to 1. Source: logistic regression with a ridge penalty, fitted by L-BFGS (scipy).
"""

# scipy is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

CELLS = 1 << 16
_WORD = re.compile(r"\w+|[^\w\s]")
_DIGIT = re.compile(r"\d")


def auc(scores: Sequence[float], marked: Sequence[bool]) -> float:
    """P(a marked text scores above an unmarked one), ties counted half: the Mann-Whitney statistic. 0.5 is chance."""
    from scipy.stats import rankdata

    ones = sum(marked)
    assert 0 < ones < len(marked) == len(scores), "both kinds are needed"
    ranks = rankdata(scores)
    above = sum(rank for rank, one in zip(ranks, marked, strict=True) if one) - ones * (ones + 1) / 2
    return float(above / (ones * (len(marked) - ones)))


def interval(scores: Sequence[float], marked: Sequence[bool], clusters: Sequence[str]) -> tuple[float, float]:
    """At 95 %, for the AUC of texts of which those of one cluster are no independent draws (they tell one sentence).

    Obuchowski, Biometrics 53 (1997): the structural components of DeLong's variance, summed cluster by cluster. At an
    AUC of 0 or 1 it has no width: nothing was ever out of order. A kind that is one cluster alone says nothing: (0, 1).
    """
    area = auc(scores, marked)
    ones, others = _placements(scores, marked), _placements([-score for score in scores], [not one for one in marked])
    sums: dict[str, tuple[float, float]] = {}
    for one, placed, cluster in zip(marked, _merged(marked, ones, others), clusters, strict=True):
        own, other = sums.get(cluster, (0.0, 0.0))
        excess = placed - area
        sums[cluster] = (own + excess / len(ones), other) if one else (own, other + excess / len(others))
    kinds = [{cluster for one, cluster in zip(marked, clusters, strict=True) if one is kind} for kind in (True, False)]
    if min(map(len, kinds)) < 2:
        return 0.0, 1.0
    scale = [len(kind) / (len(kind) - 1) for kind in kinds] + [len(sums) / (len(sums) - 1)]
    parts = [(own * own, other * other, 2 * own * other) for own, other in sums.values()]
    variance = sum(by * sum(part) for by, part in zip(scale, zip(*parts, strict=True), strict=True))
    reach = 1.96 * math.sqrt(max(0.0, variance))
    return max(0.0, area - reach), min(1.0, area + reach)


def _placements(scores: Sequence[float], marked: Sequence[bool]) -> list[float]:
    """Of each marked text the share of the unmarked ones that score below it, ties counted half."""
    from scipy.stats import rankdata

    own = [score for score, one in zip(scores, marked, strict=True) if one]
    among = [rank for rank, one in zip(rankdata(scores), marked, strict=True) if one]
    return [float(all_ - mine) / (len(scores) - len(own)) for all_, mine in zip(among, rankdata(own), strict=True)]


def _merged(marked: Sequence[bool], ones: Sequence[float], others: Sequence[float]) -> list[float]:
    """Both kinds' values in the order of the texts."""
    left = {True: iter(ones), False: iter(others)}
    return [next(left[one]) for one in marked]


def fitted(texts: Sequence[str], marked: Sequence[bool], ridge: float = 1e-4) -> Any:
    """Weights [CELLS + 1], the last one the intercept."""
    import numpy as np
    from scipy.optimize import minimize

    rows, signs = features(texts), np.where(np.array(marked), 1.0, -1.0)

    def loss(weights: Any) -> tuple[float, Any]:
        margins = signs * (rows @ weights[:-1] + weights[-1])
        slopes = -signs / (1 + np.exp(np.clip(margins, -500, 500))) / len(signs)
        value = np.logaddexp(0, -margins).mean() + ridge * weights[:-1] @ weights[:-1] / 2
        return float(value), np.append(rows.T @ slopes + ridge * weights[:-1], slopes.sum())

    return minimize(loss, np.zeros(CELLS + 1), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x


def scores(weights: Any, texts: Sequence[str]) -> list[float]:
    """The larger, the more like a marked text."""
    return (features(texts) @ weights[:-1] + weights[-1]).tolist()


def features(texts: Sequence[str]) -> Any:
    """Texts -> sparse rows [N, CELLS] of length 1."""
    import numpy as np
    from scipy.sparse import csr_array

    places: list[int] = []
    ends = [0]
    for text in texts:
        places += sorted({zlib.crc32(gram.encode("utf-8", "replace")) % CELLS for gram in grams(text)})
        ends.append(len(places))
    sizes = np.diff(ends)
    values = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes)
    return csr_array((values, np.array(places, dtype=np.int64), np.array(ends)), shape=(len(texts), CELLS))


def grams(text: str) -> Iterator[str]:
    """Characters by 3 to 5, words by 1 to 3; digits also as mere digits, so that the length of a number shows."""
    for kind, form in (("d", text), ("0", _DIGIT.sub("0", text))):
        yield from (f"{kind}{form[at : at + n]}" for n in (3, 4, 5) for at in range(len(form) - n + 1))
    words = _WORD.findall(_DIGIT.sub("0", text.lower()))
    for n in (1, 2, 3):
        yield from (f"w{' '.join(words[at : at + n])}" for at in range(len(words) - n + 1))
