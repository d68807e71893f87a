"""`appraise`: every defense is asked beside the bare teacher, without a memory, and once for all."""

import asyncio
from statistics import median
from types import SimpleNamespace

import pytest
import torch
from msgspec.structs import replace
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.evaluate import appraise as room
from azeotrope.evaluate.appraise import Settings, appraise
from azeotrope.evaluate.results import opened, together
from azeotrope.models import loading, perplexity
from azeotrope.models.fake import Scripted
from azeotrope.report import results as report
from azeotrope.types import Cell, Run, Score, Utility

RUN = Run("c", "1", "", "m", "2026")
BODY = """
[[defenses]]
name = "withhold"
[[defenses]]
name = "instruct"
label = "louder"
writer = "task:louder"
[[attacks]]
name = "deed"
"""


def run(lab, settings: Settings = Settings(3), body: str = BODY) -> list[str]:
    return asyncio.run(appraise(lab.plan(body), lab.results.parent, settings))


def found(lab) -> dict[str, dict]:
    return {one["defense"]: one for one in lab.lines("appraisal")}


def test_each_defense_is_asked_beside_the_bare_teacher_and_nothing_is_looked_up(lab) -> None:
    assert run(lab) == []
    records = found(lab)
    assert list(records) == ["none", "withhold", "louder"]
    for one in records.values():
        assert {len(one[name]) for name in ("milliseconds", "tokens", "bare_milliseconds", "bare_tokens")} == {3}
        assert min(one["milliseconds"]) >= 0 and one["failed"] == 0 and one["clock"] == "cpu"
        assert one["task"] == "micro" and one["split"] == "test" and one["unread"] == "not asked for"
    assert len(lab.log("asked")) == 3 * 2 * (1 + 3), "each is asked twice for each problem, the first once more"
    assert not (lab.results.parent / ".traces").exists(), "nothing is remembered"


def test_times_and_tokens_stand_in_their_own_columns(lab, monkeypatch) -> None:
    """By a clock that the teacher moves by one second and whatever is in front of it by four more."""
    now, real = [0.0], room.ask

    async def ask(model, request):
        trace = await real(model, request)
        bare = isinstance(model, Scripted)
        now[0] += 1 if bare else 5
        return replace(trace, usage={"completion_tokens": 10 if bare else 30})

    monkeypatch.setattr(room, "ask", ask)
    monkeypatch.setattr(room, "time", SimpleNamespace(process_time=lambda: now[0], perf_counter=lambda: 0.0))
    run(lab)
    none, withhold = found(lab)["none"], found(lab)["withhold"]
    assert withhold["milliseconds"] == [5000.0] * 3 and withhold["tokens"] == [30] * 3
    assert none["milliseconds"] == none["bare_milliseconds"] == withhold["bare_milliseconds"] == [1000.0] * 3
    assert none["tokens"] == none["bare_tokens"] == withhold["bare_tokens"] == [10] * 3


def test_reading_is_of_what_left_against_the_bare_teachers_working(lab) -> None:
    run(lab)
    records = found(lab)
    assert records["none"]["figures"] == [1.0] * 3 and len(records["none"]["ease"]) == 3
    assert records["withhold"]["ease"] == records["withhold"]["figures"] == []
    assert set(records["louder"]["figures"]) <= {0.0}, "LOUD has no number; where it is withheld there is no entry"


def test_what_is_there_is_not_measured_again_and_cells_stay_what_they_are(lab) -> None:
    cell = Cell("d", "withhold", "deed", "micro", 0, "screen", "validation", {"raw": Score("+")})
    with opened(lab.results) as results:
        results.add(cell, RUN)
    before = lab.results.read_bytes()
    run(lab)
    once = lab.results.read_bytes()
    assert once.startswith(before) and len(found(lab)) == 3
    run(lab)
    assert lab.results.read_bytes() == once
    run(lab, Settings(2))
    assert len(lab.lines("appraisal")) == 6, "another number of traces is another measurement"
    kept = together([lab.results])
    assert kept.cells == {"d": cell} and len(kept.appraisals) == 6 and not kept.utilities


