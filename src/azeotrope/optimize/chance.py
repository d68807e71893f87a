"""The control: instructions of the space in a random order. What a search does not beat is not worth its proposals."""

from __future__ import annotations

import random

from azeotrope.optimize.arena import Arena


async def search(arena: Arena) -> None:
    """Each at most once, the start first, until the budget is spent."""
    left = [text for text in arena.space if text != arena.start]
    random.Random(arena.plan.searcher.seed).shuffle(left)  # noqa: S311 - an order, not a secret
    for text in [arena.start, *left]:
        await arena.scored(text)
