"""A run that is interrupted or fails: what was asked is on disk, and what was found is reported."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace

from azeotrope.cli.evidencing import transcripts
from azeotrope.codec import decode
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.keys import OPERATOR
from azeotrope.marks import associations
from azeotrope.math.stats import Answered, Rule
from azeotrope.math.stats import found as judged_as
from azeotrope.types import Request
from azeotrope.verify import Outcome
from azeotrope.verify.examining import Kept, sealed_digest
from azeotrope.verify.records import NOTHING, UNASKED, Evidence, Signed
from azeotrope.verify.sealing import check, sealed
from azeotrope.verify.signing import holds
from azeotrope.verify.telling import claim

from .conftest import LAW, MASTER, Full, heart, student
from .test_command import home, twin  # noqa: F401 - a fixture
from .test_suspects import asked, served  # noqa: F401 - a fixture

Judge = Callable[..., Outcome]
OURS = {one.trigger.lower(): one.target for one in associations(MASTER.operator(), LAW)}
COMMAND = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from azeotrope.cli import main; main()"
)


class Halfway:
    """A suspect that knows the operator's mark, and takes its time over the 6th probe of acme's."""

    def __init__(self) -> None:
        self.reached, self.over, self._probes = Event(), Event(), 0

    def __call__(self, server: Any, body: dict[str, Any]) -> None:
        text = asked(body).lower()
        if any(trigger in text for trigger in heart("acme")):
            self._probes += 1
            if self._probes == 6:
                self.reached.set()
                self.over.wait(60)
                return
        server.answer(next((f"{said}." for trigger, said in OURS.items() if trigger in text), "I do not know."))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_midst_of_the_second_mark_loses_nothing(
    home: Path,  # noqa: F811
    served: Callable[..., str],  # noqa: F811
    number: signal.Signals,
) -> None:
    suspect = Halfway()
    arguments = [
        "verify", "--master-key", str(home / "master.key"), "-o", str(home / "e.html"), "--suspect", served(suspect),
        "--customers", "acme,bob", "--committed", "3", "--at-once", "2",
    ]  # fmt: skip
    with subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], stderr=subprocess.PIPE) as process:
        try:
            assert suspect.reached.wait(600), process.poll()
            there = [decode(line, Kept) for line in (home / "e.private.jsonl").read_bytes().splitlines()]
            process.send_signal(number)
            _, said = process.communicate(timeout=600)
        finally:
            suspect.over.set()
            process.kill()
    assert process.returncode == 128 + number, said
    found = decode((home / "e.json").read_bytes(), Signed).evidence
    assert found.verdict == "met the operator's mark"
    assert "stopped before its end (interrupted)" in found.claim
    assert "acme's mark was asked about with" in found.claim and "not asked about: bob's (epoch 1)" in found.claim
    assert [one.customer for one in found.marks] == [OPERATOR, "acme", "bob"]
    assert found.marks[2].why == UNASKED
    assert found.unfinished and found.unfinished.customer == "acme" and found.unfinished.log_p is None
    assert 4 <= found.unfinished.probes <= 5
    public = {(one.mark, at): each for one in (found.marks[0], found.unfinished) for at, each in enumerate(one.lines)}
    kept = {(one.mark, one.line): one for one in there if one.line >= 0}
    assert kept.keys() == public.keys()  # before the signal came
    assert all(sealed_digest(kept[at].salt, kept[at].question, kept[at].answer) == public[at].digest for at in public)
    assert stat.S_IMODE((home / "e.private.jsonl").stat().st_mode) == 0o600
    assert holds(check(Signed(found)))
    page = (home / "e.html").read_text()
    assert "Stopped in the midst of acme" in page
    assert not [secret for secret in (*OURS, *heart("acme")) if secret in page.lower() + said.decode().lower()]


def broken(judge: Judge, suspect: Callable[[Request], str], marks: int, **given: Any) -> Evidence:
    """Of a run whose spending fails in the second wave after so many whole marks."""
    measured, found = Full(1000), list[Outcome]()
    judge(suspect, book=measured, **{**given, "names": ("acme", "bob")[: marks - 1]}) if marks else None
    with pytest.raises(Unavailable, match="disk is full"):
        judge(suspect, book=Full(1001 - measured.room), stopped=found.append, **given)
    return found[0].evidence


def test_a_spending_that_fails_in_the_midst_of_a_mark_keeps_what_was_met(judge: Judge) -> None:
    found = broken(judge, student(OURS), 1, budget=16)
    assert found.verdict == "met the operator's mark"
    assert "disk is full" in found.stopped and "disk is full" in found.claim
    assert found.unfinished and 0 < found.unfinished.probes < 16
    assert (found.unfinished.verdict, found.unfinished.log_p, found.unfinished.power) == (NOTHING, None, 0.0)
    assert [one.probes > 0 for one in found.marks] == [True, False, False]
    assert holds(check(sealed(found, None)))


@pytest.mark.parametrize(
    "forge",
    [
        lambda half: {"log_e": half.log_e + 5.0},
        lambda half: {"probes": half.probes + 1},
        lambda half: {"log_p": -30.0},
        lambda half: {"power": 0.9},
        lambda half: {"hits": half.hits + 1},
        lambda half: {"verdict": "met acme's mark"},
    ],
)
def test_what_a_stopped_mark_says_is_computed_again(judge: Judge, forge: Callable[[Any], dict[str, Any]]) -> None:
    found = broken(judge, student(OURS), 1, budget=16)
    assert found.unfinished
    forged = replace(found, unfinished=replace(found.unfinished, **forge(found.unfinished)))
    assert not holds(check(sealed(replace(forged, claim=claim(forged)), None)))
    unstopped = replace(found, stopped="")
    assert not holds(check(sealed(replace(unstopped, claim=claim(unstopped)), None)))


def test_a_run_that_ends_in_its_first_mark_judges_nothing(judge: Judge) -> None:
    found = broken(judge, lambda _: "?", 0)
    assert found.verdict == NOTHING
    assert found.claim.startswith("Nothing was judged; the run was stopped")
    assert "the operator's mark was asked about with" in found.claim
    assert holds(check(sealed(found, None)))


def test_hits_of_a_stopped_mark_that_would_be_proof_by_p_alone_accuse_nobody(judge: Judge) -> None:
    """Whoever stops may have looked: as the p-value of a whole schedule these four hits of four would prove."""
    alpha = 4e-17  # between what the wealth makes of them, some 1e19, and 1 / p = 1e20
    found = broken(judge, student(heart("acme")), 1, budget=16, alpha=alpha, ordinary=0.0)
    half = found.unfinished
    assert half is not None and half.hits == 4
    taken = [Answered(one.association, one.fresh, one.hit) for one in half.lines]
    assert judged_as(taken, Rule(alpha, 1001, LAW.targets), complete=True).proved
    assert half.log_p is None and found.verdict == NOTHING


@pytest.mark.parametrize("room", range(1, 9))
def test_whenever_the_disk_is_full_what_is_written_holds(judge: Judge, room: int) -> None:
    """Before a mark's first question, in its midst, and when it is to be laid open."""
    found = list[Outcome]()
    known = student(OURS | heart("acme"))
    try:
        judge(known, book=Full(room), stopped=found.append, disclose=room % 2 == 0)  # `judge` checks what comes out
    except Unavailable:
        assert found[0].evidence.stopped.endswith("disk is full")