def test_a_judge_reads_each_text_once_and_an_absent_one_is_told(lab, monkeypatch) -> None:
    texts: list[str] = []

    def judge(source: str) -> perplexity.Perplexity:
        if source == "absent":
            raise Misconfigured("its weights are not installed; fetch them")
        return lambda asked: [texts.append(one) or (1.23456789, 1 if "0" in one else len(one)) for one in asked]

    monkeypatch.setattr(room, "judge", judge)
    run(lab, Settings(3, "absent"))
    assert {one["unread"] for one in lab.lines("appraisal")} == {"its weights are not installed; fetch them"}
    run(lab, Settings(3, "absent"))
    assert len(lab.lines("appraisal")) == 3
    run(lab, Settings(3, "there"))
    assert len(texts) == len(set(texts)) >= 3
    bare = found(lab)["none"]
    assert bare["judge"] == "there" and not bare["unread"]
    assert bare["nats"] and {mean for mean, _ in bare["nats"]} == {1.23457}
    assert len(bare["nats"]) == sum("0" not in text for text in texts if "=" in text), "a token alone says nothing"
    assert len(lab.lines("appraisal")) == 6, "those that nobody read are measured again"


def test_a_defense_that_fails_is_told_and_the_others_are_measured(lab, monkeypatch) -> None:
    real = room.shielding.defense

    def defense(todo, given):
        if todo.defense.label == "withhold":
            raise ValueError("no such thing")
        return real(todo, given)

    monkeypatch.setattr(room.shielding, "defense", defense)
    (fault,) = run(lab)
    assert "withhold" in fault and "no such thing" in fault
    assert list(found(lab)) == ["none", "louder"]


def test_what_cannot_be_asked_has_no_entry(lab, monkeypatch) -> None:
    real, seen = room.ask, []

    async def ask(model, request):
        seen.append(request)
        if request.messages[0]["content"].endswith("+ 1"):
            raise Unavailable("down")
        return await real(model, request)

    monkeypatch.setattr(room, "ask", ask)
    run(lab)
    assert {one["failed"] for one in lab.lines("appraisal")} == {1}
    assert {len(one["milliseconds"]) for one in lab.lines("appraisal")} == {2}


@pytest.mark.parametrize("refused", [0, 1, 2])
def test_what_is_asked_first_is_not_timed_whichever_that_is(lab, monkeypatch, refused) -> None:
    """What is made at the first request costs no trace anything, also where the first problems are refused."""
    now, real, warm = [0.0], room.ask, dict[int, object]()

    async def ask(model, request):
        if int(request.messages[0]["content"].split()[-1]) < refused:
            raise Unavailable("down")
        now[0] += 1 if id(model) in warm else 100
        warm[id(model)] = model
        return await real(model, request)

    monkeypatch.setattr(room, "ask", ask)
    monkeypatch.setattr(room, "time", SimpleNamespace(process_time=lambda: now[0], perf_counter=lambda: 0.0))
    run(lab, body='[[defenses]]\nname = "withhold"\n[[attacks]]\nname = "deed"\n')
    for one in lab.lines("appraisal"):
        assert one["milliseconds"] == one["bare_milliseconds"] == [1000.0] * (3 - refused) and one["failed"] == refused


def test_where_a_model_is_elsewhere_the_clock_counts(lab, monkeypatch) -> None:
    plan = lab.plan(BODY)
    todo = next(one for one in room.Grid(plan, room.facts.found(plan)).utilities() if one.defense.label == "louder")
    assert room._clock(plan, todo) == "cpu"
    away = room.Todo(todo.digest, todo.task, _written_by(todo.defense, "http://x/v1#m"), None, "confirm", 0, 1.0)
    assert room._clock(plan, away) == "wall"
    monkeypatch.setattr(loading, "placed", lambda device: torch.device("cuda"))
    assert room._clock(plan, todo) == "wall", "an accelerator works while the process waits"


