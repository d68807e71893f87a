"""The verbs: what a model, a defense and a rewrite are. This page is the whole of it; no base classes anywhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from azeotrope.keys import Key
from azeotrope.types import Event, Problem, Request, Trace


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

    def logits(self, ids: Any) -> Any:
        """Token ids [B, T] -> next-token logits [B, T, V], shape applied; teacher-forced. Right-padded ids are fine."""
        ...


@runtime_checkable
class Made(Protocol):
    """A shape to be, of one model: it must see the teacher first (its tokenizer, whether it is the one it is for)."""

    def of(self, teacher: OpenModel) -> Shape:
        """Raises `Misconfigured` where it is not for this teacher."""
        ...


Split = Literal["train", "proxy", "validation", "test", "shifted"]
"""train: what a thief asks the teacher; proxy: the public's, with workings, and the defender's proxy students';
validation: choices are made on it; test: reported; shifted: test in another surface form. Disjoint."""


class Task(Protocol):
    """Grades. A file in `tasks/` offers `Config` and `build(config) -> Task`."""

    @property
    def name(self) -> str: ...

    def problems(self, split: Split) -> Sequence[Problem]:
        """The split's problems, the same each time; empty where the task has no such split."""
        ...

    async def grade(self, problem: Problem, answer: str) -> bool:
        """Whether the answer (text, as a model gives it) states what is right. Accepts its own gold."""
        ...


Attack = Callable[[Model, Sequence[Problem]], Awaitable[Model]]
"""Steals: a teacher (behind its defense) and problems to ask it in, a student out."""


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
    key: Key | None = None
    """The customer's, for watermarks."""
    operator: Key | None = None
    """The operator-wide mark's, for watermarks that set one beside the customer's."""
