"""Log-probabilities made coarse before they leave: renormalised over what is shown, then rounded. Pure.

For upstreams that cannot be changed. It removes what a thief would read off the digits and the tail; it does not hide
which token is likeliest, nor what the same question tells when it is asked often.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

from azeotrope.types import Fields


def coarse(records: Sequence[Fields], step: float) -> list[Fields]:
    """Token records, every log-probability a multiple of `step` nats (above 0); alternatives add up to 1 before that.

    A drawn token that is not among its alternatives is at most as likely as the least of them.
    """
    return [_coarse(record, step) for record in records]


def _coarse(record: Fields, step: float) -> Fields:
    shown = cast(list[Fields], record.get("top_logprobs") or [])
    mass = _log_sum([one["logprob"] for one in shown])
    there = [{**one, "logprob": _rounded(one["logprob"] - mass, step)} for one in shown]
    own = _rounded(record["logprob"], step)
    if there:
        same = [one["logprob"] for one in there if (one["token"], one.get("bytes")) == _name(record)]
        own = same[0] if same else min(own, *(one["logprob"] for one in there))
    return {**record, "logprob": own, "top_logprobs": there}


def _name(record: Fields) -> tuple[Any, Any]:
    return record["token"], record.get("bytes")


def _rounded(value: float, step: float) -> float:
    """To the nearest multiple; never above 0, and free of the noise of binary fractions."""
    return min(0.0, round(round(value / step) * step, 6)) if math.isfinite(value) else value


def _log_sum(values: Sequence[float]) -> float:
    most = max(values, default=0.0)
    if not math.isfinite(most):
        return 0.0
    return most + math.log(sum(math.exp(value - most) for value in values)) if values else 0.0
