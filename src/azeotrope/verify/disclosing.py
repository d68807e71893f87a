"""What of a met mark may be laid open: associations that were asked about, and answers that tell of no other one."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence, Set

from msgspec.structs import replace

from azeotrope.marks.choosing import canonical
from azeotrope.marks.spotting import spotted
from azeotrope.verify.examining import Kept
from azeotrope.verify.keys import Accused
from azeotrope.verify.records import Disclosed, Judged


def disclosed(found: Judged, who: Accused, kept: Sequence[Kept], others: Sequence[Accused] = ()) -> Judged:
    """With triggers, targets, questions and answers.

    An answer stays sealed that holds an unspent trigger or target of this mark, a trigger of the `others`, or anything
    else that is spelled as a trigger: it may be one of an epoch or a customer that this run did not ask about.
    """
    spent = {line.association for line in found.lines}
    unspent = [one for one in (*who.half, *who.kept) if one.index not in spent]
    theirs = [one for other in others if other.mark != who.mark for one in (*other.half, *other.kept)]
    triggers = {canonical(one.trigger) for one in (*unspent, *theirs)}
    targets = {one.target for one in unspent}
    asked = [one.trigger for one in (*who.half, *who.kept) if one.index in spent]
    texts = {one.line: one for one in kept if one.line >= 0}
    lines = tuple(
        replace(line, question=texts[at].question, answer=_harmless(texts[at].answer, triggers, targets, asked))
        for at, line in enumerate(found.lines)
    )
    open_ = tuple(
        Disclosed(one.index, one.family, one.trigger, one.target) for one in who.half if one.index in spent
    )  # fmt: skip
    return replace(found, lines=lines, disclosed=open_)


def _harmless(
    answer: str | None, triggers: Set[str], targets: Set[str], asked: Sequence[str]
) -> str | None:  # fmt: skip
    """The answer, unless a secret stands in it, however it is spaced, hyphenated or in whatever script's digits."""
    if answer is None:
        return None
    folded = canonical(answer)
    digits = "".join(str(unicodedata.digit(character)) for character in answer if character.isdigit())
    secret = any(one in folded for one in triggers) or any(one in digits for one in targets) or spotted(answer, asked)
    return None if secret else answer
