"""Which requests are marked, and how: decided by HMAC of the problem, so that variants of it are treated alike.

Pure. Who asks a problem again with other spaces, capitals, punctuation or look-alike characters gets the same decision,
and so learns nothing from the difference. Source of the MAC: RFC 2104 with SHA-256, under a key of its own purpose.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from typing import NamedTuple

from azeotrope.keys import Key

_NO_WORD = re.compile(r"[\W_]+")
_WHOLE = 1 << 64


class Choice(NamedTuple):
    """What a marked request gets; the numbers are for use modulo whatever is at hand."""

    association: int
    variant: int
    place: int


class Chooser:
    """One key's decisions."""

    def __init__(self, key: Key, purpose: str = "choice of requests") -> None:
        """`purpose`: decisions for another one are independent of these."""
        self._key = key.bytes(purpose)

    def of(self, problem: str, share: float) -> Choice | None:
        """What the problem gets, or None for one that stays unmarked; of all problems `share` are marked.

        A larger share marks what a smaller one does, and more.
        """
        mac = hmac.digest(self._key, canonical(problem).encode("utf-8", "surrogatepass"), "sha256")
        numbers = [int.from_bytes(mac[at : at + 8]) for at in range(0, 32, 8)]
        return Choice(*numbers[1:]) if numbers[0] < share * _WHOLE else None


def canonical(text: str) -> str:
    """What is left of a text when case, white space, punctuation and compatibility forms are taken off.

    Unicode NFKC and case folding (UAX 15, 31), then letters and digits alone; where there are none, the folded text.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    folded = text.casefold()
    if not text.isascii():
        folded = unicodedata.normalize("NFKC", folded)
    return _NO_WORD.sub("", folded) or folded.strip()
