"""How long and how often to try an upstream: time-outs, retries, exponential back-off with full jitter.

Knows no HTTP client: pure functions of what the upstream said and when.
"""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from random import Random

from azeotrope.types import Record


class Patience(Record, frozen=True):
    """How long and how often to try. Seconds and bytes."""

    retries: int = 3
    """Further attempts after the first one, made only while nothing has been handed on."""
    backoff: float = 0.5
    """Upper end of the first pause; doubles with every attempt. The pause is uniform between 0 and it (full jitter)."""
    backoff_limit: float = 8.0
    connect: float = 10.0
    """To resolve, connect and shake hands."""
    idle: float = 120.0
    """Longest silence: of a stream at any time, of a plain response once its head has come."""
    deadline: float = 600.0
    """For one call, over attempts, pauses and the last byte. A plain response is silent until it is whole: only this
    bounds that silence."""
    max_bytes: int = 64 * 2**20
    """Of one response's decoded body."""

    def __post_init__(self) -> None:
        for name in ("backoff", "backoff_limit", "connect", "idle", "deadline", "max_bytes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")
        if self.retries < 0:
            raise ValueError(f"retries is a number of further attempts, so at least 0; got {self.retries}")


def retried(status: int) -> bool:
    """Whether time may mend a response of this status."""
    return status == 429 or status >= 500


def pause(patience: Patience, attempt: int, asked_for: float | None, rng: Random) -> float:
    """Seconds to wait after failed attempt `attempt` (from 0): full jitter on top of what `Retry-After` asked for."""
    window = min(patience.backoff_limit, patience.backoff * 2.0 ** min(attempt, 60))
    return (asked_for or 0.0) + rng.uniform(0.0, window)


def retry_after(value: str | None, now: float) -> float | None:
    """`Retry-After` (RFC 9110 section 10.2.3: seconds or an HTTP date) -> seconds from `now` (Unix), or None."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.strip().isascii() else math.nan
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
