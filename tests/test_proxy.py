"""`azeotrope proxy`: from a recipe to an artifact that defenses take; learned and held out stay apart."""

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from azeotrope import Given, defense, proxy
from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.material import material
from azeotrope.models.shipped import check, shipped
from azeotrope.protocols import OpenModel
from azeotrope.tasks import steps
from azeotrope.training import proxies

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
