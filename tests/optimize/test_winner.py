"""A search that finds a winner: what is saved, that `protect` obeys it, and when nothing may be saved.

Only the students' lessons are made up; problems, rewriter, checks, floors and searcher are the real ones.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from azeotrope.cli.chain import values
from azeotrope.codec import digest
from azeotrope.defenses import instruct
from azeotrope.errors import Misconfigured, Refused, Unavailable
from azeotrope.evaluate.facts import _built, problems
from azeotrope.lift import rewriting
from azeotrope.math.stats import difference_of_means
from azeotrope.models.fake import Scripted
from azeotrope.optimize import grammar, optimize
from azeotrope.optimize.plan import Search, checked
from azeotrope.optimize.procedure import bench_of
from azeotrope.optimize.records import CONTROL, Expense, Mean, named
from azeotrope.optimize.results import looked_at
from azeotrope.optimize.scoring import Scoring
from azeotrope.protect import protect
from azeotrope.protocols import Given
from azeotrope.report import searched
from azeotrope.types import Score

TINY = {"kind": "tiny", "hidden": 16, "layers": 1, "heads": 2, "intermediate": 16, "steps": 2, "max_tokens": 8}
SIZES = {"train": 6, "proxy": 14, "validation": 3, "test": 3}
FILE: dict[str, Any] = {
    "task": {"name": "steps", "config": {"fewest": 2, "most": 2, "largest": 30, "largest_operand": 9, **SIZES}},
    "rewriter": {"name": "python:azeotrope.optimize.grammar:rewriter", "config": {"bounds": {"shortest": 8}}},
    "reflector": {"name": "python:azeotrope.optimize.edits:reflector"},
    "proxies": {"learner": TINY, "seeds": [0, 1], "traces": 9, "search": 5},
    "floors": {"kept": 0.9, "readable": 0.3},
    "searcher": {"start": "Begin every line with Part. Name the first result by a letter."},
    "budget": {"evaluations": 2},
    "confirm": {"learner": TINY, "seeds": [7]},
}
WORKING = "Step 1: 11 - 10 = 1\nStep 2: 1 * 3 = 3"


def search() -> Search:
    return checked(FILE, "here", "toy")


@pytest.fixture
def lessons(monkeypatch) -> None:
    """Students fail behind any instruction."""

    async def taught(self: Scoring, found: Any, released: Any, control: Any) -> Any:
        worse = control is not None
        scores = {"0": Score("-++" if worse else "+++"), "1": Score("-++" if worse else "+++")}
        full = found.stage == "full"
        return replace(found, damage=worse / 3 if full else None, nats=None if full else 2.0 * worse, scores=scores)

    monkeypatch.setattr(Scoring, "_taught", taught)


async def test_a_winner_is_confirmed_and_saved_and_protect_obeys_it(lessons, tmp_path: Path) -> None:
    found = await optimize(search(), tmp_path)
    row = next(row for row in found.rows if row.name == found.winner)
    path = tmp_path / "toy.md"
    read = instruct.instruction(str(path))
    assert (read.text, named(read.text)) == (row.text, found.winner)
    assert "33.3 points" in read.about and row.by in read.about and not path.with_suffix(".md.new").exists()
    assert read.about.endswith("rewritten with bounds.shortest=8"), "what its score holds with goes with it"
    assert values(list(found.settings)) == {"bounds": {"shortest": 8}}
    assert "--set bounds.shortest=8" in searched.held(found) and searched.held(found) in searched.page(found)

    (confirmed,) = found.confirmed
    assert confirmed.kept == 1.0 and confirmed.readable is not None and confirmed.readable > 0
    assert f"100 % were kept, readability {confirmed.readable:.2f}" in "\n".join(searched.lines(found))
    assert confirmed.expense.calls == SIZES["train"] and confirmed.expense.steps == 4 and confirmed.expense.seconds > 0
    assert (confirmed.name, confirmed.seed) == (found.winner, 7) and confirmed.context
    assert len(confirmed.clean.verdicts) == len(confirmed.rewritten.verdicts) == 3, "each of the test problems"
    assert list(looked_at(tmp_path / "toy.jsonl").confirmed.values()) == [confirmed]

    asked = Scripted(grammar._rewrite)
    config = instruct.Config(instruction=str(path), bounds=search().rewriter.config.bounds)
    defense = rewriting(instruct.rewrite(config, Given(asked)), name="instruct", config=config)
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    whole = {"id": 1, "question": "11 less 10, times 3?", "answer": f"{WORKING}\n#### 3"}
    source.write_text(json.dumps(whole) + "\n")
    await protect(source, out, defense)
    wanted = grammar.rewritten(WORKING, grammar.understood(read.text))
    written = json.loads(out.read_text())
    assert asked.asked and wanted != WORKING
    assert written["answer"] == f"{wanted}\n#### 3"
    assert {**written, "answer": ""} == {**whole, "answer": ""}


async def test_a_winner_is_checked_as_the_start_asks_in_the_search_and_in_its_file(
    lessons, monkeypatch, tmp_path: Path
) -> None:
    """What is measured is what `instruct` serves: letters are no numbers, so that every rewrite passes here."""
    start = tmp_path / "own.md"
    start.write_text(f'+++\nchecks = ["new_number"]\n+++\n{FILE["searcher"]["start"]}')
    plan = checked({**FILE, "searcher": {"start": str(start)}, "confirm": None, "floors": {"kept": 0}}, "here", "toy")
    real, told = instruct._parsed, list[tuple[str, ...]]()

    def parsed(text: str, name: str) -> Any:
        told.append((made := real(text, name)).checks)
        return made

    monkeypatch.setattr(instruct, "_parsed", parsed)
    found = await optimize(plan, tmp_path / "out")
    assert len(told) > 2 and set(told) == {("new_number",)}, "the start's file, and each instruction's"
    assert found.winner and instruct.instruction(str(tmp_path / "out" / "toy.md")).checks == ("new_number",)


async def test_the_headline_has_intervals_over_seeds_and_problems(lessons, monkeypatch, tmp_path: Path) -> None:
    letters = iter(["+++", "-+-", "+++", "--+", "++-", "---"])

    async def judged(*given: Any) -> Any:
        return Score(next(letters)), Expense(steps=1)

    monkeypatch.setattr("azeotrope.optimize.confirming._judged", judged)
    plan = checked({**FILE, "confirm": {"learner": TINY, "seeds": [7, 8, 9]}}, "here", "toy")
    found = await optimize(plan, tmp_path)
    rng = np.random.default_rng(0)
    wanted = difference_of_means(["-+-", "--+", "---"], ["+++", "+++", "++-"], rng=rng, draws=4_000)
    assert found.confirmed_damage == Mean(*wanted) and wanted.low < wanted.value < wanted.high
    row = next(row for row in found.rows if row.name == found.winner)
    assert found.damage is not None and found.damage.value == pytest.approx(row.damage) == pytest.approx(1 / 3)
    for mean in (found.damage, found.confirmed_damage):
        said = f"{100 * mean.value:.1f} [{100 * mean.low:.1f}, {100 * mean.high:.1f}]"
        assert said in searched.headline(found) and said in searched.page(found)


async def test_everything_that_was_trained_and_rewritten_is_in_the_cost(monkeypatch, tmp_path: Path) -> None:
    """Clean proxies and confirming students, too; and OPRO's early rounds pay no instruction's rewrites twice."""
    taught = Counter[str]()

    async def spent(self: Scoring, found: Any, released: Any, control: Any) -> Any:
        taught[found.stage] += 1
        score = {"damage": 0.1} if found.stage == "full" else {"nats": 1.0 / (1 + taught["screen"])}
        return replace(found, **score, expense=found.expense.plus(Expense(steps=10)))

    monkeypatch.setattr(Scoring, "_taught", spent)
    plan = checked({**FILE, "searcher": {**FILE["searcher"], "kind": "opro"}, "budget": {"evaluations": 4}}, "h", "toy")
    found = await optimize(plan, tmp_path)
    assert [row.expense.calls for row in found.rows] == [14] * 4
    (confirmed,) = found.confirmed
    assert found.expense.steps == 10 * taught.total() + confirmed.expense.steps
    assert found.expense.calls >= 4 * 14 + confirmed.expense.calls


async def test_a_rewriter_that_is_down_for_a_few_traces_is_no_score(lessons, monkeypatch, tmp_path: Path) -> None:
    real, asked = grammar._rewrite, iter(range(10**6))

    def down(request: Any) -> str:
        if next(asked) % 5 < 2:
            raise Unavailable("down")
        return real(request)

    monkeypatch.setattr(grammar, "_rewrite", down)
    with pytest.raises(Unavailable, match=r"left traces undone \(unavailable \d; of 14\)"):
        await optimize(search(), tmp_path)
    assert not looked_at(tmp_path / "toy.jsonl").candidates
    monkeypatch.setattr(grammar, "_rewrite", real)
    found = await optimize(search(), tmp_path)
    assert found.winner and all(row.kept == 1.0 and not row.failures for row in found.rows)


@pytest.mark.parametrize(("refused", "scored"), [(1, True), (2, False)])
async def test_a_few_refused_traces_are_withheld_and_more_are_no_score(refused, scored, lessons, monkeypatch, tmp_path):
    """The instruction may be what is refused: it is written down, and the search goes on where another was scored."""
    real, asked, start = grammar._rewrite, iter(range(10**6)), FILE["searcher"]["start"]

    def refuses(request: Any) -> str:
        if start not in str(request.messages) and next(asked) < refused:
            raise Refused("not this one")
        return real(request)

    monkeypatch.setattr(grammar, "_rewrite", refuses)
    found = await optimize(checked({**FILE, "confirm": None}, "here", "toy"), tmp_path)
    first, second = found.rows
    assert first.damage is not None and found.winner and not first.reason
    assert second.failures["rewriter_refused_request"] == refused
    assert ("more than 10% of the traces" in second.reason) != scored
    known = looked_at(tmp_path / "toy.jsonl").candidates.values()
    assert second.reason in {one.reason for one in known} and all(one.undone == bool(one.reason) for one in known)


async def test_a_start_that_is_refused_ends_the_search_with_the_cure(lessons, monkeypatch, tmp_path: Path) -> None:
    def refuses(request: Any) -> str:
        raise Refused("nothing")

    real = grammar._rewrite
    monkeypatch.setattr(grammar, "_rewrite", refuses)
    with pytest.raises(Unavailable, match=r"rewriter_refused_request 14\) of the instruction to begin with: .* start"):
        await optimize(search(), tmp_path)
    monkeypatch.setattr(grammar, "_rewrite", real)
    assert (await optimize(search(), tmp_path)).winner, "the same call goes on when it answers"


def taught_by(name: str, **members: Any) -> Search:
    """A search whose teacher is a function of this file."""
    learner = {**TINY, "tokenizer": "shipped:steps"}
    teacher = {"kind": "python", "name": f"{__name__}:{name}"}
    proxies = {**FILE["proxies"], "learner": learner}
    return checked({**FILE, "teacher": teacher, "proxies": proxies, "confirm": None, **members}, "here", "toy")


def silent() -> Scripted:
    return Scripted(lambda request: f"{WORKING}\nSo it is 3.", name="silent")


def choosy() -> Scripted:
    """Refuses a quarter, always the same."""

    def rule(request: Any) -> Any:
        if int(digest(str(request.messages[-1]["content"]))[0], 16) < 4:
            raise Refused("the upstream refused this request (400)")
        return WORKING, "3"

    return Scripted(rule, name="choosy")


async def test_a_teacher_that_shows_no_reasoning_is_said_before_anything_is_scored(lessons, tmp_path: Path) -> None:
    with pytest.raises(
        Misconfigured, match=r"silent shows no reasoning in any of 14 .* reasoning_in_content = \"span\""
    ):
        await optimize(taught_by("silent"), tmp_path)
    assert not looked_at(tmp_path / "toy.jsonl").candidates


async def test_problems_that_the_teacher_refuses_are_dropped_from_both_arms_and_counted(
    monkeypatch, tmp_path: Path
) -> None:
    arms = set[tuple[str, ...]]()

    async def taught(self: Scoring, found: Any, released: Any, control: Any) -> Any:
        arms.add(tuple(digest(trace.request) for trace in (*released.learn, *released.search)))
        return replace(found, damage=0.5 if found.stage == "full" else None, nats=1.0)

    monkeypatch.setattr(Scoring, "_taught", taught)
    found = await optimize(taught_by("choosy", budget={"evaluations": 1}), tmp_path)
    (asked,) = arms
    assert 7 <= len(asked) < 14 and found.winner and found.rows[0].kept == 1.0
    assert found.rows[0].failures == {"teacher_refused_request": 14 - len(asked)}
    assert "teacher_refused_request" in searched.page(found)


async def test_clean_scores_and_head_are_those_of_the_settings_at_hand(monkeypatch, tmp_path: Path) -> None:
    async def taught(self: Scoring, found: Any, released: Any, control: Any) -> Any:
        score = Score("---" if control else "+++" if len(released.learn) == 9 else "++-")
        return replace(found, damage=0.5 if found.stage == "full" else None, nats=1.0, scores={"0": score})

    monkeypatch.setattr(Scoring, "_taught", taught)
    other = checked({**FILE, "proxies": {**FILE["proxies"], "traces": 8}}, "here", "toy")
    for plan, clean in ((search(), "+++"), (other, "++-"), (search(), "+++")):
        found = await optimize(plan, tmp_path)
        assert found.clean == {"0": Score(clean)} and found.run.config == digest(plan)


async def test_a_search_on_another_searchs_table_trains_nobody(lessons, monkeypatch, tmp_path: Path) -> None:
    space = {"kind": "exhaustive", "space": "azeotrope.optimize.grammar:space"}
    budget = {"evaluations": 64}
    table = checked({**FILE, "searcher": space, "budget": budget, "confirm": None}, "here", "table")
    await optimize(table, tmp_path)

    async def never(*given: Any) -> Any:
        raise AssertionError("something was done again")

    monkeypatch.setattr(Scoring, "_taught", never)
    monkeypatch.setattr("azeotrope.optimize.scoring.rewritten", never)
    start = {"start": grammar.instruction(grammar.Point("part"))}
    plan = checked({**FILE, "searcher": start, "budget": {"evaluations": 6}, "confirm": None}, "here", "toy")
    found = await optimize(plan, tmp_path, reuse=[tmp_path / "table.jsonl"])
    assert found.evaluations == len(found.rows) == 6 and found.winner and found.clean
    assert all(row.expense == Expense() for row in found.rows) and found.expense.steps == 0
    assert {run.config for run in found.runs} == {digest(table), digest(plan)}
    assert {row.by for row in found.rows} == {"gepa"} and found.rows[1].parents == (found.rows[0].name,)
    assert (await optimize(plan, tmp_path)).rows == found.rows, "it is in the search's own file from now on"


async def test_a_winner_of_before_is_confirmed_once(lessons, monkeypatch, tmp_path: Path) -> None:
    first = await optimize(search(), tmp_path)
    before = (tmp_path / "toy.jsonl").read_bytes(), (tmp_path / "toy.md").read_bytes()

    async def never(*given: Any) -> Any:
        raise AssertionError("a student was taught again")

    monkeypatch.setattr("azeotrope.optimize.confirming._judged", never)
    assert (await optimize(search(), tmp_path)).confirmed == first.confirmed
    assert ((tmp_path / "toy.jsonl").read_bytes(), (tmp_path / "toy.md").read_bytes()) == before


async def test_a_winner_is_saved_before_it_is_confirmed(lessons, monkeypatch, tmp_path: Path) -> None:
    """A kill, or a rewriter that goes down, then leaves no file of earlier settings as this search's."""

    async def down(*given: Any) -> Any:
        raise Unavailable("down")

    (tmp_path / "toy.md").write_text("an earlier winner")
    with monkeypatch.context() as patched:
        patched.setattr("azeotrope.optimize.procedure.confirmed", down)
        with pytest.raises(Unavailable, match="down"):
            await optimize(search(), tmp_path)
    read = instruct.instruction(str(tmp_path / "toy.md"))
    assert named(read.text) == (await optimize(search(), tmp_path)).winner


