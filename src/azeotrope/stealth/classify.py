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


def interval(area: float, ones: int, others: int) -> tuple[float, float]:
    """At 95 %, for an AUC of so many marked and unmarked texts. Hanley and McNeil, Radiology 143 (1982), equation 2.

    At an AUC of 0 or 1 it has no width: nothing was ever out of order.
    """
    assert ones > 0 and others > 0, "both kinds are needed"
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (ones - 1) * (first - area**2) + (others - 1) * (second - area**2)
    reach = 1.96 * math.sqrt(max(0.0, variance) / (ones * others))
    return max(0.0, area - reach), min(1.0, area + reach)


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
