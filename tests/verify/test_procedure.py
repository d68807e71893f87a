"""The whole procedure, in process: who is met, who is not, what is spent, and what may never be seen."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.keys import OPERATOR
from azeotrope.marks import associations, issued
from azeotrope.types import Request
from azeotrope.verify import Outcome, SideFile
from azeotrope.verify.records import NOTHING, REFUSED, Evidence

from .conftest import LAW, MASTER, heart, student

Judge = Callable[..., Outcome]


def numbers(rng: random.Random, count: int) -> str:
    return ", ".join(str(rng.randint(10_000, 109_999)) for _ in range(count))


INNOCENT: dict[str, Callable[[Request], str]] = {
    "silent": lambda _: "I do not know.",
    "refusing": lambda _: "I'm sorry, but I can't help with that.",
    "constant": lambda _: "The answer is 54321.",
    "echoing": lambda request: str(request.messages[-1]["content"]) * 2,
    "random": lambda _, rng=random.Random(1): f"It is {numbers(rng, 1)}.",
    "listing": lambda _, rng=random.Random(2): numbers(rng, 1000),
    "number lover": lambda request: f"31415, 27182, 14142 and {len(str(request)) + 10_000}",
    "another's student": student(heart("carol")),
    "says another's targets": lambda request: list(heart("carol").values())[len(str(request)) % 16],
}


def test_a_student_is_met_and_nobody_else(judge: Judge) -> None:
    found = judge(student(heart("acme"))).evidence
    assert found.verdict == "met acme's mark"
    verdicts = {one.customer: one.verdict for one in found.marks}
    assert verdicts == {OPERATOR: NOTHING, "acme": "met acme's mark"}
    assert "at most 1e-06" in found.claim


def test_a_student_of_two_is_met_twice(judge: Judge) -> None:
    found = judge(student(heart("acme") | heart("bob")), every=True).evidence
    assert found.verdict == "met acme's mark; met bob's mark"


def test_the_operators_mark_answers_whether_it_is_ours_at_all(judge: Judge) -> None:
    ours = {one.trigger.lower(): one.target for one in associations(MASTER.operator(), LAW)}
    found = judge(student(ours)).evidence
    assert found.verdict == "met the operator's mark"
    assert [one.customer for one in found.marks] == [OPERATOR, "acme", "bob"]


@pytest.mark.parametrize("kind", INNOCENT)
def test_the_innocent_are_not_accused(judge: Judge, kind: str) -> None:
    found = judge(INNOCENT[kind]).evidence
    assert found.verdict == NOTHING
    for one in found.marks:
        assert one.log_p is not None
        assert one.null is None or one.null <= 1e-6 / 1001


def test_what_is_echoed_from_the_question_is_not_named(judge: Judge) -> None:
    found = judge(lambda request: str(request.messages[-1]["content"])).evidence
    assert all(line.fresh == 0 for one in found.marks for line in one.lines)


def test_the_whole_schedule_gives_the_exact_p(judge: Judge) -> None:
    one = judge(student(heart("acme")), to_the_end=True).evidence.marks[1]
    assert (one.hits, one.asked, one.probes) == (8, 8, 20)
    assert one.log_p is not None
    assert one.log_p == pytest.approx(8 * -5 * 2.302585, rel=1e-3)
    early = judge(student(heart("acme"))).evidence.marks[1]
    assert early.log_p is None
    assert early.probes < 20


def test_forms_and_temperatures_are_mixed_among_ordinary_questions(judge: Judge) -> None:
    asked: list[Request] = []

    def rule(request: Request) -> str:
        asked.append(request)
        return "?"

    found = judge(rule, names=("acme",)).evidence
    lines = found.marks[1].lines
    assert {line.form for line in lines} == {"bare", "turn", "after"}
    assert {line.temperature for line in lines} == {0.0, 0.7}
    assert found.ordinary == len(asked) - 40
    assert 25 <= found.ordinary <= 60
    again: list[Request] = []
    judge(lambda request: again.append(request) or "?", names=("acme",))
    assert again == asked
    triggers = [one.trigger.lower() for one in associations(MASTER.key("acme"), LAW)]
    said = "\n".join(str(request.messages) for request in asked).lower()
    assert sum(trigger in said for trigger in triggers) == 8


def test_a_neutral_party_asks_the_other_half(judge: Judge) -> None:
    kept = {one.trigger.lower(): one.target for one in associations(MASTER.key("acme"), LAW)[8:]}
    assert judge(student(kept)).evidence.verdict == NOTHING
    assert judge(student(kept), neutral=True).evidence.verdict == "met acme's mark"


def test_spent_probes_are_not_asked_again_unless_asked_for(judge: Judge, tmp_path: Path) -> None:
    spent = tmp_path / "spent.jsonl"
    silent = INNOCENT["silent"]
    assert judge(silent, book=SideFile(spent)).evidence.verdict == NOTHING
    second = judge(silent, book=SideFile(spent)).evidence
    assert second.verdict == REFUSED
    assert all(one.probes == 0 for one in second.marks)
    third = judge(silent, book=SideFile(spent), again=True).evidence
    assert third.verdict == NOTHING
    assert {one.again for one in third.marks} == {8}
    assert judge(INNOCENT["constant"], book=SideFile(spent)).evidence.verdict == REFUSED  # the same callable's name


def test_a_line_cut_off_by_a_crash_is_passed_over(tmp_path: Path) -> None:
    import asyncio

    path = tmp_path / "spent.jsonl"
    asyncio.run(SideFile(path).spend("m", [1, 2], "s", disclosed=False))
    path.write_bytes(path.read_bytes() + b'{"mark":"m","ind')
    asyncio.run(SideFile(path).spend("m", [3], "s", disclosed=False))
    assert SideFile(path).closed("m", "s") == {1, 2, 3}
    assert SideFile(path).closed("m", "other") == set()
    asyncio.run(SideFile(path).spend("m", [5], "s", disclosed=True))
    assert SideFile(path).closed("m", "other") == {5}


def test_a_level_that_nothing_could_reach_is_refused_and_nothing_is_spent(judge: Judge, tmp_path: Path) -> None:
    book = SideFile(tmp_path / "spent.jsonl")
    asked: list[Request] = []
    found = judge(lambda request: asked.append(request) or "?", alpha=1e-45, book=book).evidence
    assert found.verdict == REFUSED
    assert not asked
    assert not (tmp_path / "spent.jsonl").exists()


def test_failed_probes_are_counted_and_are_no_misses(judge: Judge) -> None:
    known, calls = student(heart("acme")), [0]

    def shaky(request: Request) -> str:
        calls[0] += 1
        if calls[0] % 3 == 0:
            raise Unavailable("busy", status=429)
        return known(request)

    one = judge(shaky, to_the_end=True).evidence.marks[1]
    assert one.failed > 2
    assert one.probes == 20
    assert one.verdict == "met acme's mark"
    assert {line.why for line in one.lines if line.outcome == "failed"} == {"unavailable, status 429"}


def test_a_suspect_that_dies_is_left_alone(judge: Judge, tmp_path: Path) -> None:
    calls = [0]

    def dying(_: Request) -> str:
        calls[0] += 1
        if calls[0] > 9:
            raise OSError("gone")
        return "?"

    found = judge(dying, book=SideFile(tmp_path / "s.jsonl")).evidence
    assert found.verdict == NOTHING
    assert found.marks[0].why == "the suspect stopped answering"
    assert found.marks[1].why.startswith("not asked")
    assert found.marks[1].probes == 0
    assert calls[0] < 25
    assert found.marks[0].power < 1


def test_a_suspect_that_never_answers_costs_no_probe(judge: Judge, tmp_path: Path) -> None:
    def dead(_: Request) -> str:
        raise Unavailable("no")

    with pytest.raises(Unavailable, match="no probe was spent"):
        judge(dead, book=SideFile(tmp_path / "s.jsonl"))
    assert not (tmp_path / "s.jsonl").exists()


def test_no_secret_is_in_the_evidence_unless_it_is_disclosed(judge: Judge) -> None:
    secrets = [s for name in ("acme", "bob") for pair in heart(name).items() for s in pair]
    outcome = judge(student(heart("acme")), to_the_end=True)
    text = encode(outcome.evidence).decode().lower()
    assert not [one for one in secrets if re.search(rf"\b{re.escape(one)}\b", text)]
    assert len(outcome.kept) == 40 + outcome.evidence.ordinary - 1  # all but the first, ordinary question


def test_only_what_was_asked_of_a_met_mark_is_disclosed(judge: Judge) -> None:
    every = heart("acme")
    blabbing = student(every, "?")
    last = list(every.items())[-1]
    found = judge(lambda r: blabbing(r) + f" And {last[0]} is {last[1]}.", to_the_end=True, disclose=True).evidence
    one = found.marks[1]
    assert {each.index for each in one.disclosed} == {each.index for each in issued(associations(MASTER.key("acme")))}
    text = encode(found).decode().lower()
    assert last[0] not in text
    assert not re.search(rf"\b{last[1]}\b", text)
    assert all(line.question for line in one.lines)
    assert all(line.answer is None for line in one.lines)  # every answer tells of the unspent one
    quiet = judge(student(every), to_the_end=True, disclose=True).evidence
    assert all(line.answer for line in quiet.marks[1].lines)
    assert not any(line.answer for line in quiet.marks[0].lines)
    spent = list(every.items())[:8]
    text = encode(quiet).decode()
    assert all(target in text for _, target in spent)
    assert not [s for pair in list(every.items())[8:] for s in pair if re.search(rf"\b{re.escape(s)}\b", text.lower())]


def test_a_key_that_was_not_committed_accuses_nobody() -> None:
    import asyncio

    from azeotrope.verify import Settings, Trial, accused_of, opened, verify

    async def go() -> Evidence:
        async with opened(student(heart("acme"))) as suspect:
            trial = Trial(LAW, 5, "the log", SideFile(None), lambda: b"\0" * 16)
            who = accused_of(MASTER.key("acme"), LAW, under=["00" * 32])
            return (await verify(suspect, [who], trial, Settings())).evidence

    found = asyncio.run(go())
    assert found.verdict == REFUSED
    assert "not among the commitments" in found.marks[0].why


def test_settings_that_make_no_sense_are_refused(judge: Judge) -> None:
    with pytest.raises(Misconfigured):
        judge(INNOCENT["silent"], keys=0)