async def test_a_confirmation_that_names_no_problems_is_found(lessons, monkeypatch, tmp_path: Path) -> None:
    """Its context went by the ids of what a student is taught by."""
    plan = search()
    (first,) = (await optimize(plan, tmp_path)).confirmed
    assert plan.confirm is not None
    ids = [problem.id for problem in problems(plan.task, "train")]
    older = digest([await bench_of(plan), plan.confirm.learner, ids])
    path = tmp_path / "toy.jsonl"
    path.write_text(path.read_text().replace(first.context, older))

    async def never(*given: Any) -> Any:
        raise AssertionError("a student was taught again")

    monkeypatch.setattr("azeotrope.optimize.confirming._judged", never)
    assert (await optimize(plan, tmp_path)).confirmed == (replace(first, context=older),)


async def test_other_test_problems_are_another_confirmation(lessons, monkeypatch, tmp_path: Path) -> None:
    def rows(name: str, first: int) -> None:
        lines = (
            {"question": f"Ann has {at} cards, loses 1 and triples the rest. How many?",
             "answer": f"Step 1: {at} - 1 = {at - 1}\nStep 2: {at - 1} * 3 = {3 * at - 3}\n#### {3 * at - 3}"}
            for at in range(first, first + 120)
        )  # fmt: skip
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))

    async def judged(*given: Any) -> Any:
        return Score("+++"), Expense()

    monkeypatch.setattr("azeotrope.optimize.confirming._judged", judged)
    rows("train.jsonl", 10), rows("test.jsonl", 1_000)
    parts = {"source": {"path": str(tmp_path / "train.jsonl")}, "test": {"path": str(tmp_path / "test.jsonl")}}
    task = {"name": "jsonl", "config": parts, "sizes": {"train": 4}}
    changed = {"task": task, "proxies": {**FILE["proxies"], "traces": 4, "search": 2}}
    plan = checked({**FILE, **changed, "floors": {"kept": 0.0, "readable": 0.0}}, "here", "toy")
    (first,) = (await optimize(plan, tmp_path)).confirmed
    (same,) = (await optimize(plan, tmp_path)).confirmed
    rows("test.jsonl", 5_000)
    _built.cache_clear()
    (other,) = (await optimize(plan, tmp_path)).confirmed
    assert same == first and other.context != first.context
    assert len(looked_at(tmp_path / "toy.jsonl").confirmed) == 2


