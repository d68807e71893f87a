"""Change nothing: the control, and the fast path that only authenticates and counts.

Does not defend against anything.
"""

from __future__ import annotations

from azeotrope import lift
from azeotrope.protocols import Defense, Given
from azeotrope.types import Record


class Config(Record, frozen=True):
    """Nothing to choose."""


def build(config: Config, given: Given) -> Defense:
    return lift.none
