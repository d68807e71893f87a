"""Every failure in OpenAI's shape: status, error object, headers. Knows no request; quotes no content.

What an upstream says about itself is for the operator: its refusals of our key, its 5xx and its words when overloaded
become our own words here. Its reasons for refusing a request are quoted only where nothing is protected.
"""

from __future__ import annotations

import math

from msgspec import Struct

from azeotrope.errors import Refused, Unavailable
from azeotrope.gateway.wire import chat

Headers = tuple[tuple[bytes, bytes], ...]


class Failure(Struct, frozen=True):
    """How one failure is told to the client and named in the records."""

    status: int
    body: bytes
    outcome: str
    """For log and metrics."""
    headers: Headers = ()


class Rejected(Exception):
    """The gateway itself turns the request down: a limit, a missing key, a drain."""

    def __init__(self, status: int, message: str, code: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.retry_after = status, message, code, retry_after


KINDS = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "invalid_request_error",
    405: "invalid_request_error", 408: "timeout_error", 413: "invalid_request_error", 422: "invalid_request_error",
    429: "rate_limit_error", 431: "invalid_request_error",
}  # fmt: skip
_OURS = frozenset({401, 402, 403, 407})
"""An upstream's statuses that are about the gateway's account, not the client's request."""


def of(error: BaseException, *, quote: bool = False) -> Failure:
    """The failure that this exception is to a client. `quote`: an upstream's refusal in its own words."""
    match error:
        case Rejected():
            after: Headers = ((b"retry-after", b"%d" % error.retry_after),) if error.retry_after is not None else ()
            return _failure(error.status, error.message, error.code, headers=after)
        case Refused():
            return _refused(error, error.said if quote else "")
        case Unavailable():
            return _unavailable(error)
        case TimeoutError():
            return _failure(504, "the response took too long", "request_timed_out")
        case _:
            return _failure(500, "the gateway failed to serve this request", "internal_error")


def _refused(error: Refused, said: str) -> Failure:
    status = error.status if 400 <= error.status < 500 else 400
    message = f"{error}: {said}" if said else str(error)
    return _failure(status, message, error.code or "invalid_request", param=error.param, outcome="refused")


def _unavailable(error: Unavailable) -> Failure:
    after: Headers = ()
    if error.retry_after is not None and math.isfinite(error.retry_after):
        after = ((b"retry-after", b"%d" % min(3600, max(1, math.ceil(error.retry_after)))),)
    if error.status == 429:
        return _failure(429, "the upstream is overloaded; try again later", "upstream_overloaded", headers=after)
    if error.status == 503:
        return _failure(503, "the upstream is unavailable; try again later", "upstream_unavailable", headers=after)
    if error.status in _OURS:
        return _failure(502, "the upstream does not accept the gateway", "upstream_refused_gateway")
    if timed_out(error):
        return _failure(504, "the upstream took too long", "upstream_timed_out")
    return _failure(502, "the upstream failed or answered nonsense", "upstream_failed", headers=after)


def timed_out(error: BaseException) -> bool:
    """Did waiting too long cause this?"""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, TimeoutError):
            return True
        seen = seen.__cause__ or seen.__context__
    return isinstance(error, Unavailable) and error.status in (408, 504)


def _failure(
    status: int, message: str, code: str, *, param: str | None = None, outcome: str = "", headers: Headers = ()
) -> Failure:
    body = chat.failure(message, KINDS.get(status, "server_error"), code, param)
    return Failure(status, body, outcome or code, headers)
