"""The plain loop: show the ten best instructions in ascending order, ask for three new ones, score them, again.

Source: Yang et al., arXiv 2309.03409 (OPRO), in the setting of arXiv 2602.15143: up to ten earlier pairs, three new
ones a round at temperature 1.0, an old one survives only if it beats "no rewrite". Ours: in the first rounds the cheap
score lets only the likeliest of the three through.
"""

from __future__ import annotations

from azeotrope.optimize.arena import Arena, history, turned_down
from azeotrope.optimize.records import Candidate
from azeotrope.optimize.reflecting import asked, proposed

SHOWN, NEW = 10, 3


async def search(arena: Arena) -> None:
    """Until the budget is spent."""
    floors, turn = arena.plan.floors, 0
    await arena.scored(arena.start)
    while not arena.over:
        shown = [one for one in history(arena, SHOWN) if one.worth(floors) > 0] or history(arena, SHOWN)
        prompt = asked(shown, turned_down(arena, SHOWN), floors)
        new = list(dict.fromkeys([proposed(await arena.told(prompt)) for _ in range(NEW)]))
        parents = tuple(one.name for one in shown)
        if turn < arena.plan.searcher.early:
            likeliest = await _likeliest(arena, new, parents)
            new = [] if arena.known(likeliest, "full") else [likeliest]  # one that is known was counted already
        for text in new:
            await arena.scored(text, parents)
        turn += 1


async def _likeliest(arena: Arena, texts: list[str], parents: tuple[str, ...]) -> str:
    old = [text for text in texts if arena.known(text, "full") and not arena.known(text, "screen")]
    screened: list[Candidate] = [await arena.screened(text, parents) for text in texts]
    for text in old:  # its cheap score was new, the proposal was not
        arena.proposed(text)
    return max(screened, key=lambda one: one.cheap(arena.plan.floors)).text
