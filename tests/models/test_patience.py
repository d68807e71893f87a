"""Pauses, `Retry-After` and the settings of patience."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.models.patience import Patience, pause, retry_after


@given(st.integers(0, 100), st.none() | st.floats(0, 1e6), st.randoms())
def test_pauses_are_fully_jittered_on_top_of_what_was_asked_for(attempt: int, asked: float | None, rng: Random) -> None:
    patience = Patience(backoff=0.5, backoff_limit=8)
    waited = pause(patience, attempt, asked, rng) - (asked or 0)
    assert -1e-9 <= waited <= min(8, 0.5 * 2**attempt) + 1e-9


def test_pauses_fill_their_window() -> None:
    rng = Random(1)
    waits = [pause(Patience(backoff=1), 2, None, rng) for _ in range(400)]
    assert min(waits) < 0.2 and max(waits) > 3.8 and 1.7 < sum(waits) / 400 < 2.3


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("7", 7.0), ("0", 0.0), ("-3", 0.0), ("1.5", 1.5), ("soon", None), ("", None), ("nan", None),
     ("inf", None),     ("Thu, 01 Jan 1970 00:16:50 GMT", 10.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("٣", None),
     ("Thu, 99 Jan 1970 00:00:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=1000.0) == seconds


@given(st.text())
def test_any_retry_after_is_seconds_or_nothing(value: str) -> None:
    assert (seconds := retry_after(value, now=0.0)) is None or seconds >= 0


@pytest.mark.parametrize(
    "settings", [{"retries": -1}, {"idle": 0}, {"deadline": -1.0}, {"max_bytes": 0}, {"backoff": float("nan")}]
)
def test_a_patience_that_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Patience(**settings)
