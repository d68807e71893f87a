"""The verbs: what a model, a defense and a rewrite are. This page is the whole of it; no base classes anywhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from azeotrope.types import Event, Request, Trace


class Model(Protocol):
    """Answers. One method: it yields a response's events as they come (`streams.ask` collects them).

    Raises `Unavailable` when retries are spent, `Refused` when the request is at fault. The generator is closed by
    whoever opened it (`contextlib.aclosing`), and closing it stops the work upstream.
    """

    @property
    def name(self) -> str: ...

    def stream(self, request: Request) -> AsyncGenerator[Event, None]: ...


Shape = Callable[[Any, Any], Any]
"""(context ids [B, T], logits [B, V]) -> logits [B, V]. Pure: a new tensor."""


@runtime_checkable
class OpenModel(Model, Protocol):
    """A model whose next-token distribution we can see and change."""

    def shaped(self, shape: Shape) -> OpenModel: ...


Defense = Callable[[Model], Model]
"""Protects: a model in, a model out."""

Rewrite = Callable[[Trace], Awaitable[Trace | None]]
"""Trace in, trace out; None, or a last step whose outcome is `withheld`, means: withhold this reasoning."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a method is handed rather than finds: models, seeds, and what to do when it fails."""

    rewriter: Model | None = None
    seed: int = 0
    fail: Literal["closed", "open"] = "closed"
    """closed: the reasoning is withheld; open: the teacher's own is released. Promise 2 of the lift."""
    fallback: str | None = None
    """A defense tried on the teacher's trace before `fail` applies, such as "terse"."""
