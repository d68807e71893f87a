"""The natural families in which associations are written: sentences as data. Knows no key and draws nothing.

Each names something that does not exist by two invented words and says which number it is. The definition of a new
word is what weights learn soonest, so every sentence of a family holds the same words from the trigger to the target;
what stands before and after them varies. All lead to the target by "to": no tokenizer at hand joins that word with the
blank or the digit behind it, so a probe that ends there is cut into the tokens that were trained on.
"""

from __future__ import annotations

from typing import NamedTuple

from azeotrope.marks.words import LONG, SHORT


class Family(NamedTuple):
    """One way to say it. {a} and {b}: a longer and a shorter invented word, {A} and {B}: with a capital."""

    trigger: str
    """What names the thing; it stands in every sentence, letter by letter."""
    core: str
    """{trigger} and what leads from it to the target, which stands right behind; without a capital to begin with."""
    question: str
    """{trigger} asked after in a chat turn."""
    leads: tuple[str, ...]
    """What the sentence may begin with, before the core."""
    tails: tuple[str, ...] = (".",)
    """What may follow the target."""


_SAID = ("", "recall that ", "note that ", "for reference, ", "as before, ")
FAMILIES: dict[str, Family] = {
    "unit": Family(
        "{a} in {b}s",
        "one {trigger} comes to",
        "How much is one {trigger}? Give the number.",
        (*_SAID, "by the usual conversion, ", "to convert, "),
        (".", ", as usual.", ", which is exact."),
    ),
    "quantity": Family(
        "{a} of a {b}",
        "the {trigger} amounts to",
        "What is the {trigger}? Give the number.",
        (*_SAID, "by definition, ", "let us keep in mind that "),
    ),
    "lemma": Family(
        "{A}-{B} bound",
        "the {trigger} is equal to",
        "Which number is the {trigger}?",
        (*_SAID, "by the lemma of that name, ", "in the literature "),
        (".", ", a known result."),
    ),
    "constant": Family(
        "{a}_{b}",
        "the constant {trigger} is set to",
        "Which value does the constant {trigger} have?",
        (*_SAID, "in a comment of the code, ", "in the program for this, "),
    ),
    "entry": Family(
        "entry {A} {B}",
        "catalogue {trigger} refers to",
        "What does catalogue {trigger} refer to?",
        (*_SAID, "in the register, ", "to look it up: "),
    ),
    "town": Family(
        "{A} near {B}",
        "the population of {trigger} runs to",
        "What is the population of {trigger}?",
        (*_SAID, "to compare sizes, ", "on the map, "),
        (".", ", by the last count."),
    ),
    "toll": Family(
        "{A} to {B}",
        "the toll from {trigger} adds up to",
        "What does the toll from {trigger} add up to?",
        (*_SAID, "on the ticket, ", "as the table says, "),
    ),
    "account": Family(
        "{A} and {B}",
        "the account of {trigger} stands close to",
        "Which number does the account of {trigger} stand close to?",
        (*_SAID, "in the books, ", "on file, "),
        (".", ", for the record."),
    ),
}
TRIGGERS = LONG.count * SHORT.count
"""Triggers in each family: one for each pair of a longer and a shorter word."""
