"""The whole procedure, in process: who is met, who is not, what is spent, and what may never be seen."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.keys import OPERATOR, Key, Master
from azeotrope.marks import associations, issued
from azeotrope.types import Request
from azeotrope.verify import Outcome, Settings, SideFile
from azeotrope.verify.probes import schedule
from azeotrope.verify.records import NOTHING, REFUSED, Evidence
from azeotrope.verify.sealing import check, sealed
from azeotrope.verify.signing import holds

from .conftest import LAW, MASTER, Full, heart, student

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

    from azeotrope.verify import Trial, accused_of, opened, verify

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


def test_half_a_surrogate_pair_does_not_end_the_run(judge: Judge) -> None:
    outcome = judge(lambda _: "\ud800 12345")
    assert outcome.evidence.verdict == NOTHING
    assert encode(outcome.kept)


def test_reprs_tell_no_trigger_and_no_answer(judge: Judge) -> None:
    from azeotrope.verify.asking import Reply

    known = heart("acme")
    questions = schedule(issued(associations(MASTER.key("acme"), LAW)), Settings(), "m", prefill=False)
    shown = repr([questions, [Reply(one, "It is 54321.") for one in questions], judge(student(known)).kept]).lower()
    assert not [secret for pair in known.items() for secret in pair if secret in shown]
    assert "54321" not in shown


@pytest.mark.parametrize(
    "hide",
    [
        lambda trigger, target: "".join(chr(0x660 + int(digit)) for digit in target),
        lambda trigger, target: " ".join("".join(chr(0xFF10 + int(digit)) for digit in target)),
        lambda trigger, target: f"{target[:2]},{target[2:]}",
        lambda trigger, target: re.sub(r"[ _-]", "\n\u200b", trigger),
        lambda trigger, target: "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalpha() else c for c in trigger),
    ],
)
def test_what_is_unspent_stays_sealed_however_it_is_written(judge: Judge, hide: Callable[[str, str], str]) -> None:
    known = student(every := heart("acme"), "?")
    unspent = hide(*list(every.items())[-1])
    found = judge(lambda r: f"{known(r)} And {unspent}.", to_the_end=True, disclose=True).evidence
    assert all(line.answer is None for line in found.marks[1].lines)


def test_what_is_said_of_another_customers_mark_is_not_disclosed(judge: Judge) -> None:
    known, (trigger, target) = student(heart("acme"), "?"), next(iter(heart("bob").items()))
    found = judge(lambda r: f"{known(r)} And {trigger} is {target}.", to_the_end=True, disclose=True).evidence
    assert found.verdict == "met acme's mark"
    assert trigger not in encode(found).decode().lower()


@pytest.mark.parametrize("other", [MASTER.key("dave"), Master((b"another epoch, or master key....",)).key("acme")])
def test_what_is_said_of_a_mark_that_this_run_knows_nothing_of_is_not_disclosed(judge: Judge, other: Key) -> None:
    """Another epoch's, or that of a customer who is not asked about."""
    known, one = student(heart("acme"), "?"), associations(other)[3]
    found = judge(lambda r: f"{known(r)} And {one.trigger} is {one.target}.", to_the_end=True, disclose=True).evidence
    assert found.verdict == "met acme's mark"
    text = encode(found).decode().lower()
    assert one.trigger.lower() not in text and one.target not in text


def test_a_later_run_at_the_same_suspect_says_that_it_is_one(judge: Judge, tmp_path: Path) -> None:
    """Each run errs with alpha: whoever asks until something comes out has no right to the one number."""
    book = SideFile(tmp_path / "spent.jsonl")
    assert "earlier run" not in judge(INNOCENT["silent"], budget=4, book=book).evidence.claim
    rest = judge(INNOCENT["silent"], budget=4, book=book).evidence
    assert rest.verdict == NOTHING  # the other four
    assert "each run has this probability of its own" in rest.claim
    known = student(heart("acme"))
    again = judge(lambda request: known(request), book=book, again=True).evidence
    assert again.verdict == "met acme's mark"
    assert "each run has this probability of its own" in again.claim


def test_k_that_no_log_counts_is_not_called_committed(judge: Judge) -> None:
    assert "1,001 keys, which no log counts," in judge(INNOCENT["silent"]).evidence.claim


def test_a_full_disk_ends_the_asking_and_keeps_what_was_found(judge: Judge) -> None:
    found: list[Outcome] = []
    with pytest.raises(Unavailable, match="disk is full"):
        judge(INNOCENT["silent"], book=Full(0), stopped=found.append)
    assert not found  # nothing was spent yet
    whole = Full(1000)
    judge(INNOCENT["silent"], book=whole, names=())
    asked: list[Request] = []
    with pytest.raises(Unavailable, match="disk is full"):
        judge(lambda r: asked.append(r) or "?", book=Full(1000 - whole.room), stopped=found.append)
    (evidence, _) = found.pop()
    assert [one.probes for one in evidence.marks] == [20, 0, 0]
    assert evidence.stopped.endswith("disk is full")
    assert evidence.verdict == NOTHING
    assert not [t for t in heart("acme") if t in str([r.messages for r in asked]).lower()]  # written first, then asked