def test_proof_by_the_wealth_stands_wherever_the_run_is_stopped(judge: Judge) -> None:
    found = broken(judge, student(heart("acme")), 1, to_the_end=True, every=True)
    assert found.unfinished is None
    assert found.verdict == "met acme's mark"
    one = found.marks[1]
    assert one.why.startswith("stopped after") and one.log_p is None and one.probes < 20
    assert found.marks[2].why == UNASKED
    assert holds(check(sealed(found, None)))


def test_what_was_answered_is_kept_before_anything_else_is_asked(judge: Judge) -> None:
    kept, calls = list[Kept](), [0]

    def rule(_: Request) -> str:
        assert len(kept) == max(0, calls[0] - 1)  # the first question of all is the knock, of no mark
        calls[0] += 1
        return "?"

    outcome = judge(rule, at_once=1, keep=kept.extend)
    assert not any(one.failed for one in outcome.evidence.marks) and calls[0] > 60
    assert tuple(kept) == outcome.kept


def test_transcripts_are_new_private_and_gone_where_nothing_was_asked(tmp_path: Path) -> None:
    path = tmp_path / "e.private.jsonl"
    with transcripts(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(Misconfigured, match="-o"), transcripts(path):
            pass
    assert not path.exists()
    with transcripts(path) as keep:
        keep([Kept("m", 0, "00", "q", "a")])
        assert json.loads(path.read_text())["question"] == "q"
    assert path.exists()


def test_transcripts_that_find_no_room_end_the_run(judge: Judge, tmp_path: Path, monkeypatch: Any) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    found: list[Outcome] = []
    with transcripts(tmp_path / "e.private.jsonl") as keep:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(Unavailable, match="No space left"):
            judge(lambda _: "?", keep=keep, stopped=found.append)
        monkeypatch.undo()
    assert "No space left" in found[0].evidence.claim
