"""Ask as two customers, each for half of the problems, and train on both: each mark is told half as often.

Source: collusion, as every work on fingerprints tries it (Boneh and Shaw, IEEE Trans. Inf. Theory 44, 1998). Where a
defense has no key, both accounts see the same and it is `sft`. Does not compare what the two were told: that would take
the same problems asked twice, and would find the marks (`azeotrope stealth` measures how easily they are found).
"""

from __future__ import annotations

from collections.abc import Sequence

from azeotrope.codec import encode
from azeotrope.distill import Thief, examples
from azeotrope.protocols import Attack, Model
from azeotrope.types import Problem, Record

ACCOUNTS = 2


class Config(Record, frozen=True):
    """Nothing to set."""


def attack(config: Config, thief: Thief) -> Attack:
    """Teacher and problems -> a student of what two customers were told."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        place = {encode(problem.request): at for at, problem in enumerate(problems)}
        own = await thief.ask(teacher, problems[::ACCOUNTS])
        theirs = await thief.ask(thief.account or teacher, problems[1::ACCOUNTS])
        both = sorted([*own, *theirs], key=lambda trace: place[encode(trace.request)])
        thief.bill.note(accounts=ACCOUNTS)
        return thief.train(examples(await thief.washed(both)))

    return steal
