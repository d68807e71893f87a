"""From a searcher's name to its file. One file, one searcher."""

from __future__ import annotations

from importlib import import_module

from azeotrope.optimize.arena import Seeker
from azeotrope.optimize.plan import Kind

HOMES: dict[Kind, str] = {"gepa": "evolution", "opro": "opro", "random": "chance", "exhaustive": "exhaustive"}


def searcher(kind: Kind) -> Seeker:
    """The searcher called so."""
    return import_module(f"azeotrope.optimize.{HOMES[kind]}").search
