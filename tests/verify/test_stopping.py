"""Whoever sees the answers as they come and ends the run when it suits: how often is an innocent suspect accused?

Counted, not simulated: every course that the hits can take, each with its probability.
"""

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from azeotrope.errors import Misconfigured
from azeotrope.marks import FAMILIES
from azeotrope.math.stats import Answered, Rule, found
from azeotrope.types import Association
from azeotrope.verify import Outcome, Settings
from azeotrope.verify.examining import Examination, Space, judged, screened, unjudged
from azeotrope.verify.keys import Accused
from azeotrope.verify.probes import schedule
from azeotrope.verify.records import MET, Evidence, Line
from azeotrope.verify.sealing import check, sealed
from azeotrope.verify.signing import holds
from azeotrope.verify.telling import claim, overall

PROBES, VALUES, KEYS, ALPHA = 50, 1000, 301, 1e-8
"""Where a p-value at every moment would err with 1.35 times the level."""
RULE = Rule(ALPHA, KEYS, VALUES)
HALF = tuple(Association("m" * 16, at, next(iter(FAMILIES)), "x", "1") for at in range(PROBES))
WHO = Accused("acme", 1, "m" * 16, HALF, HALF)
SETTINGS = Settings(alpha=ALPHA, budget=PROBES, every=True)
ASKED = [one for one in schedule(HALF, SETTINGS, WHO.mark, prefill=False) if one.association]


def course(hits: int, asked: int) -> list[Answered]:
    """Every answer names one value of its own; the last ones hit."""
    order = [one.association.index for one in ASKED if one.association]
    return [Answered(at, 1, place >= asked - hits) for place, at in enumerate(order[:asked])]


def examination(answers: list[Answered], failed: int) -> Examination:
    at = Examination(WHO.mark, RULE, Space(0, VALUES), lambda: b"")
    told = [*answers, *[None] * failed]
    for question, answer in zip(ASKED, told, strict=False):
        assert question.association and question.form
        line = Line(question.association.index, question.form, question.temperature, log_e=at._wealth.log_e)  # pyright: ignore[reportPrivateUsage]
        line = replace(line, digest="0" * 64, outcome="failed", why="unavailable")
        if answer:
            log_e = at._wealth.take(answer)  # pyright: ignore[reportPrivateUsage]
            line = replace(line, outcome="answered", why="", fresh=1, hit=answer.hit, log_e=log_e)
        at.lines.append(line)
    at.answers.extend(answers)
    return at


def told(base: Evidence, answers: list[Answered], why: str, failed: int, *, complete: bool, half: bool) -> Evidence:
    """The evidence as whoever ends the run may write it."""
    one = replace(judged(WHO, RULE, examination(answers, failed), complete=complete), why=why)
    marks = (replace(unjudged(one), lines=(), probes=0) if half else one,)
    draft = replace(
        base, verdict=overall(marks), settings=SETTINGS, keys=KEYS, targets=VALUES, lowest=0, marks=marks, ordinary=99,
        ordinary_failed=50, screening=screened(marks), unfinished=one if half else None, stopped="?" if half else "",
    )  # fmt: skip
    return replace(draft, claim=claim(draft))


def every(base: Evidence, answers: list[Answered]) -> Iterator[Evidence]:
    """All the ways to end here: cut, unplugged till the suspect is gone or to the schedule's end, stopped."""
    left = PROBES - len(answers)
    gone = "the suspect stopped answering"
    for complete in (True, False):
        for why in ("", gone) if left else ("",):
            for failed in {0, min(left, 8), left}:
                yield told(base, answers, why, failed, complete=complete, half=False)
        yield told(base, answers, "", 0, complete=complete, half=True)


def accepted(base: Evidence, answers: list[Answered]) -> bool:
    """Whether `check` lets an accusation pass."""
    return any(one.verdict.startswith(MET) and holds(check(sealed(one, None))) for one in every(base, answers))


@pytest.fixture
def base(judge: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> Evidence:
    def uncounted(*_: object, **__: object) -> float:
        raise Misconfigured("the key null has no say in a verdict, and takes long to count")

    monkeypatch.setattr("azeotrope.verify.examining.accused", uncounted)
    return judge(lambda _: "?", names=(), budget=1, alpha=0.1, keys=1).evidence


def test_whoever_ends_the_run_when_it_suits_accuses_no_more_often_than_is_allowed(base: Evidence) -> None:
    open_, accusing, by_p = {0: 1.0}, 0.0, 0
    for step in range(1, PROBES + 1):
        after: dict[int, float] = {}
        for hits, mass in open_.items():
            after[hits] = after.get(hits, 0.0) + mass * (1 - 1 / VALUES)
            after[hits + 1] = after.get(hits + 1, 0.0) + mass / VALUES
        for hits in list(after):
            answers = course(hits, step)
            if not found(answers, RULE, complete=True).proved:
                continue  # however it is told
            by_wealth = found(answers, RULE, complete=False).proved
            by_p += not by_wealth
            assert accepted(base, answers) or step < PROBES, "the whole schedule was answered"
            if by_wealth or accepted(base, answers):
                accusing += after.pop(hits)
        open_ = after
    assert by_p, "there are courses that prove by p alone"
    assert 0 < accusing <= ALPHA / KEYS


def test_what_the_wealth_proves_is_accepted_wherever_the_run_ends(base: Evidence) -> None:
    """So that the bound above is no empty word."""
    answers = course(8, 10)
    assert found(answers, RULE, complete=False).proved
    assert accepted(base, answers)
