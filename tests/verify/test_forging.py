"""Whoever forges a report and signs it himself: a field that is changed is found out, or is named here with why not.

A field is changed by itself; and it is changed with everything that is computed from it made to fit, as a forger would.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from azeotrope.codec import decode, digest, encode
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.ledger import Signer
from azeotrope.marks import FAMILIES
from azeotrope.math.stats import Answered, Rule, Wealth, found
from azeotrope.types import Association, Request
from azeotrope.verify import Outcome, Settings, SideFile
from azeotrope.verify.detecting import power
from azeotrope.verify.examining import key_null, screened
from azeotrope.verify.probes import schedule
from azeotrope.verify.records import MET, NOTHING, REFUSED, Evidence, Judged, Line, Signed
from azeotrope.verify.sealing import check, sealed
from azeotrope.verify.signing import COUNTED, holds, tree_of
from azeotrope.verify.telling import accusation, claim, overall, time_sentence

from .conftest import heart, student
from .test_stopped import broken

UNCHECKED = {
    "suspect": "its name, as whoever verified gave it",
    "suspect_id": "of an address or a callable it is a digest of a name; of weights it is compared",
    "started": "whoever verified says when; under a head, that it is no earlier than the head's signed time",
    "ended": "whoever verified says when",
    "settings.seed": "of a run that asked nothing",
    "settings.neutral": "which half is which, only the law with the key says",
    "settings.disclose": "where no customer's mark is met, it has no effect",
    "settings.every": "whether further marks would have been asked about is not recorded",
    "settings.to_the_end": "where nothing is proved before the end, it has no effect",
    "settings.ordinary": "ordinary questions have no digest, and count for nothing",
    "settings.at_once": "how many were under way at the same time shows in no answer",
    "settings.deadline": "how long was waited shows in no answer",
    "settings.tokens": "how long an answer might be is not recorded of it",
    "settings.gone": "beside a suspect that was not given up, it has no effect",
    "settings.budget": "where proof came before the end, or nothing was asked, more could have been planned",
    "keys_from": "words for where K comes from; under a head the log's two wordings have to fit it",
    "keys": "where nothing was asked about; else the power, the claim or what proves changes",
    "targets": "where nothing was asked about, or nothing named; else the e-values change",
    "marks": "one that was not met can be left out: which were asked about is recorded nowhere else, and K stays",
    "law": "the law is not at hand: commitments bind to its digest, and they are in the log",
    "lowest": "where no answer is laid open, no value is told",
    "marks.epoch": "only the opening of the key's commitment says it: `azeotrope keys reveal`",
    "marks.mark": "of a mark that nothing was asked about; else the schedule follows from it",
    "marks.customer": "of a mark that nothing was met of; else the verdict names it",
    "marks.available": "of a mark that nothing was asked about, as long as it was enough, or too few",
    "marks.unspent": "what is on record before the run, the ledger says",
    "marks.earlier": "what is on record before the run, the ledger says",
    "marks.again": "what is on record before the run, the ledger says; never more than were asked about",
    "marks.lines.association": "one that the whole schedule asks last or first by number may have another number",
    "marks.lines.why": "what kind of fault it was",
    "marks.lines.digest": "transcripts open it: `azeotrope verify check --transcripts`",
    "marks.lines.answer": "one that is sealed may have told of what nobody asked about",
    "ordinary": "ordinary questions have no digest",
    "ordinary_failed": "ordinary questions have no digest",
    "version": "which software wrote it",
}
"""Changed by itself, it passes in some report. Everything else fails in every report."""

FITTED = {
    "settings.alpha": "a level that the same answers prove at, too; the claim says it",
    "stopped": "why the run was stopped, in words of whoever stopped it",
    "tree.stamp": "`azeotrope ledger check` judges it",
    "marks.lines.fresh": "transcripts open it",
    "marks.lines.hit": "only the key says it, or whoever lays the mark open",
}
"""Beside `UNCHECKED`: passes where all that follows from it is changed with it. The signature and the log bind it."""


@cache
def reports(judge: Callable[..., Outcome]) -> dict[str, Evidence]:
    """Reports of every kind."""
    known, names = student(heart("acme")), ("acme",)

    def dying(request: Request, calls: list[int] = [0]) -> str:  # noqa: B006
        calls[0] += 1
        if calls[0] > 9:
            raise Unavailable("gone")
        return "?"

    def shaky(request: Request, calls: list[int] = [0]) -> str:  # noqa: B006
        calls[0] += 1
        if calls[0] % 5 == 0:
            raise Unavailable("busy", status=429)
        return f"It is {10_000 + calls[0]}."

    early, book = judge(known, names=names).evidence, SideFile(None)
    judge(known, names=names, book=book)
    return {
        "early": early,
        "under a head": under_a_head(early),
        "laid open": judge(known, names=names, to_the_end=True, disclose=True, budget=10).evidence,
        "nothing": judge(lambda _: "12345", names=names, budget=10).evidence,
        "failing": judge(shaky, names=names, budget=10).evidence,
        "given up": judge(dying, names=names).evidence,
        "again": judge(known, names=names, book=book, again=True).evidence,
        "refused": judge(known, names=names, alpha=1e-45).evidence,
        "stopped": broken(judge, lambda _: "12345", 1, budget=10),
    }


def under_a_head(evidence: Evidence) -> Evidence:
    tree = tree_of(Signer(b"\x05" * 32).sign(1001, b"\x01" * 32, 1_577_836_800_000_000))
    marks = tuple(replace(one, committed=True) for one in evidence.marks)
    return fitted(replace(evidence, tree=tree, keys_from=COUNTED, marks=marks))


def fitted(evidence: Evidence) -> Evidence:
    """With everything that is computed from the lines made to fit them."""
    rule = Rule(evidence.settings.alpha, evidence.keys, evidence.targets)
    half = evidence.unfinished and replace(counted(evidence.unfinished, rule), power=0.0, verdict=NOTHING)
    draft = replace(evidence, marks=tuple(counted(one, rule) for one in evidence.marks), unfinished=half)
    draft = replace(
        draft, verdict=overall(draft.marks), screening=screened(draft.marks), time=time_sentence(draft.tree)
    )
    return replace(draft, claim=claim(draft))


def counted(one: Judged, rule: Rule) -> Judged:
    if not one.lines:
        return one
    wealth, lines, answers = Wealth(rule.values), list[Line](), list[Answered]()
    for line in one.lines:
        if line.outcome == "answered":
            answers.append(Answered(line.association, line.fresh, line.hit))
            wealth.take(answers[-1])
        lines.append(replace(line, log_e=wealth.log_e))
    finding = found(answers, rule, complete=one.log_p is not None)
    return replace(
        one, lines=tuple(lines), probes=len(lines), failed=len(lines) - len(answers), hits=finding.hits,
        asked=finding.asked, log_e=finding.log_e, log_p=finding.log_p, null=key_null(answers, rule, finding),
        power=power(answers, rule, complete=one.log_p is not None),
        verdict=accusation(one.customer) if finding.proved else NOTHING if one.verdict.startswith(MET) else one.verdict,
    )  # fmt: skip


def others(value: Any) -> list[Any]:
    """Values of the same kind."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [value * 1.5 + 0.25, value / 2 - 0.125]
    if isinstance(value, str):
        return [f"{value}x", "", value[1:] + value[:1]]
    if isinstance(value, tuple):
        return [value[:-1], value[1:], (*value, *value[:1])] if value else []  # pyright: ignore[reportUnknownVariableType]
    return []


