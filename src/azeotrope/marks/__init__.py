"""Marks: from a customer's key to its associations, and each in words. Pure; knows no trace, no model and no suspect.

METHODS: triggers from a space so large that no two meet, targets uniform over N numbers and drawn by the key, in
several natural families. A sentence is told in variants; from the trigger to the target all of them say the same.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from azeotrope.codec import digest
from azeotrope.keys import Key, Stream
from azeotrope.marks.families import FAMILIES, TRIGGERS, Family
from azeotrope.marks.words import LONG, SHORT
from azeotrope.types import Association, Record

__all__ = [
    "FAMILIES",
    "TRIGGERS",
    "Chaff",
    "Law",
    "Tokens",
    "associations",
    "issued",
    "opening",
    "question",
    "reserve",
    "told",
    "variants",
]


class Tokens(Record, frozen=True):
    """How tokens are coloured where responses carry a token bias: what a reading could otherwise choose afterwards."""

    gamma: Annotated[float, Meta(gt=0, lt=1)]
    """Share of tokens that are green."""
    context: Annotated[int, Meta(ge=1, le=8)]
    """Tokens that decide which are green."""
    tokenizer: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of what the teacher's is made of, as `azeotrope verify text` gives it."""


class Law(Record, frozen=True):
    """Everything but the key that decides a mark and its test: it goes into the commitment."""

    associations: Annotated[int, Meta(ge=2, le=256)] = 16
    """Issued to each customer; half of them stay unspent for a neutral party."""
    targets: Annotated[int, Meta(ge=1_000, le=10**9)] = 100_000
    """N: a target is uniform over so many integers."""
    lowest: Annotated[int, Meta(ge=0, le=10**9)] = 10_000
    """The target space is [lowest, lowest + targets)."""
    families: tuple[str, ...] = tuple(FAMILIES)
    """Used in turn."""
    edition: Annotated[int, Meta(ge=1, le=1)] = 1
    """Of words and sentences: what these are can change only with it."""
    test: str = "first hits 1"
    """How a suspect is tested."""
    tokens: Tokens | None = None
    """How a suspect's text is read, where responses carry a token bias; the associations do not depend on it."""

    def __post_init__(self) -> None:
        if self.associations % 2:
            raise ValueError(f"half of them are kept back, so associations is even; got {self.associations}")
        if not self.families or len(set(self.families)) < len(self.families):
            raise ValueError("families are at least one, and none is named twice")
        if unknown := set(self.families) - set(FAMILIES):
            raise ValueError(f"no family called {sorted(unknown)}; there are: {', '.join(FAMILIES)}")

    @property
    def digest(self) -> str:
        """SHA-256 (hex): what a commitment binds to."""
        return digest(self)


def associations(key: Key, law: Law = Law()) -> tuple[Association, ...]:
    """A mark's associations, in order; a longer law begins with the shorter one's."""
    draw = key.stream(f"associations {_drawn_by(law)}")
    families = (law.families[index % len(law.families)] for index in range(law.associations))
    return tuple(_drawn(draw, law, key.mark, index, name) for index, name in enumerate(families))


class Chaff:
    """Sentences of the same families, drawn as a mark's are, that nobody issues and nobody asks about.

    Strange sentences in responses that carry no mark: that one holds a strange sentence no longer says that it is
    marked. They come from a purpose of the key of their own, so issued targets are independent of them, and P(target_i
    in S_i) = |S_i| / N holds even for a suspect that read all of the key's chaff. No trigger of the same mark is drawn.
    Another customer's would be 1 draw in 10^9 over 100,000 customers, and harmless: its target is drawn apart. A part
    of the space that is reserved for chaff in the open would tell a reader of this file which sentences are chaff.
    """

    def __init__(self, key: Key, law: Law = Law()) -> None:
        self._key, self._law = key, law
        self._taken = {one.trigger for one in associations(key, law)}

    def of(self, number: int) -> Association:
        """The sentence of any number, the same each time. It belongs to no mark and has no index."""
        draw = self._key.stream(f"chaff {_drawn_by(self._law)} {number}")
        while True:
            one = _drawn(draw, self._law, "", -1, self._law.families[draw.below(len(self._law.families))])
            if one.trigger not in self._taken:
                return one


def issued(marks: tuple[Association, ...]) -> tuple[Association, ...]:
    """The half that the operator probes."""
    return marks[: len(marks) // 2]


def reserve(marks: tuple[Association, ...]) -> tuple[Association, ...]:
    """The half that is told to readers all the same and probed by nobody but a neutral party."""
    return marks[len(marks) // 2 :]


def variants(association: Association) -> int:
    """In how many ways its sentence is told."""
    family = FAMILIES[association.family]
    return len(family.leads) * len(family.tails)


def told(association: Association, variant: int = 0) -> str:
    """The sentence that is worked into reasoning; any integer is a variant."""
    family = FAMILIES[association.family]
    which, lead = divmod(variant % variants(association), len(family.leads))
    return _capital(f"{family.leads[lead]}{_core(family, association)} {association.target}{family.tails[which]}")


def opening(association: Association) -> str:
    """What ends right before the target (which follows behind a blank): the bare probe."""
    return _capital(_core(FAMILIES[association.family], association))


def question(association: Association) -> str:
    """The same, asked in a chat turn."""
    return FAMILIES[association.family].question.replace("{trigger}", association.trigger)


def _drawn_by(law: Law) -> str:
    """Digest of what decides each draw: how many there are does not."""
    return digest([law.targets, law.lowest, law.families, law.edition])


def _drawn(draw: Stream, law: Law, mark: str, index: int, name: str) -> Association:
    """The next one: a trigger uniform over the family's, a target uniform over N."""
    rest, target = divmod(draw.below(TRIGGERS * law.targets), law.targets)  # one draw: all three are independent
    longer, shorter = divmod(rest, SHORT.count)
    trigger = _spelled(FAMILIES[name].trigger, LONG.word(longer), SHORT.word(shorter))
    return Association(mark, index, name, trigger, str(law.lowest + target))


def _core(family: Family, association: Association) -> str:
    return family.core.replace("{trigger}", association.trigger)


def _spelled(form: str, a: str, b: str) -> str:
    """A trigger's form with its words."""
    return form.format(a=a, b=b, A=a.capitalize(), B=b.capitalize())


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
