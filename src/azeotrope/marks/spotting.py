"""Finds what is spelled as a trigger, whoever's it is: every family's form, any invented words. Pure; knows no key."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from azeotrope.marks.families import FAMILIES
from azeotrope.marks.words import LONG, SHORT, Words

_NO_WORD = re.compile(r"[\W_]+")


def spotted(text: str, known: Iterable[str] = ()) -> bool:
    """Whether a trigger other than the `known` ones stands in the text, in whatever case, spaces, hyphens and
    compatibility forms; not one that is cut within its words.

    Ordinary words may look like one: what is spotted need not be a trigger of anybody's.
    """
    words = _words(text)
    for trigger in sorted(map(_words, known), key=len, reverse=True):
        words = words.replace(trigger, " . ")
    return _TRIGGER.search(words) is not None


def _words(text: str) -> str:
    """Folded, one blank between words and at both ends; what is not seen is left out."""
    seen = "".join(one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) != "Cf")
    return f" {_NO_WORD.sub(' ', seen.casefold()).strip()} "


def _any(words: Words) -> str:
    return "".join(f"(?:{'|'.join(piece)})" for piece in words.pieces)


def _form(trigger: str) -> str:
    """A family's form with patterns for its words."""
    spelled = trigger.lower().replace("{a}", "0").replace("{b}", "1")
    return _words(spelled.replace("_", " ")).replace("0", _any(LONG)).replace("1", _any(SHORT))


_TRIGGER = re.compile("|".join(_form(family.trigger) for family in FAMILIES.values()))
