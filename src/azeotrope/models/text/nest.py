"""The blocks that are open, innermost last. A step takes the time of what it opens or closes, however deep they nest.

Knows no mark and no text.
"""

from __future__ import annotations

from collections import Counter


class Nest:
    """Blocks by kind."""

    def __init__(self) -> None:
        self._kinds: list[str] = []
        self._open = Counter[str]()

    def __len__(self) -> int:
        return len(self._kinds)

    def __contains__(self, kind: str) -> bool:
        return self._open[kind] > 0

    def open(self, kind: str) -> None:
        self._kinds.append(kind)
        self._open[kind] += 1

    def close(self, kind: str) -> None:
        """The innermost block of this kind and all within it; nothing, where none is open."""
        if kind not in self:
            return
        last = None
        while last != kind:
            last = self._kinds.pop()
            self._open[last] -= 1

    def drop(self, kind: str) -> None:
        """Every block of this kind, but none within them."""
        if kind in self:
            at = len(self._kinds)
            while kind in self:
                at -= 1
                if self._kinds[at] == kind:
                    del self._kinds[at]
                    self._open[kind] -= 1
