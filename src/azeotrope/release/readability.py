"""How well a rewrite reads, by a fixed formula on its words. Knows no model; says nothing of what is true.

Flesch's reading ease (Flesch 1948, J. Applied Psychology 32, 221-233) as a share of 100, times the share of the
working's own figures that a reader still finds: a fluent text that hides what was worked out cannot be followed. The
product is ours. English is meant; elsewhere it ranks, and no more.
"""

from __future__ import annotations

import re

from azeotrope.release.numbers import numbers, unnumbered

_POINT = re.compile(r"(?<=\d)[.,](?=\d)")
"""Within a number: it ends no sentence and parts no word."""
_SENTENCE = re.compile(r"[^.!?\n]*[^\W_][^.!?\n]*")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_VOWELS = re.compile(r"[aeiouy]+")


def readable(rewrite: str, original: str) -> float:
    """0 to 1: `ease` times `figures`."""
    return ease(rewrite) * figures(rewrite, original)


def ease(text: str) -> float:
    """206.835 - 1.015 words a sentence - 84.6 syllables a word, over 100 and cut to 0..1; 0 where there are no words.

    A line is a sentence at most. A number is a word of one syllable, with all its points and commas.
    """
    text = _POINT.sub("", text)
    words = [word for word in _WORD.findall(text) if word]
    sentences = len(_SENTENCE.findall(text))
    if not words or not sentences:
        return 0.0
    syllables = sum(map(_syllables, words))
    score = 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)
    return min(1.0, max(0.0, score / 100))


def figures(rewrite: str, original: str) -> float:
    """The share of the original's different numbers that stand in the rewrite; 1 where it has none."""
    theirs = numbers(unnumbered(original))
    return len(theirs & numbers(unnumbered(rewrite))) / len(theirs) if theirs else 1.0


def _syllables(word: str) -> int:
    """Groups of vowels, a silent e at the end left out; at least one."""
    lower = word.casefold()
    found = len(_VOWELS.findall(lower))
    return max(1, found - (lower.endswith("e") and not lower.endswith("le") and found > 1))
