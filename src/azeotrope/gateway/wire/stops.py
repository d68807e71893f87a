"""Stop strings that would fall on a mark of reasoning: whole, in part, or across its edge.

Pure; knows no request. A server that stops at such a mark never sees it, and takes the reasoning for the answer.
"""

from __future__ import annotations

import re

_WORDS = ("think", "thought", "reason", "channel", "analysis")
_SIGNS = frozenset("<>[]|/\\◁▷")
_SPECIAL = re.compile(r"<\s*\||\|\s*>|^[>\]▷]\s")
"""A special token or the edge of one; a mark's last sign with blanks after it."""
_BARE = frozenset({"think", "thinking", "thought", "/think", "hink", "thin", "hought"})
_MARKS = tuple(
    f"{left}{name}{right}"
    for left, right in (("<", ">"), ("</", ">"), ("[", "]"), ("[/", "]"), ("◁", "▷"), ("◁/", "▷"))
    for name in ("think", "thinking", "thought", "reasoning", "reason", "analysis", "seed:think")
)


def at_a_mark(text: str) -> bool:
    """Whether a server that stops at this text may stop at, in or across a mark of reasoning."""
    bare = text.strip().lower()
    if bare in _BARE:
        return True
    if _SIGNS.isdisjoint(bare):
        return False
    if any(word in bare for word in _WORDS) or _SPECIAL.search(bare):
        return True
    return any(bare in mark or _across(bare, mark) for mark in _MARKS)


def _across(text: str, mark: str) -> bool:
    """Whether the text ends in the mark's beginning, or begins with more than one character of its end."""
    sizes = range(1, min(len(text), len(mark)))
    return any(text.endswith(mark[:size]) or (size > 1 and text.startswith(mark[-size:])) for size in sizes)
