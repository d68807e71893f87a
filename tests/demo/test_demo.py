"""The demonstration: its questions are what they are said to be, its scripted rewrite passes every check, it runs."""

import re

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from azeotrope import Request, Trace, demo, release
from azeotrope.cli import app
from azeotrope.defenses.instruct import instruction
from azeotrope.demo import OPEN, Round, Told

LEGS = {"beetle": 6, "bee": 6, "duck": 2}


def test_the_right_answers_are_right() -> None:
    """Worked out again here, each in its own way."""
    chain, puzzles, sparkling, legs = demo.questions().questions
    left, right = map(int, re.findall(r"\d+", chain.question))
    assert left + right == int(chain.gold)
    minutes_puzzle, minutes_riddle, solved_puzzles, solved_riddles = map(int, re.findall(r"\d+", puzzles.question))
    assert minutes_puzzle * solved_puzzles + minutes_riddle * solved_riddles == int(puzzles.gold)
    ccs, cartons, calories = map(int, re.findall(r"\d+", sparkling.question))
    assert ccs * cartons * calories == int(sparkling.gold)
    counted = re.findall(r"(\d+) (beetle|bee|duck)", legs.question)
    assert sum(int(n) * LEGS[animal] for n, animal in counted) == int(legs.gold)


async def test_the_scripted_rewrite_passes_and_its_checks_bite() -> None:
    scripted = demo.questions().scripted
    trace = Trace("t", Request.of(scripted.question), scripted.reasoning, scripted.answer)
    checks = instruction("plan").checks
    assert await release.failure(scripted.rewrite, trace, extra=checks) is None
    assert await release.failure(scripted.rewrite + " That makes 56 loaves.", trace, extra=checks) == "new_number"
    assert scripted.gold in scripted.answer


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """One real question, few tokens, and time enough for it."""
    monkeypatch.setattr(demo, "ENOUGH_SECONDS", float("inf"))
    all_of_them = demo.questions()
    monkeypatch.setattr(demo, "questions", lambda: replace(all_of_them, questions=all_of_them.questions[:1]))
    for name, tokens in (("ANSWER_TOKENS", 8), ("THOUGHT_TOKENS", 12), ("REWRITE_TOKENS", 16)):
        monkeypatch.setattr(demo, name, tokens)


async def test_it_runs_on_the_real_model_behind_the_real_gateway(short: None) -> None:
    told, rounds, done = list[Told](), list[Round](), list[str]()
    records = await demo.run(told.append, rounds.append, done.append)
    assert (told[0].licence, told[0].address.startswith("http://127.0.0.1:")) == ("apache-2.0", True)
    assert records == sum(len(round_.replies) for round_ in rounds) == 8
    for round_ in rounds:
        shown = {reply.policy: reply for reply in round_.replies}
        assert list(shown) == [OPEN, "withhold", "terse", "instruct"]
        assert shown[OPEN].reasoning and shown[OPEN].answer
        assert {reply.answer for reply in round_.replies} == {shown[OPEN].answer}
        assert shown["withhold"].reasoning == ""
        assert (shown["instruct"].reasoning == "") is bool(shown["instruct"].failures)
    scripted = {reply.policy: reply for reply in rounds[-1].replies}
    assert scripted[OPEN].reasoning == demo.questions().scripted.reasoning
    assert scripted["instruct"].reasoning == demo.questions().scripted.rewrite


async def test_when_time_is_up_no_further_question_is_begun(short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "ENOUGH_SECONDS", 0.0)
    rounds = list[Round]()
    assert await demo.run(lambda _: None, rounds.append, lambda _: None) == 4
    assert [bool(round_.question.reasoning) for round_ in rounds] == [True]


def test_the_command_prints_eighty_columns_of_plain_text(short: None) -> None:
    run = CliRunner().invoke(app, ["demo"], env={"COLUMNS": "80"})
    assert run.exit_code == 0, run.output
    assert max(map(len, run.stdout.splitlines())) <= 80
    assert "\x1b" not in run.stdout and "az-" not in run.output
    for said in ("licence apache-2.0", "SCRIPTED", "answers changed       0 of 8", "What it did not"):
        assert said in run.stdout
    assert "seconds" not in run.stderr and demo.questions().scripted.reasoning[:40] not in run.stderr