def _written_by(shield, writer: str):
    return replace(shield, writer=writer)


def test_the_command_says_what_it_measured(lab) -> None:
    path = lab.write(BODY)
    shown = CliRunner().invoke(
        app, ["appraise", str(path), "--results", str(lab.results.parent), "--traces", "2", "--perplexity", ""]
    )
    assert shown.exit_code == 0, shown.output
    assert "micro: withhold: " in shown.output and "nothing to read; no perplexity: not asked for" in shown.output
    (bare,) = (one for one in lab.lines("appraisal") if one["defense"] == "none")
    assert f"micro: none: {median(bare['milliseconds']):.1f} ms a trace, undefended" in shown.output


def judged(lab, body: str = BODY) -> None:
    """What `evaluate` would leave: the utilities of the experiment, one cell, and word of what counts no longer."""
    plan, cell = lab.plan(body), Cell("d", "none", "deed", "micro", 0, "screen", "validation", {"raw": Score("+")})
    todos = room.Grid(plan, room.facts.found(plan)).utilities()
    with opened(lab.results) as results:
        results.add(cell, RUN)
        results.settle({"d", *(one.digest for one in todos)}, {("micro", one.defense.label) for one in todos}, RUN)
        for one in todos:
            if one.digest not in results.utilities:
                results.add(Utility(one.digest, one.defense.label, "micro", "test", {"raw": Score("+-")}), RUN)


def shown(lab) -> dict[str, int]:
    """defense -> how many traces of it the report tells of."""
    return {one.defense: len(one.milliseconds) for one in report.read(lab.results).appraisals}


def test_what_is_asked_for_again_is_what_the_report_shows(lab) -> None:
    run(lab, Settings(3))
    run(lab, Settings(2))
    with opened(lab.results) as results:
        results.add(Cell("d", "none", "deed", "micro", 0, "screen", "validation", {"raw": Score("+")}), RUN)
    assert shown(lab) == {"none": 2, "withhold": 2, "louder": 2}
    asked = len(lab.log("asked"))
    run(lab, Settings(3))
    assert shown(lab) == {"none": 3, "withhold": 3, "louder": 3}
    size = len(lab.results.read_bytes())
    run(lab, Settings(3))
    assert len(lab.results.read_bytes()) == size, "said once"
    run(lab, Settings(3), BODY.replace('"louder"', '"loudest"'))
    assert shown(lab) == {"none": 3, "withhold": 3, "loudest": 3}, "by the name that it has now"
    assert len(lab.log("asked")) == asked, "all of it was known"


def test_what_a_defense_took_before_its_setting_was_changed_is_left_out(lab) -> None:
    changed = BODY.replace('"instruct"', '"terse"').replace('writer = "task:louder"\n', "")
    judged(lab)
    run(lab, Settings(3))
    run(lab, Settings(2))
    judged(lab, changed)
    assert shown(lab) == {"none": 2, "withhold": 2}, "those of the others hold"
    assert "to serve louder (micro) is left out" in " ".join(report.read(lab.results).remarks)
    run(lab, Settings(3), changed)
    assert shown(lab) == {"none": 3, "withhold": 3, "louder": 3}
    asked = len(lab.log("asked"))
    run(lab, Settings(2))
    assert shown(lab) == {"none": 2, "withhold": 2, "louder": 3}, "the grid has the changed setting"
    judged(lab)
    assert shown(lab) == {"none": 2, "withhold": 2, "louder": 2}, "what is known is taken up again, the last of it"
    assert len(lab.log("asked")) == asked and "to serve" not in " ".join(report.read(lab.results).remarks)


def test_a_grid_that_was_stopped_before_it_asked_the_changed_defense_shows_nothing_of_the_old(lab) -> None:
    judged(lab)
    run(lab, Settings(3))
    with opened(lab.results) as results:
        results.settle((), {("micro", "louder")}, RUN)
    assert shown(lab) == {"none": 3, "withhold": 3}
