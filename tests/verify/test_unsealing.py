"""Transcripts against a report: right ones fit; a changed, foreign or invented one fails; missing ones are named."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.codec import encode
from azeotrope.errors import Misconfigured
from azeotrope.verify import Outcome
from azeotrope.verify.examining import Kept, sealed_digest
from azeotrope.verify.sealing import sealed
from azeotrope.verify.signing import Finding, holds
from azeotrope.verify.unsealing import unsealed

from .conftest import heart, student

Judge = Callable[..., Outcome]


@cache
def _made(judge: Judge) -> Outcome:
    return judge(student(heart("acme")), disclose=True)


@pytest.fixture
def outcome(judge: Judge) -> Outcome:
    return _made(judge)


def faults(found: list[Finding]) -> list[str]:
    return [one.what for one in found if one.holds is False]


def first(outcome: Outcome) -> int:
    """Where the first probe's transcript is."""
    return next(at for at, one in enumerate(outcome.kept) if one.line >= 0)


def with_one(outcome: Outcome, one: Kept) -> list[Kept]:
    at = first(outcome)
    return [*outcome.kept[:at], one, *outcome.kept[at + 1 :]]


def test_all_of_them_fit_and_ordinary_questions_are_told_apart(outcome: Outcome) -> None:
    found = unsealed(outcome.evidence, outcome.kept)
    probes = sum(len(one.lines) for one in outcome.evidence.marks)
    assert probes > 20 and found[0] == Finding(
        True, f"{probes} of {probes} probes are shown, with question and answer as they were sealed"
    )
    ordinary = sum(one.line < 0 for one in outcome.kept)
    assert found[1:] == [Finding(None, f"{ordinary} ordinary questions: the report has no digest of them")]
    assert holds(found)


def test_every_changed_byte_is_found_out(outcome: Outcome) -> None:
    one = outcome.kept[first(outcome)]
    assert one.answer
    changes = [replace(one, answer=None)]
    changes += [replace(one, salt=f"{'0' if one.salt[0] != '0' else '1'}{one.salt[1:]}")]
    for name in ("question", "answer"):
        text = getattr(one, name)
        changes += [replace(one, **{name: f"{text[:at]}~{text[at + 1 :]}"}) for at in range(len(text))]
    for changed in changes:
        found = unsealed(outcome.evidence, with_one(outcome, changed))
        assert not holds(found)
        assert faults(found) == [f"mark {one.mark}, line {one.line}: this is not the transcript that was sealed"]


def test_one_that_is_missing_is_named_and_proves_nothing_against_the_others(outcome: Outcome) -> None:
    one = outcome.kept[first(outcome)]
    found = unsealed(outcome.evidence, [each for each in outcome.kept if each is not one])
    assert holds(found)
    assert Finding(None, f"mark {one.mark}: not shown as sealed: lines {one.line}") in found
    nothing = unsealed(outcome.evidence, [])
    assert nothing[0].what.startswith("0 of ") and holds(nothing)
    assert len([each for each in nothing if "not shown" in each.what]) == sum(
        bool(each.lines) for each in outcome.evidence.marks
    )


@pytest.mark.parametrize("where", [{"line": 999}, {"mark": "00" * 8}])
def test_one_that_the_report_does_not_know_fails(outcome: Outcome, where: dict[str, object]) -> None:
    extra = replace(outcome.kept[first(outcome)], **where)
    found = unsealed(outcome.evidence, [*outcome.kept, extra])
    assert faults(found) == [f"mark {extra.mark}, line {extra.line}: the report has no such line"]


def test_two_that_changed_places_both_fail(outcome: Outcome) -> None:
    one, two = [each for each in outcome.kept if each.line in (0, 1)][:2]
    swapped = [replace(one, line=two.line), replace(two, line=one.line)]
    assert len(faults(unsealed(outcome.evidence, swapped))) == 2


def test_what_an_answer_says_is_read_again(outcome: Outcome) -> None:
    """Lines that were written for other answers, with digests that fit these: the counts give them away."""
    marks = outcome.evidence.marks
    at = next(n for n, one in enumerate(marks) if one.hits)
    number = next(n for n, line in enumerate(marks[at].lines) if line.hit)
    kept = next(one for one in outcome.kept if (one.mark, one.line) == (marks[at].mark, number))
    silent = replace(kept, answer="I do not know.")
    line = replace(marks[at].lines[number], digest=sealed_digest(silent.salt, silent.question, silent.answer))
    lines = (*marks[at].lines[:number], line, *marks[at].lines[number + 1 :])
    forged = replace(outcome.evidence, marks=(*marks[:at], replace(marks[at], lines=lines), *marks[at + 1 :]))
    others = [one for one in outcome.kept if one is not kept]
    said = faults(unsealed(forged, [*others, silent]))
    assert f"mark {kept.mark}, line {number}: the answer does not say what the line says" in said
    assert f"mark {kept.mark}, line {number}: the report shows another text than was sealed" in said


def test_a_mark_in_whose_midst_a_run_was_stopped_has_its_transcripts(outcome: Outcome) -> None:
    *before, last = outcome.evidence.marks
    stopped = replace(outcome.evidence, marks=(*before, replace(last, lines=())), unfinished=last)
    assert unsealed(stopped, outcome.kept) == unsealed(outcome.evidence, outcome.kept)


def checked(folder: Path, outcome: Outcome, kept: bytes) -> tuple[int, str]:
    (folder / "e.json").write_bytes(encode(sealed(outcome.evidence, None)))
    (folder / "e.private.jsonl").write_bytes(kept)
    done = CliRunner().invoke(
        app, ["verify", "check", str(folder / "e.json"), "--transcripts", str(folder / "e.private.jsonl")]
    )
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_the_command(tmp_path: Path, outcome: Outcome) -> None:
    lines = b"".join(encode(one) + b"\n" for one in outcome.kept)
    status, said = checked(tmp_path, outcome, lines)
    assert status == 0 and "FAILS" not in said and "open   " in said and "as they were sealed" in said
    one = outcome.kept[first(outcome)]
    assert one.question not in said and one.salt not in said
    status, said = checked(tmp_path, outcome, lines.replace(one.salt.encode(), b"0" * 32))
    assert status == 1 and "FAILS" in said
    with pytest.raises(Misconfigured, match=r"line 2, is no transcript") as torn:
        checked(tmp_path, outcome, lines[: lines.index(b"\n") + 40])
    assert one.question not in str(torn.value)
    with pytest.raises(Misconfigured, match="cannot read"):
        (tmp_path / "e.private.jsonl").unlink()
        CliRunner().invoke(
            app, ["verify", "check", str(tmp_path / "e.json"), "--transcripts", str(tmp_path / "gone")],
            catch_exceptions=False,
        )  # fmt: skip
