"""Release the answer and none of the reasoning.

The strongest output defense known (DistillGuard, arXiv 2603.07835: MATH 67.8 -> 31.4) and the least useful to an honest
reader. Does not defend against distilling the answers themselves, nor against steps asked for inside the answer.
"""

from __future__ import annotations

from azeotrope import lift
from azeotrope.protocols import Defense, Given
from azeotrope.types import Record

WITHHOLDS = True
"""Nothing is left for a later link of a chain to work on."""


class Config(Record, frozen=True):
    """Nothing to choose."""


def build(config: Config, given: Given) -> Defense:
    return lift.withholding()