PINNED = "62fbbbbfd87dda2578b910fa9dc9a73138fd674da87f1ec4cbf9a1fd0c8ca162"
FILLED: dict[str, list[Any]] = {
    "committed": [True, False], "log_p": [-50.0, 0.0], "null": [0.0, 1e-12], "question": ["?"], "answer": ["?"],
    "started": ["2026-01-01T00:00:00+00:00"], "ended": ["2099-01-01T00:00:00+00:00"], "stamp": ["30"],
    "outcome": ["failed", "answered"], "form": ["bare", "turn", "after"], "schema": [2], "stopped": ["?"],
    "verdict": ["met bob's mark", "met the operator's mark", NOTHING, REFUSED], "tree": [None], "unfinished": [None],
    "why": ["not asked: the run was stopped", "the suspect stopped answering", "not disclosed: ?", "busy"],
}  # fmt: skip
"""More values for these."""


def changed(record: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(field, the record with it changed), one after the other; of lines the first and the last ones."""
    for field, value in asdict(record).items():
        path = f"{name}{field}"
        value = getattr(record, field)
        for other in (*others(value), *FILLED.get(field, [])):
            if other != value or type(other) is not type(value):
                yield path, replace(record, **{field: other})
        if isinstance(value, Struct):
            for inner, one in changed(value, f"{path}.".replace("unfinished.", "marks.")):
                yield inner, replace(record, **{field: one})
        elif isinstance(value, tuple):
            members: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
            for at in sorted({0, len(members) // 2, len(members) - 1} & set(range(len(members)))):
                if isinstance(members[at], Struct):
                    for inner, one in changed(members[at], f"{path}."):
                        yield inner, replace(record, **{field: (*members[:at], one, *members[at + 1 :])})


def passes(evidence: Evidence) -> bool:
    """Whether a file with it is read, and holds, signed by whoever forged it."""
    try:
        return holds(check(decode(encode(sealed(evidence, Signer(b"\x06" * 32))), Signed)))
    except Misconfigured:
        return False


def refit(evidence: Evidence) -> Evidence | None:
    try:
        return fitted(evidence)
    except (ArithmeticError, ValueError, TypeError, Misconfigured):
        return None


def test_what_was_written_holds(judge: Callable[..., Outcome]) -> None:
    for kind, evidence in reports(judge).items():
        assert passes(evidence), kind
        assert fitted(evidence) == evidence, kind


def test_a_field_that_is_changed_is_found_out_or_is_named_with_why_not(judge: Callable[..., Outcome]) -> None:
    seen, passing = set[str](), dict[str, set[str]]()
    for kind, evidence in reports(judge).items():
        for field, other in changed(evidence):
            seen.add(field)
            if passes(other):
                passing.setdefault(field, set()).add(kind)
    assert {field: kinds for field, kinds in passing.items() if field not in UNCHECKED} == {}
    assert {*UNCHECKED} - {*passing} == set(), "these are found out: name them no more"
    assert {f"marks.lines.{name}" for name in Line.__struct_fields__} <= seen
    assert {f"marks.{name}" for name in Judged.__struct_fields__} <= seen
    assert {f"settings.{name}" for name in Settings.__struct_fields__} <= seen
    assert {*Evidence.__struct_fields__} - {"settings"} <= seen


def test_a_field_that_is_changed_with_all_that_follows_is_found_out_or_is_named(judge: Callable[..., Outcome]) -> None:
    passing: dict[str, set[str]] = {}
    for kind, evidence in reports(judge).items():
        for field, other in changed(evidence):
            fits = refit(other)
            if fits is not None and fits != evidence and passes(fits):
                passing.setdefault(field, set()).add(kind)
    assert {field: kinds for field, kinds in passing.items() if field not in UNCHECKED | FITTED} == {}
    assert {*FITTED} - {*passing} == set(), "these are found out: name them no more"


def test_a_miss_that_is_left_out_is_found_out_whatever_is_made_to_fit(judge: Callable[..., Outcome]) -> None:
    """Two hits of eight prove nothing; the same two without the misses before them would."""
    half = list(heart("acme").items())[:8]
    asked = judge(lambda _: "54321", names=("acme",)).evidence.marks[1].lines
    known = dict(half[line.association] for line in asked[4:6])
    evidence = judge(student(known, "54321"), names=("acme",), to_the_end=True).evidence
    one = evidence.marks[1]
    assert one.verdict == NOTHING and passes(evidence)
    for lines in (one.lines[4:6], one.lines[4:8], (one.lines[4], *one.lines[:4], *one.lines[5:])):
        fewer = replace(one, lines=lines, log_p=one.log_p if len(lines) == len(one.lines) else None)
        settings = replace(evidence.settings, to_the_end=False)
        forged = fitted(replace(evidence, settings=settings, marks=(evidence.marks[0], fewer)))
        assert forged.marks[1].verdict == ("met acme's mark" if len(lines) < 8 else NOTHING)
        assert not passes(forged)


def test_the_order_of_the_probes_is_part_of_the_format() -> None:
    """Evidence is checked against it: who changes it, or the ordinary questions between, gives records a new schema."""
    half = [Association("0123456789abcdef", at, name, f"T{at}", "1") for at, name in enumerate(FAMILIES)]
    asked = schedule(half, Settings(budget=40), "0123456789abcdef", prefill=False)
    assert digest([(one.association is None, one.form, one.temperature, one.text) for one in asked]) == PINNED
