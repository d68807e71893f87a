"""A master key, its customers, and `judge`: a whole verification of whatever answers."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from azeotrope.errors import Unavailable
from azeotrope.keys import Master
from azeotrope.marks import Law, associations
from azeotrope.types import Request
from azeotrope.verify import Outcome, Settings, SideFile, Trial, accused_of, opened, verify
from azeotrope.verify.examining import nowhere
from azeotrope.verify.sealing import check, sealed
from azeotrope.verify.signing import holds

MASTER = Master((b"\x07" * 32,))
LAW = Law()
CUSTOMERS = ("acme", "bob")


def heart(customer: str = "acme", master: Master = MASTER, law: Law = LAW) -> dict[str, str]:
    """Trigger, in lower case -> target: what a student of this customer's responses knows by heart."""
    return {one.trigger.lower(): one.target for one in associations(master.key(customer), law)}


def student(known: dict[str, str], otherwise: str = "I do not know.") -> Callable[[Request], str]:
    """Says what it knows, wherever the trigger stands."""

    def rule(request: Request) -> str:
        asked = "\n".join(str(message["content"]) for message in request.messages).lower()
        return next((f"It is {said}, as usual." for trigger, said in known.items() if trigger in asked), otherwise)

    return rule


def honest(outcome: Outcome) -> Outcome:
    """Whatever a run writes down, holds when it is checked."""
    findings = check(sealed(outcome.evidence, None))
    assert holds(findings), findings
    return outcome


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., Outcome]:
    """(suspect, ..settings) -> the outcome; `keys` is K, `names` are the customers."""

    def run(suspect: Any, *, keys: int = 1001, names: tuple[str, ...] = CUSTOMERS, **given: Any) -> Outcome:
        opening = {name: given.pop(name) for name in ("prefill", "again", "book", "keep", "stopped") if name in given}
        settings = Settings(**{"deadline": 60.0, **given})
        salts = itertools.count()

        async def go() -> Outcome:
            async with opened(suspect, prefill=opening.get("prefill"), deadline=settings.deadline) as found:
                marks = [MASTER.operator(), *(MASTER.key(name) for name in names)]
                accused = [accused_of(key, LAW, neutral=settings.neutral) for key in marks]
                book = opening.get("book") or SideFile(None)
                trial = Trial(
                    LAW, keys, "as the test says", book, lambda: next(salts).to_bytes(16), version="0.0",
                    again=opening.get("again", False), keep=opening.get("keep", nowhere),
                    stopped=lambda outcome: opening.get("stopped", lambda _: None)(honest(outcome)),
                )  # fmt: skip
                return honest(await verify(found, accused, trial, settings))

        return asyncio.run(go())

    return run


class Full(SideFile):
    """Its disk takes so many notes and no more; and none of what is disclosed."""

    def __init__(self, room: int) -> None:
        super().__init__(None)
        self.room = room

    async def spend(self, mark: str, indices: object, suspect: str, *, disclosed: bool) -> None:
        self.room -= 1
        if self.room < 0 or disclosed:
            raise Unavailable("the ledger cannot be written: database or disk is full")
        await super().spend(mark, indices, suspect, disclosed=disclosed)  # type: ignore[arg-type]
