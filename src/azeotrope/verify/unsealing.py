"""Transcripts held against a report: is what is shown what was sealed? Needs no key, no suspect and no network.

A digest binds to question and answer, so none can be changed, and the values that an answer names are counted again.
Which of them is the target, only the key says: a hit is taken from the report, unless its association is disclosed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from azeotrope.codec import decode
from azeotrope.errors import Misconfigured
from azeotrope.verify.examining import Kept, sealed_digest
from azeotrope.verify.records import Evidence, Judged, Line
from azeotrope.verify.signing import Finding
from azeotrope.verify.values import named

_NAMED = 20
"""So many lines a finding names."""


def read_transcripts(path: Path) -> list[Kept]:
    """What a verification kept beside its report, or some lines of it. Raises `Misconfigured`, which quotes none."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Misconfigured(f"cannot read {path}: {error.strerror}") from None
    out: list[Kept] = []
    for at, line in enumerate(lines, 1):
        try:
            out.append(decode(line, Kept))
        except Misconfigured:
            raise Misconfigured(
                f"{path}, line {at}, is no transcript as `azeotrope verify` keeps them beside a report (.private.jsonl)"
            ) from None
    return out


def unsealed(evidence: Evidence, kept: Sequence[Kept]) -> list[Finding]:
    """Every transcript against its line's digest; what is not shown is open, not false."""
    marks = {one.mark: one for one in (*evidence.marks, evidence.unfinished) if one is not None and one.lines}
    right: dict[tuple[str, int], Kept] = {}
    out: list[Finding] = []
    for one in kept:
        if one.line < 0:
            continue
        line = _line(marks, one)
        if line is None:
            out.append(Finding(False, f"{_where(one.mark, one.line)}: the report has no such line"))
        elif line.digest != sealed_digest(one.salt, one.question, one.answer):
            out.append(Finding(False, f"{_where(one.mark, one.line)}: this is not the transcript that was sealed"))
        else:
            right[one.mark, one.line] = one
            out.extend(_disclosed(line, one))
    count = sum(len(one.lines) for one in marks.values())
    shown = f"{len(right):,} of {count:,} probes are shown, with question and answer as they were sealed"
    faults = [found for mark in marks.values() for found in _counted(evidence, mark, right)]
    return [Finding(True, shown), *out, *faults, *_open(marks, right, sum(one.line < 0 for one in kept))]


def _line(marks: Mapping[str, Judged], one: Kept) -> Line | None:
    lines = marks[one.mark].lines if one.mark in marks else ()
    return lines[one.line] if one.line < len(lines) else None


def _disclosed(line: Line, one: Kept) -> Iterator[Finding]:
    """What the report itself shows is what was sealed, too."""
    for said, sealed in ((line.question, one.question), (line.answer, one.answer)):
        if said is not None and said != sealed:
            yield Finding(False, f"{_where(one.mark, one.line)}: the report shows another text than was sealed")


def _counted(evidence: Evidence, mark: Judged, right: Mapping[tuple[str, int], Kept]) -> Iterator[Finding]:
    """The values that answers name for the first time, as far as every earlier answer is shown."""
    seen: dict[int, set[int]] = {}
    gone: set[int] = set()
    for at, line in enumerate(mark.lines):
        one = right.get((mark.mark, at))
        if one is None:
            gone.add(line.association)
        if one is None or line.association in gone:
            continue
        space, before = (evidence.lowest, evidence.targets), seen.setdefault(line.association, set())
        fresh = named(one.answer or "", *space) - named(one.question, *space) - before
        before |= fresh
        if len(fresh) != line.fresh or (one.answer is None) != (line.outcome == "failed"):
            yield Finding(False, f"{_where(mark.mark, at)}: the answer does not say what the line says")


def _open(
    marks: Mapping[str, Judged], right: Mapping[tuple[str, int], Kept], ordinary: int
) -> Iterator[Finding]:  # fmt: skip
    for mark in marks.values():
        missing = [at for at in range(len(mark.lines)) if (mark.mark, at) not in right]
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            places = ", ".join(map(str, missing[:_NAMED]))
            yield Finding(None, f"mark {mark.mark}: not shown as sealed: lines {places}{more}")
    if ordinary:
        yield Finding(None, f"{ordinary:,} ordinary questions: the report has no digest of them")


def _where(mark: str, line: int) -> str:
    return f"mark {mark[:32]}, line {line}"