@pytest.mark.parametrize(("kept", "readable"), [(0.5, 1.0), (1.0, 0.29)])
async def test_below_a_floor_nothing_is_saved_whatever_the_damage(kept, readable, lessons, monkeypatch, tmp_path):
    real = Scoring.score

    async def below(self: Scoring, text: str, stage: Any) -> Any:
        return replace(await real(self, text, stage), damage=1.0, kept=kept, readable=readable)

    monkeypatch.setattr(Scoring, "score", below)
    (tmp_path / "toy.md").write_text("an earlier winner")
    found = await optimize(search(), tmp_path)
    assert (tmp_path / "toy.md.old").read_text() == "an earlier winner"
    assert found.rows and (found.winner, found.confirmed) == ("", ())
    assert not (tmp_path / "toy.md").exists()
    known = looked_at(tmp_path / "toy.jsonl")
    assert not known.confirmed and all(one.damage == 1.0 for one in known.candidates.values() if one.by != CONTROL)


async def test_another_grammar_shares_no_score_with_this_one(lessons, monkeypatch, tmp_path: Path) -> None:
    await optimize(search(), tmp_path)
    first = set(looked_at(tmp_path / "toy.jsonl").candidates)
    monkeypatch.setitem(grammar._MARKERS, "part", "Piece")
    await optimize(search(), tmp_path)
    both = looked_at(tmp_path / "toy.jsonl").candidates
    fresh = [one for key, one in both.items() if key not in first]
    assert any(one.text == FILE["searcher"]["start"] and "Piece 1" in one.samples[0] for one in fresh)
    assert len([one for one in fresh if one.by == CONTROL]) == len([one for one in first if both[one].by == CONTROL])


async def test_a_folder_that_lets_nobody_write_is_said_with_the_cure(lessons, tmp_path: Path) -> None:
    (tmp_path / "toy.instructions").write_text("a file where a folder belongs")
    with pytest.raises(Unavailable, match=r"cannot write .*toy\.instructions.* run the same again"):
        await optimize(search(), tmp_path)
    (tmp_path / "toy.instructions").unlink()
    (tmp_path / "toy.md").mkdir()
    with pytest.raises(Unavailable, match=r"cannot write .*toy\.md: .* run the same again"):
        await optimize(search(), tmp_path)
    (tmp_path / "toy.md").rmdir()
    assert (await optimize(search(), tmp_path)).winner


async def test_an_earlier_winner_that_cannot_be_put_aside_is_said(lessons, tmp_path: Path) -> None:
    hopeless = checked({**FILE, "floors": {"kept": 1.0, "readable": 1.0}}, "here", "toy")
    (tmp_path / "toy.md").write_text("an earlier winner")
    (tmp_path / "toy.md.old").mkdir()
    with pytest.raises(Unavailable, match=r"cannot write .*toy\.md: .* run the same again"):
        await optimize(hopeless, tmp_path)
