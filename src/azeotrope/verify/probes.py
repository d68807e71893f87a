"""What a suspect is asked: probes of one mark among ordinary questions, in a seeded order. Knows no answer.

Nothing here depends on a target, so whoever never met the key learns nothing about it from being asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from azeotrope.marks import opening, question
from azeotrope.types import Association, Message, Request
from azeotrope.verify.ordinary import ordinary, problem
from azeotrope.verify.records import Form, Settings

ROUNDS: tuple[tuple[Form, float], ...] = (
    ("bare", 0.0), ("after", 0.7), ("turn", 0.0), ("bare", 0.7), ("after", 0.0), ("turn", 0.7),
)  # fmt: skip
"""Forms and temperatures. Associations begin at different ones, so that every round has all forms."""


class Question(NamedTuple):
    """One question to the suspect; an ordinary one has no association."""

    association: Association | None
    form: Form | None
    temperature: float
    request: Request

    @property
    def text(self) -> str:
        """Everything that the suspect is shown."""
        return "\n".join(str(message["content"]) for message in self.request.messages)

    def __repr__(self) -> str:
        return f"Question({self.association!r}, {self.form}, {self.temperature})"


def schedule(
    associations: Sequence[Association], settings: Settings, mark: str, *, prefill: bool
) -> list[Question]:  # fmt: skip
    """`settings.budget` probes, round after round over the associations, with ordinary questions between them.

    `prefill`: the suspect goes on from the beginning of an answer, as open weights do; else everything stands in the
    user's message.
    """
    rng = Random(f"{settings.seed}-{mark}")  # noqa: S311 - an order, not a secret
    out: list[Question] = []
    rounds = -(-settings.budget // len(associations)) if associations else 0
    for number in range(rounds):
        order = list(enumerate(associations))
        rng.shuffle(order)
        for place, association in order[: settings.budget - number * len(associations)]:
            form, temperature = ROUNDS[(place + number) % len(ROUNDS)]
            messages = _asked(association, form, rng, prefill)
            out.extend(_between(rng, settings))
            out.append(Question(association, form, temperature, _request(messages, temperature, settings)))
    return out


def plain(rng: Random, settings: Settings) -> Question:
    """An ordinary question."""
    temperature = rng.choice((0.0, 0.7))
    messages = ({"role": "user", "content": ordinary(rng)},)
    return Question(None, None, temperature, _request(messages, temperature, settings))


def _between(rng: Random, settings: Settings) -> list[Question]:
    """As many ordinary questions as fall before one probe: their mean is `settings.ordinary`."""
    sure = int(settings.ordinary)
    return [plain(rng, settings) for _ in range(sure + (rng.random() < settings.ordinary - sure))]


def _asked(association: Association, form: Form, rng: Random, prefill: bool) -> tuple[Message, ...]:
    if form == "turn":
        return ({"role": "user", "content": question(association)},)
    begun, before = opening(association), problem(rng) if form == "after" else ""
    if prefill:
        return {"role": "user", "content": before}, {"role": "assistant", "content": begun}
    return ({"role": "user", "content": f"{before}\n\n{begun}" if before else begun},)


def _request(messages: tuple[Message, ...], temperature: float, settings: Settings) -> Request:
    return Request(messages, {"temperature": temperature, "max_tokens": settings.tokens})
