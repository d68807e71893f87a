"""Finds the final answer that a text states. Pure functions on strings."""

from __future__ import annotations


def answer_start(content: str) -> int:
    """Where the last paragraph begins."""
    body = content.rstrip()
    cut = body.rfind("\n\n")
    return cut + 2 if cut >= 0 else body.rfind("\n") + 1
