"""What went wrong with an upstream, in words for whoever can mend it. Knows no retries and reads no network.

No word of a request, a response or a key is quoted. A 4xx's own message is kept apart (`Refused.said`): it may hold
reasoning.
"""

from __future__ import annotations

import re
from typing import Any, cast

import aiohttp
import orjson

from azeotrope.errors import Refused, Unavailable
from azeotrope.types import Fields

OPERATORS = frozenset({401, 402, 403, 407})
"""Statuses about the operator's key or account: no business of whoever asked."""

_NAME = re.compile(r"(?=.{1,64}\Z)[A-Za-z_]\w*(?:[.-]\w+|\[\d{1,4}\])*", re.ASCII)

_SHOWN = 300
"""Characters of an upstream's own words that are handed on."""


class Busy(Exception):
    """A response that time may mend; `retry_after` in seconds, if it named them."""

    def __init__(self, status: int, retry_after: float | None) -> None:
        super().__init__(f"status {status}")
        self.status, self.retry_after = status, retry_after


BROKEN = (Busy, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError)
"""What is tried again while nothing has been handed on. `aiohttp`'s own errors, but for those, mean bad HTTP."""


def gave_up(error: BaseException, attempts: int) -> Unavailable:
    """The last attempt's fault, when there is no further one."""
    times = "" if attempts == 1 else f" ({attempts} attempts)"
    if isinstance(error, Busy):
        kind = "overloaded" if error.status == 429 else "failing"
        message = f"the upstream is {kind}: status {error.status}{times}"
        return Unavailable(message, status=error.status, retry_after=error.retry_after)
    return Unavailable(f"{_happened(error)}{times}")


def _happened(error: BaseException) -> str:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "the upstream took no connection in time"
    if isinstance(error, aiohttp.SocketTimeoutError):
        return "the upstream fell silent for too long"
    if isinstance(error, TimeoutError):
        return "the upstream did not answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "the upstream cannot be reached: is it running, and is base_url right?"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the upstream's response is cut short or damaged"
    if isinstance(error, aiohttp.ClientConnectionError):
        return "the upstream closed the connection before its response was complete"
    return "the upstream does not speak proper HTTP"


def broke_off(error: BaseException) -> Unavailable:
    """A fault after some of the response has been handed on: too late for another attempt."""
    return Unavailable(f"{_happened(error)}; part of the response had come")


def too_large(limit: int) -> Unavailable:
    return Unavailable(f"the upstream's response is larger than {limit} bytes: raise max_bytes, or ask for less")


def refused(status: int, body: bytes, key: str | None) -> Refused | Unavailable:
    """A 3xx or 4xx that no retry mends."""
    if status in OPERATORS:
        return Unavailable(
            f"the upstream refused the operator's credentials or account (status {status}): check its key",
            status=status,
        )
    if status < 400:
        return Unavailable(f"the upstream answered with status {status}: give the base_url it points to", status=status)
    error = _error_of(body)
    code, param = _name(error.get("code"), key), _name(error.get("param"), key)
    why = ", ".join([str(status), *([code] if code else []), *([f"param {param}"] if param else [])])
    fault = Refused(f"the upstream refused this request ({why})", status=status, code=code, param=param)
    fault.said = _shown(error.get("message"), key)
    return fault


def _name(text: Any, key: str | None) -> str | None:
    """What can only be a name, as in messages[0].content; nothing with the key in it, and no sentence."""
    if not isinstance(text, str) or (key and key in text) or not _NAME.fullmatch(text):
        return None
    return text


def _error_of(body: bytes) -> Fields:
    """OpenAI's error object, or what other servers write in its place."""
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(value, dict):
        return {}
    fields = cast(Fields, value)
    error = fields.get("error", fields)
    if isinstance(error, dict):
        return cast(Fields, error)
    return {"message": error}


def _shown(text: Any, key: str | None) -> str:
    """Printable, without the key, cut short; empty where it is no text."""
    if not isinstance(text, str):
        return ""
    clean = "".join(c if c.isprintable() else " " for c in (text.replace(key, "[key]") if key else text))
    return clean if len(clean) <= _SHOWN else clean[: _SHOWN - 3] + "..."
