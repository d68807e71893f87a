"""`azeotrope proxy`: from a recipe to an artifact that defenses take; learned and held out stay apart."""

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from azeotrope import Given, defense, proxy
from azeotrope.cli import app
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.material import material
from azeotrope.models.shipped import WEIGHTS, check, shipped
from azeotrope.protocols import OpenModel
from azeotrope.tasks import steps
from azeotrope.training import proxies
from azeotrope.training.tiny import TinyLearner

EASY = {"name": "steps", "label": "easy", "config": {"difficulty": "easy", "train": 2, "proxy": 20, "validation": 2}}
HARD = {"name": "steps", "label": "hard", "config": {"train": 2, "proxy": 10, "validation": 2}}
RECIPE: dict[str, Any] = {
    "tasks": [EASY, HARD],
    "proxy": {"hidden": 16, "layers": 1, "heads": 2, "intermediate": 16, "steps": 2},
}


def test_workings_are_learned_or_held_out_never_both(tmp_path) -> None:
    made = asyncio.run(proxy.tutor(proxy.checked(RECIPE, "here"), tmp_path))
    assert (made.learned, made.held) == (16 + 8, 4 + 2)
    found = proxies.read(str(tmp_path), "here")
    public = [steps.build(steps.Config(**task["config"])).problems("proxy") for task in (EASY, HARD)]
    held = [one.request.messages[0]["content"] for one in found.held]
    asked = [[one.request.messages[0]["content"] for one in part] for part in public]
    assert held == [asked[0][16], asked[1][8], asked[0][17], asked[1][9], asked[0][18], asked[0][19]], "by turns"
    header = check(tmp_path)
    assert header["digest"] == made.digest
    assert json.loads(header["recipe"])["proxy"]["recipe"]["hidden"] == 16


def test_it_is_the_same_each_time_and_another_by_another_seed(tmp_path) -> None:
    digests = []
    for at, seed in enumerate((0, 0, 1)):
        recipe = proxy.checked({**RECIPE, "seed": seed}, "here")
        digests.append(asyncio.run(proxy.tutor(recipe, tmp_path / str(at))).digest)
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("name", ["ads", "poe"])
def test_a_shipped_teacher_takes_it_and_a_cell_knows_it_by_its_content(name, tmp_path) -> None:
    asyncio.run(proxy.tutor(proxy.checked(RECIPE, "here"), tmp_path))
    config = {"artifact": str(tmp_path)}
    before = material(config)
    assert list(before) == [str(tmp_path)]
    protected = defense(name, config, Given())(shipped("steps"))
    assert isinstance(protected, OpenModel)
    asyncio.run(proxy.tutor(proxy.checked({**RECIPE, "seed": 5}, "here"), tmp_path))
    assert material(config) != before


@pytest.mark.parametrize(
    ("members", "says"),
    [({"tasks": []}, "tasks"), ({"held": 1.0}, "held"), ({"no_such": 1}, "no_such"),
     ({"proxy": {"no_such": 1}}, "no_such"), ({"proxy": {"kind": "huge"}}, "no kind of learner")],
)  # fmt: skip
def test_a_wrong_recipe_is_refused_by_its_member(members, says) -> None:
    with pytest.raises(Misconfigured, match=says):
        proxy.checked({**RECIPE, **members}, "here")


def test_a_single_working_cannot_be_parted(tmp_path) -> None:
    one = {**EASY, "sizes": {"proxy": 1}}
    with pytest.raises(Misconfigured, match="1 public workings"):
        asyncio.run(proxy.tutor(proxy.checked({**RECIPE, "tasks": [one]}, "here"), tmp_path))


def test_the_command_says_what_came_of_it(tmp_path) -> None:
    (tmp_path / "proxy.toml").write_text(
        '[[tasks]]\nname = "steps"\nconfig = { train = 2, proxy = 10, validation = 2 }\n'
        "[proxy]\nhidden = 16\nlayers = 1\nheads = 2\nintermediate = 16\nsteps = 1\n"
    )
    done = CliRunner().invoke(app, ["proxy", str(tmp_path / "proxy.toml"), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "8 workings learned, 2 held out" in done.output
    assert len((tmp_path / "out" / "held.jsonl").read_text().splitlines()) == 2


LESSON = """
name = "x"
[[lessons]]
name = "steps"
config = { train = 2, proxy = 2, validation = 2 }
"""
STUDENT = """
[[tasks]]
name = "steps"
config = { train = 2, proxy = 10, validation = 2 }
"""


@pytest.mark.parametrize(("command", "recipe"), [("proxy", STUDENT), ("teach", LESSON)], ids=["proxy", "teach"])
@pytest.mark.parametrize("place", ["taken", "taken/below", "/proc", "/proc/none"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_trained(
    command, recipe, place, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(TinyLearner, "fit", lambda *_, **__: pytest.fail("it trains"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "x.toml").write_text(recipe)
    done = CliRunner().invoke(app, [command, "x.toml", "-o", place])
    assert isinstance(done.exception, Misconfigured), done.exception
    assert f"cannot write files to {place}" in str(done.exception) and "name a folder" in str(done.exception)
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("name", [WEIGHTS, proxies.HELD])
def test_what_fails_when_it_is_written_says_so(name, tmp_path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(Unavailable, match=r"cannot write the model to .*; make room"):
        asyncio.run(proxy.tutor(proxy.checked(RECIPE, "here"), tmp_path))


@pytest.mark.parametrize("member", ["kind", "tokenizer"])
def test_a_students_kind_and_tokenizer_are_text(member) -> None:
    with pytest.raises(Misconfigured, match=r"x: \[proxy\]: kind and tokenizer are text"):
        proxy.checked({"proxy": {member: 3}}, "x")
