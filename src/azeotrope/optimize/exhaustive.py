"""The table: every instruction of the space at both stages, in order. What the best is, is known afterwards."""

from __future__ import annotations

from azeotrope.optimize.arena import Arena


async def search(arena: Arena) -> None:
    """The whole space."""
    for text in arena.space:
        await arena.screened(text)
        await arena.scored(text)
