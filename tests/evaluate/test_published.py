"""The workings of a data set as the teacher, marked, learned by pretrained weights: two random layers stand in."""

import asyncio
import json
from pathlib import Path

import pytest

from azeotrope.errors import Misconfigured
from azeotrope.evaluate import facts, read, standing_in
from azeotrope.evaluate.cell import done
from azeotrope.evaluate.grid import Grid
from azeotrope.evaluate.plan import Teacher
from azeotrope.evaluate.teachers import opened
from azeotrope.streams import ask
from azeotrope.types import Cell, Utility

STAND_INS = Path(__file__).parents[2] / "experiments" / "stand_ins.toml"
EXPERIMENT = """
[teacher]
kind = "published"
[learner]
kind = "hub"
model = "{model}"
epochs = 2
batch = 4
rank = 2
max_tokens = 8
device = "cpu"
[marks]
budget = 6
[[tasks]]
name = "gsm8k"
[tasks.config]
train = {{ path = "{data}" }}
test = {{ path = "{data}" }}
limits = {{ train = 10, proxy = 0, validation = 1, test = 2 }}
[[defenses]]
name = "association"
config = {{ share = 1.0, placed_by = "rule", law = {{ associations = 2 }} }}
[[attacks]]
name = "sft"
shares = [0.5, 1.0]
[screen]
share = 1.0
"""


def written(folder: Path, more: int = 0) -> Path:
    rows = [
        {"question": f"Tom has {n} pens and finds {n + more}. How many pens has he now?",
         "answer": f"Tom begins with {n} pens. He finds {n + more}.\nThat is {n}+{n + more} = {2 * n + more}.\n"
                   f"#### {2 * n + more}"}
        for n in range(3, 19)
    ]  # fmt: skip
    data, path = folder / f"train-{more}.jsonl", folder / "x.toml"
    data.write_text("\n".join(map(json.dumps, rows)))
    what = standing_in.read(STAND_INS).models["meta-llama/Llama-3.2-3B-Instruct"]
    model = folder / "model" if (folder / "model").exists() else standing_in.model(what, folder / "model", 1)
    path.write_text(EXPERIMENT.format(model=model, data=data))
    return path


def test_a_cell_says_what_was_read_and_what_is_said_of_it(tmp_path: Path) -> None:
    plan = read(written(tmp_path))
    found = facts.found(plan)
    half, _ = (todo for todo in Grid(plan, found).screen() if todo.defense.label == "association")
    cell = asyncio.run(done(half, plan, found.teacher, tmp_path / "traces"))
    assert isinstance(cell, Cell) and cell.recall, cell
    assert (cell.spent.steps, cell.spent.examples) == (2, 8)
    assert 0 < sum(cell.recall.told) <= 8 and len(cell.recall.told) == 1
    assert cell.recall.read == tuple(map(float, cell.recall.told)), "once each"
    assert len(cell.recall.contexts) == len(cell.recall.lines) == len(cell.recall.never) == 6
    asked = {(form, heat) for form, heat, _ in cell.recall.contexts}
    assert asked == {(form, heat) for form in ("bare", "turn", "after") for heat in (0.0, 0.7)}
    assert asked == {(form, heat) for form, heat, _, _ in cell.recall.never}
    assert [problem for problem, _ in cell.samples] == ["gsm8k-validation-0"], "named: the data set is somebody's"


def test_the_teacher_says_what_is_published_and_is_what_it_says(tmp_path: Path) -> None:
    plan = read(written(tmp_path))
    found = facts.found(plan)
    (todo, *_) = Grid(plan, found).utilities()
    utility = asyncio.run(done(todo, plan, found.teacher, tmp_path / "traces"))
    assert isinstance(utility, Utility) and utility.scores["raw"].verdicts == "++"
    other = facts.found(read(written(tmp_path, more=1)))
    assert other.teacher != found.teacher


async def test_without_workings_there_is_no_such_teacher(tmp_path: Path) -> None:
    solved = facts.solved(read(written(tmp_path)).tasks[0])
    async with opened(Teacher("published"), solved) as teacher:
        said = await ask(teacher, solved[0].request)
        assert (said.reasoning, said.answer) == (solved[0].solution, f"\\boxed{{{solved[0].gold}}}")
    with pytest.raises(Misconfigured, match="needs public problems with workings"):
        async with opened(Teacher("published")):
            pass
