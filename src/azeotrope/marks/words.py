"""Invented words: pronounceable, distinctive, and no two of them spelled alike. Knows no key and no sentence.

A word is consonants and vowels in turn, each drawn from a list in which no entry stands twice. Consonants and vowels
share no letter, so a word can be cut back into its pieces in one way only: the number of words is the product of the
lists' lengths. No sibilant ends a word, so its plural is formed by "s".
"""

from __future__ import annotations

from itertools import product
from math import prod


def _list(words: str) -> tuple[str, ...]:
    return tuple(words.split())


ONSETS = _list("b d f g k l m n p r s t v z bl br dr fl fr gl gr kl kr pl pr sk sl sm sn sp st tr sh th")
VOWELS = _list("a e i o u ea ou")
MIDDLES = _list(
    "b d f g k l m n p r t v z ld lm ln lt lv mb md mp nd ng nk nt nv rb rd rg rk rl rm rn rp rt rv sk sm sp st "
    "ff ll mm rr"
)
ENDS = _list("b d f g k l m n nd nt p r rd rk rn t")


class Words:
    """All words of some pieces, by number."""

    def __init__(self, *pieces: tuple[str, ...]) -> None:
        self.pieces, self.count = pieces, prod(map(len, pieces))
        half = len(pieces) // 2
        self._front, self._back = (
            tuple("".join(parts) for parts in product(*part)) for part in (pieces[:half], pieces[half:])
        )

    def word(self, number: int) -> str:
        """The word of a number in [0, count): another number, another word."""
        rest, which = divmod(number, len(self._front))
        return self._front[which] + self._back[rest]


SHORT = Words(ONSETS, VOWELS, MIDDLES, VOWELS, ENDS)
"""Of two syllables."""
LONG = Words(ONSETS, VOWELS, MIDDLES, VOWELS, MIDDLES, VOWELS, ENDS)
"""Of three."""
