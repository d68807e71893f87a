"""The whole of it with real processes: killed and resumed, workers that die, slices, Ctrl-C, the command's answers."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import json
from msgspec.structs import replace
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import Preview, Settings, evaluate, facts, heading, preview, read
from azeotrope.evaluate.grid import Grid
from azeotrope.evaluate.outcome import failed
from azeotrope.evaluate.plan import Fits
from azeotrope.evaluate.results import opened, together
from azeotrope.report import results as report
from azeotrope.types import Score, Utility

BODY = """
[[defenses]]
name = "withhold"
[[attacks]]
name = "sft"
"""
DEEDS = """
[[attacks]]
name = "sft"
[[attacks]]
name = "deed"
label = "waits"
config = { hold = "HOLD" }
[[attacks]]
name = "deed"
label = "dies"
config = { what = "dies" }
"""
ALONE = Settings(workers=1)


def until(condition, seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "this never happened"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_killed_run_goes_on_and_does_only_what_is_missing(lab) -> None:
    hold = lab.folder / "hold"
    source = lab.write(DEEDS.replace("HOLD", str(hold)))
    folder = lab.results.parent
    command = [sys.executable, "-m", "azeotrope", "evaluate", str(source), "--results", str(folder), "--workers", "1"]
    run = subprocess.Popen(command, start_new_session=True)
    try:
        until(lambda: lab.log("began") and len(lab.lines("cell")) == 4)
        (worker,) = lab.pids("began")
        os.kill(run.pid, signal.SIGKILL)
        run.wait(60)
        until(lambda: not alive(worker))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait(60)
    before, utilities = [cell["digest"] for cell in lab.lines("cell")], len(lab.lines("utility"))
    assert (len(before), utilities) == (4, 1), "never, answer_only, public, sft; the teacher itself"
    with lab.results.open("ab") as file:
        file.write(b'{"cell": {"digest": "to')
    hold.touch()
    asked = len(lab.log("asked"))

    summary = evaluate(read(source), folder, ALONE)

    after = [cell["digest"] for cell in lab.lines("cell")]
    assert after[:4] == before and len(set(after)) == len(after) == summary.done + 4
    cells = {(cell["stage"], cell["defense"], cell["attack"], cell["seed"]): cell for cell in lab.lines("cell")}
    reasons = {key: cell["reason"] for key, cell in cells.items() if not cell["scores"]}
    assert reasons == {("screen", "none", "dies", 0): "died: its process was killed (SIGKILL)"}
    assert (summary.reasons, summary.left) == ({"died: its process was killed (SIGKILL)": 1}, 0)
    assert len(lab.lines("run")) == 2
    assert len(lab.lines("utility")) == utilities
    confirmed = {(attack, seed) for stage, _, attack, seed in cells if stage == "confirm"}
    assert confirmed == {(name, seed) for name in ("never", "answer_only", "public", "sft") for seed in (1, 2)}
    said = {key[2]: cell["scores"]["raw"]["verdicts"] for key, cell in cells.items() if cell["scores"]}
    assert said == {"never": "----", "answer_only": "----", "public": "++++", "sft": "++++", "waits": "++++"}
    assert len(lab.log("asked")) == asked, "every trace was recorded before the kill"


def test_ctrl_c_loses_only_what_is_under_way(lab) -> None:
    plan = lab.plan(BODY)

    def watch(progress) -> None:
        if progress.done == 2 and progress.latest.attack:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(plan, lab.results.parent, ALONE, watch)
    assert multiprocessing.active_children() == []
    assert (len(lab.lines("utility")), len(lab.lines("cell"))) == (2, 2)

    left = [one for one in preview(plan, lab.results.parent, ALONE).planned if not one.done]
    assert len(left) == 3, "of five cells of the screen"
    later = evaluate(plan, lab.results.parent, Settings(workers=1, minutes=0.0))
    assert (later.done, later.left) == (0, 3)
    with pytest.raises(Misconfigured, match=r"3 of 5 cells of the screen are missing.*run --stage screen first"):
        evaluate(plan, lab.results.parent, Settings("confirm", 1))
    assert len(lab.lines("run")) == 1, "who adds nothing heads nothing"


def test_one_defense_at_a_time_comes_to_the_same_cells(lab) -> None:
    plan = lab.plan('[[defenses]]\nname = "terse"' + BODY)
    folder, alone = lab.results.parent, replace(ALONE, only=("withhold",))
    asked = {one.what for one in preview(plan, folder, alone).planned}
    assert any("withhold" in what for what in asked) and not any("terse" in what for what in asked)
    evaluate(plan, folder, alone)
    first = {(cell["stage"], cell["defense"]) for cell in lab.lines("cell")}
    assert ("confirm", "withhold") in first and not any(defense == "terse" for _, defense in first)
    assert evaluate(plan, folder, alone).done == 0

    evaluate(plan, folder, ALONE)
    parts = sorted(cell["digest"] for cell in lab.lines("cell"))
    whole = [*Grid(plan, facts.found(plan)).screen()]
    assert len(set(parts)) == len(parts) and {todo.digest for todo in whole} <= set(parts)
    with pytest.raises(Misconfigured, match="no defense is called nothing; x has terse, withhold"):
        evaluate(plan, folder, replace(ALONE, only=("nothing",)))


def test_a_label_that_was_changed_is_found_again(lab) -> None:
    plan = lab.plan(BODY)
    known = facts.found(plan)
    grid = Grid(plan, known)
    with opened(lab.results) as results:
        for todo in [*grid.screen(), *grid.confirmed(grid.screen())]:
            cell = failed(todo, "", 1.0)
            results.add(replace(cell, scores={"raw": Score("+")}), heading.head(plan))
        for todo in grid.utilities():
            results.add(Utility(todo.digest, todo.defense.label, todo.task.label, "test"), heading.head(plan))
    before = lab.results.read_bytes()
    assert evaluate(plan, lab.results.parent, ALONE).done == 0
    assert lab.results.read_bytes() == before, "nothing was to be done"
    renamed = evaluate(lab.plan(BODY.replace('"sft"', '"sft"\nlabel = "plain"')), lab.results.parent, ALONE)
    assert (renamed.done, renamed.left) == (0, 0)
    added = lab.results.read_bytes()[len(before) :]
    assert added.count(b'"attack":"plain"') == added.count(b'"cell"') == 6


def test_a_dry_run_says_what_there_is_to_do_and_writes_nothing(lab) -> None:
    source = lab.write(BODY)
    arguments = ["evaluate", str(source), "--results", str(lab.results.parent), "--dry-run", "--workers", "1"]
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 0, said.output
    assert "micro: withhold x sft, seed 0, screen" in said.output
    assert "7 of 7 to do, then at most 10 that the screen chooses; how long is not known with 1 workers" in said.output
    plan = json.decode(CliRunner().invoke(app, [*arguments, "--json"]).output, type=Preview)
    assert (len(plan.planned), plan.to_choose, plan.seconds) == (7, 10, None)
    assert not lab.results.parent.exists()


def test_another_experiments_cells_of_the_same_settings_are_taken_over_with_their_run(lab) -> None:
    plan = lab.plan(BODY)
    grid = Grid(plan, facts.found(plan))
    theirs, run = lab.results.parent / "theirs.jsonl", replace(heading.head(plan), commit="earlier")
    bare, *behind = grid.screen()
    with opened(theirs) as results:
        results.add(replace(failed(bare, "died", 1.0), defense="theirs"), run)
        for todo in behind:
            results.add(replace(failed(todo, "", 1.0), scores={"raw": Score("+")}, defense="theirs"), run)
        for todo in grid.utilities():
            results.add(Utility(todo.digest, "theirs", todo.task.label, "test"), run)
    assert preview(plan, lab.results.parent, ALONE).planned[-1].done is False
    utilities_and_screen = preview(plan, lab.results.parent, ALONE, [theirs]).planned[: 3 + len(behind)]
    assert [one.done for one in utilities_and_screen] == [True, True, False, *(True for _ in behind)]
    source = lab.write(BODY)
    arguments = ["evaluate", str(source), "--results", str(lab.results.parent), "--workers", "1", "--stage", "screen"]
    done = CliRunner().invoke(app, [*arguments, "--reuse", str(theirs)])
    assert "1 done in" in done.output, done.output
    assert {cell["defense"] for cell in lab.lines("cell")} == {"none", "withhold"}, "under the experiment's own names"
    assert [one["commit"] == "earlier" for one in lab.lines("run")] == [True, False]
    missing = CliRunner().invoke(app, [*arguments, "--reuse", "nowhere.jsonl"])
    assert isinstance(missing.exception, Misconfigured) and "nowhere.jsonl" in str(missing.exception)


def shown(lab) -> set[str]:
    """The digests of the cells that a report reads."""
    return {cell.digest for cell in report.read(lab.results).cells}


def digests(plan) -> set[str]:
    grid = Grid(plan, facts.found(plan))
    return {todo.digest for todo in [*grid.screen(), *grid.confirmed(grid.screen())]}


def longer(plan):
    return replace(plan, learner=replace(plan.learner, recipe={"steps": 3}))


def test_a_changed_setting_leaves_nothing_of_the_old_one_in_the_report_and_forgets_nothing(lab) -> None:
    both = BODY.replace('"sft"', '"sft"\n[[attacks]]\nname = "deed"\nlabel = "other"')
    first, folder = lab.plan(both), lab.results.parent
    evaluate(first, folder, ALONE)
    before, old = lab.results.read_bytes(), shown(lab)
    second = longer(lab.plan(BODY))
    assert evaluate(second, folder, replace(ALONE, stage="screen")).done, "all of it is to be done anew"
    assert lab.results.read_bytes().startswith(before)
    assert shown(lab) <= digests(second) and not shown(lab) & old
    assert "cells are left out" in " ".join(report.read(lab.results).remarks)

    assert evaluate(first, folder, ALONE).done == 0, "what is known is not computed again"
    assert shown(lab) == old, "the first settings hold again"
    size = len(lab.results.read_bytes())
    evaluate(first, folder, ALONE)
    assert len(lab.results.read_bytes()) == size, "said once"


def test_a_part_of_the_defenses_says_nothing_of_the_others(lab) -> None:
    plan, folder = lab.plan('[[defenses]]\nname = "terse"' + BODY), lab.results.parent
    evaluate(plan, folder, ALONE)
    terse = {cell["digest"] for cell in lab.lines("cell") if cell["defense"] == "terse"}
    changed = longer(plan)
    evaluate(changed, folder, replace(ALONE, only=("withhold",), stage="screen"))
    assert shown(lab) - digests(changed) == terse


def test_an_attack_that_is_chosen_no_longer_keeps_its_students_while_its_settings_hold(lab) -> None:
    folder, more = lab.results.parent, BODY + '[[attacks]]\nname = "deed"\nlabel = "other"\n'
    evaluate(lab.plan(BODY), folder, ALONE)
    old = shown(lab)
    evaluate(lab.plan(more), folder, ALONE)
    assert old < shown(lab) and not lab.lines("superseded")
    evaluate(lab.plan(BODY), folder, ALONE)
    assert shown(lab) == old, "an attack that was taken out of the experiment is out of its report"


def test_a_teacher_s_known_scores_are_not_enough_where_more_are_asked_for(lab) -> None:
    plan, folder = lab.plan('[[attacks]]\nname = "sft"\n'), lab.results.parent
    evaluate(plan, folder, ALONE)
    (lab.folder / "r.toml").write_text('[task]\nname = "steps"\n')
    more = replace(plan, name="y", fits=Fits(str(lab.folder / "r.toml"), "fits"))
    assert [
        one.done for one in preview(more, folder, ALONE, [lab.results]).planned if "teacher behind" in one.what
    ] == [False]
    assert evaluate(more, folder, ALONE, reuse=[lab.results]).done == 1, "the teacher alone"
    (found,) = together([folder / "y.jsonl"]).utilities.values()
    assert set(found.scores) == {"raw", "forced", "greedy"}
    assert evaluate(more, folder, ALONE).done == 0
    assert evaluate(replace(plan, name="y"), folder, ALONE).done == 0, "more than is asked for is enough"