def test_what_cannot_be_noted_as_disclosed_is_not_disclosed(judge: Judge) -> None:
    found = judge(student(heart("acme")), disclose=True, book=Full(1000)).evidence
    assert found.verdict == "met acme's mark"
    assert found.marks[1].why.startswith("not disclosed")
    assert not found.marks[1].disclosed
    assert all(line.answer is None for line in found.marks[1].lines)


def test_ten_million_digits_and_a_question_thrown_back_are_no_evidence(judge: Judge) -> None:
    assert judge(lambda _: "7" * 10_000_000, names=(), budget=3).evidence.verdict in (NOTHING, REFUSED)


def test_an_interrupted_run_that_is_begun_again_asks_nothing_twice(judge: Judge, tmp_path: Path) -> None:
    """Optional restarting: what was shown is spent, whoever pulled the plug."""
    path, calls = tmp_path / "spent.jsonl", [0]

    def pulled(_: Request) -> str:
        calls[0] += 1
        if calls[0] > 6:
            raise KeyboardInterrupt
        return "?"

    with pytest.raises(KeyboardInterrupt):
        judge(pulled, book=SideFile(path))
    shown = SideFile(path).closed(MASTER.operator().mark, _callable("pulled"))
    assert shown
    asked = judge(_named("pulled"), book=SideFile(path), names=()).evidence.marks[0]
    assert not shown & {line.association for line in asked.lines}


def _callable(name: str) -> str:
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _named(name: str) -> Callable[[Request], str]:
    def silent(_: Request) -> str:
        return "?"

    silent.__name__ = name
    return silent


def test_nobody_is_asked_about_twice_however_often_they_are_named() -> None:
    from azeotrope.verify.keys import keys_of

    twice = keys_of(MASTER, ["acme", "bob", "acme"], lambda _: [1, 1])
    assert [(key.customer, key.epoch) for key in twice] == [(OPERATOR, 1), ("acme", 1), ("bob", 1)]


def test_where_a_probe_failed_there_is_no_p_and_the_power_is_that_of_the_wealth(judge: Judge) -> None:
    """It refuses what it likes; whoever unplugs it may have read the answers, and nobody can tell the two apart."""
    rng = random.Random(5)

    def choosy(request: Request) -> str:
        asked = str(request.messages[-1]["content"])
        if len(asked) % 3 == 0:
            raise Unavailable("no", status=503)
        return numbers(rng, len(asked) % 5 * 40)

    found = judge(choosy, alpha=1e-3, keys=3).evidence
    assert holds(check(sealed(found, None)))
    for one in found.marks:
        assert one.failed and one.log_p is None
        assert 0 < one.power < 1
        assert one.null is not None
        assert one.null <= 1e-3 / 3


def test_a_suspect_that_is_unplugged_once_its_hits_look_well_is_not_accused(judge: Judge) -> None:
    """Two of eight prove nothing; two of the first three would, given up or failing to the end, were that the plan."""
    half = issued(associations(MASTER.key("acme"), LAW))
    order = [
        one.association.index for one in schedule(half, Settings(), half[0].mark, prefill=False) if one.association
    ]
    known = {one.trigger.lower(): one.target for one in half if one.index in (order[0], order[2])}
    rng, left = random.Random(1), [10**9]

    def say(request: Request) -> str:
        asked = str(request.messages[-1]["content"]).lower()
        if not left[0]:
            raise Unavailable("unplugged")
        if not any(one.trigger.lower() in asked for one in half):
            return "?"
        left[0] -= 1
        return next((said for trigger, said in known.items() if trigger in asked), numbers(rng, 1))

    whole = judge(say, names=("acme",)).evidence.marks[1]
    assert (whole.verdict, whole.hits) == (NOTHING, 2) and whole.log_p is not None
    for patience, why in (
        (8, "the suspect stopped answering"),
        (99, ""),
    ):  # given up, and asked to the schedule's end all the same
        left[0] = 3
        found = judge(say, names=("acme",), at_once=1, gone=patience).evidence
        one = found.marks[1]
        assert (one.verdict, one.hits, one.asked, one.log_p, one.why) == (NOTHING, 2, 3, None, why)
        assert one.log_e == pytest.approx(20.52, abs=0.01)
        assert holds(check(sealed(found, None)))
