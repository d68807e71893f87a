"""A search that finds a winner: what is saved, that `protect` obeys it, and when nothing may be saved.

Only the students' lessons are made up; problems, rewriter, checks, floors and searcher are the real ones.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from azeotrope.defenses import instruct
from azeotrope.lift import rewriting
from azeotrope.models.fake import Scripted
from azeotrope.optimize import grammar, optimize
from azeotrope.optimize.plan import Search, checked
from azeotrope.optimize.records import CONTROL, named
from azeotrope.optimize.results import looked_at
from azeotrope.optimize.scoring import Scoring
from azeotrope.protect import protect
from azeotrope.protocols import Given
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

    (confirmed,) = found.confirmed
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


async def test_a_winner_of_before_is_confirmed_once(lessons, monkeypatch, tmp_path: Path) -> None:
    first = await optimize(search(), tmp_path)
    before = (tmp_path / "toy.jsonl").read_bytes(), (tmp_path / "toy.md").read_bytes()

    async def never(*given: Any) -> Any:
        raise AssertionError("a student was taught again")

    monkeypatch.setattr("azeotrope.optimize.confirming._judged", never)
    assert (await optimize(search(), tmp_path)).confirmed == first.confirmed
    assert ((tmp_path / "toy.jsonl").read_bytes(), (tmp_path / "toy.md").read_bytes()) == before


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
