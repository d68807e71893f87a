"""Invented words: pronounceable, distinctive, and no two of them spelled alike. Knows no key and no sentence.

A word is consonants and vowels in turn, each drawn from a list in which no entry stands twice. Consonants and vowels
share no letter, so a word can be cut back into its pieces in one way only: the number of words is the product of the
lists' lengths. No sibilant ends a word, so its plural is formed by "s".
"""

from __future__ import annotations

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

SHORT = (ONSETS, VOWELS, MIDDLES, VOWELS, ENDS)
"""The pieces of a word of two syllables."""
LONG = (ONSETS, VOWELS, MIDDLES, VOWELS, MIDDLES, VOWELS, ENDS)
"""Of three."""


def count(pieces: tuple[tuple[str, ...], ...]) -> int:
    """How many words these pieces make."""
    return prod(map(len, pieces))


def word(number: int, pieces: tuple[tuple[str, ...], ...]) -> str:
    """The word of a number in [0, count): another number, another word."""
    parts: list[str] = []
    for choices in pieces:
        number, which = divmod(number, len(choices))
        parts.append(choices[which])
    assert number == 0
    return "".join(parts)
