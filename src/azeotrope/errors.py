"""The three ways things go wrong, by who can mend them. Messages name what is wrong and the cure, never content."""

from __future__ import annotations


class AzeotropeError(Exception):
    """Everything this package raises on purpose."""


class Misconfigured(AzeotropeError):
    """The user can mend it: a setting, an argument, a file."""


class Unavailable(AzeotropeError):
    """Time may mend it: a model or a store is down, slow, overloaded or answered nonsense. Retries are spent.

    `status` is the upstream's HTTP status, if it gave one; `retry_after` its wish in seconds.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


class Refused(AzeotropeError):
    """The request will not be served as it was sent: our policy or the upstream (a 4xx) says so.

    `status`, `code` and `param` follow OpenAI's error object. `said` is what the upstream said: it may quote reasoning,
    so it is no part of the message, of a log, or of any response but one that nothing protects.
    """

    said = ""

    def __init__(self, message: str, *, status: int = 400, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param
