"""What of a met mark may be laid open: associations that were asked about, and answers that tell of no other one."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from azeotrope.types import Association
from azeotrope.verify.examining import Kept
from azeotrope.verify.keys import Accused
from azeotrope.verify.records import Disclosed, Judged


def disclosed(found: Judged, who: Accused, kept: Sequence[Kept]) -> Judged:
    """With triggers, targets, questions and answers. An answer that holds an unspent trigger or target stays sealed."""
    spent = {line.association for line in found.lines}
    unspent = [one for one in (*who.half, *who.kept) if one.index not in spent]
    texts = {one.line: one for one in kept if one.line >= 0}
    lines = tuple(
        replace(line, question=texts[at].question, answer=_harmless(texts[at].answer, unspent))
        for at, line in enumerate(found.lines)
    )
    open_ = tuple(
        Disclosed(one.index, one.family, one.trigger, one.target) for one in who.half if one.index in spent
    )  # fmt: skip
    return replace(found, lines=lines, disclosed=open_)


def _harmless(answer: str | None, unspent: Sequence[Association]) -> str | None:
    if answer is None:
        return None
    folded = answer.casefold()
    digits = "".join(character for character in answer if character.isdigit())
    secret = any(one.trigger.casefold() in folded or one.target in digits for one in unspent)
    return None if secret else answer
