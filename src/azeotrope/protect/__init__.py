"""Protects a data set: read, `defense(Replay(row))`, written beside and renamed last. Knows no method by name."""

from azeotrope.protect.procedure import protect
from azeotrope.protect.records import Settings, Summary
from azeotrope.protect.running import Progress, Watch

__all__ = ["Progress", "Settings", "Summary", "Watch", "protect"]
