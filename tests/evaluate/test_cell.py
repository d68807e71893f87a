"""One cell: a student stolen and judged, a teacher behind a defense judged, a failure with its reason; no secret."""

import shutil

import pytest

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import facts, teachers
from azeotrope.evaluate.cell import done
from azeotrope.evaluate.grid import Grid
from azeotrope.evaluate.outcome import Failure
from azeotrope.evaluate.plan import Teacher
from azeotrope.types import Cell, Utility

BODY = """
[[defenses]]
name = "withhold"
[[attacks]]
name = "sft"
"""


async def all_of(lab, plan, stage: str = "screen") -> dict[str, Cell | Utility | Failure]:
    """Everything of a stage, by defense and attack."""
    known = facts.found(plan)
    grid = Grid(plan, known)
    todos = {"screen": grid.screen, "utility": grid.utilities, "confirm": lambda: grid.confirmed(grid.screen())}[
        stage
    ]()
    return {
        f"{todo.defense.label} x {todo.attack.label}" if todo.attack else todo.defense.label: await done(
            todo, plan, known.teacher, lab.folder / "traces"
        )
        for todo in todos
    }


async def test_students_are_stolen_and_judged(lab) -> None:
    found = await all_of(lab, lab.plan(BODY))
    raw = {name: cell.scores["raw"].verdicts for name, cell in found.items()}
    assert raw == {
        "none x sft": "++++", "none x public": "++++", "none x never": "----", "none x answer_only": "----",
        "withhold x sft": "----",
    }  # fmt: skip
    assert all({"raw", "forced"} == set(cell.scores) for cell in found.values())
    sft = found["none x sft"]
    assert (sft.split, sft.stage, sft.seed, sft.reason) == ("validation", "screen", 0, "")
    assert (sft.spent.queries, sft.spent.examples, sft.spent.steps) == (4, 4, 1), (
        "a third of two steps, but one at least"
    )
    assert (found["none x never"].spent.queries, found["none x public"].spent.queries) == (0, 0)
    assert sft.samples[0] == ("2 + 0", "\\boxed{2}")
    assert sorted(lab.log("asked")) == [f"0 + {n}" for n in range(4)], (
        "five cells share what the teacher was asked once"
    )


async def test_confirmed_students_are_judged_on_test_and_its_other_form(lab) -> None:
    found = await all_of(lab, lab.plan(BODY), "confirm")
    cell = found["none x sft"]
    assert (cell.split, cell.stage, cell.spent.steps) == ("test", "confirm", 2)
    assert {name: score.verdicts for name, score in cell.scores.items()} == {
        "raw": "++++", "forced": "++++", "shifted": "++++",
    }  # fmt: skip
    assert cell.samples[0][0] == "3 + 0"


async def test_a_teacher_behind_a_defense_is_judged(lab) -> None:
    found = await all_of(lab, lab.plan(BODY), "utility")
    bare, withheld = found["none"], found["withhold"]
    assert bare.scores["raw"].verdicts == withheld.scores["raw"].verdicts == "++++"
    assert "forced" in withheld.scores and (bare.split, bare.outcomes) == ("test", {})
    assert withheld.outcomes == {"withheld": 4}
    assert 0 < withheld.tokens_out < bare.tokens_out


async def test_a_failure_is_a_cell_with_its_reason(lab) -> None:
    body = BODY + '[[attacks]]\nname = "deed"\nconfig = { what = "breaks" }\n[[attacks]]\nname = "logits"\n'
    found = await all_of(lab, lab.plan(body))
    broken, refused = found["none x deed"], found["none x logits"]
    assert broken.reason.startswith('KeyError: "a fault of the attack\'s" (microlab.py:')
    assert refused.reason.startswith("refused: ") and "needs its logits" in refused.reason
    assert broken.scores == refused.scores == {} and broken.digest != refused.digest


async def test_a_teacher_that_cannot_be_judged_says_why(lab) -> None:
    head = lab.write("").read_text().replace("microlab:teacher", "microlab:nobody")
    found = await all_of(lab, lab.plan(BODY, head), "utility")
    assert isinstance(found["none"], Failure) and "package.module:function" in found["none"].reason


async def test_what_is_asked_of_an_endpoint_holds_no_secret(lab, upstream, monkeypatch) -> None:
    secret = "sk-0123456789-very-secret"
    monkeypatch.setenv("TEACHER_KEY", secret)
    says = upstream.delta(reasoning="0 + 0 = 0", content="\\boxed{0}")
    upstream.says(upstream.stream(says, upstream.delta(finish="stop")))
    head = lab.write("").read_text().replace('kind = "python"\nname = "microlab:teacher"', (
        f'kind = "endpoint"\nname = "{upstream.url}#m"\nkey_env = "TEACHER_KEY"\ntemperature = 0.25'
    ))  # fmt: skip
    plan = lab.plan(BODY, head)
    found = await all_of(lab, plan)
    assert found["none x sft"].scores["raw"].rate == 1.0 and found["none x sft"].spent.queries == 4
    assert upstream.asked[0].headers["authorization"] == f"Bearer {secret}"
    assert upstream.asked[0].json["temperature"] == 0.25 and upstream.asked[0].json["model"] == "m"
    monkeypatch.delenv("TEACHER_KEY")
    assert "TEACHER_KEY (a key) is not set" in (await all_of(lab, plan))["none x sft"].reason
    kept = [path for path in lab.folder.rglob("*") if path.is_file()]
    assert len(kept) >= 3 and not any(secret.encode() in path.read_bytes() for path in kept)
    assert secret.encode() not in encode([list(found.values()), plan])


async def test_a_task_without_what_it_is_judged_on_is_refused(lab) -> None:
    with pytest.raises(Misconfigured, match="'micro' has no train split"):
        facts.found(lab.plan(BODY, lab.write("").read_text().replace('"micro"', '"micro"\nconfig = { size = 0 }')))


async def test_only_some_subjects_are_protected_and_each_has_its_score(lab) -> None:
    head = lab.write("").read_text().replace('"micro"', '"micro"\nprotect_subjects = ["parity 1"]')
    found = (await all_of(lab, lab.plan(BODY, head), "utility"))["withhold"]
    assert found.outcomes == {"withheld": 2} and found.scores["raw:parity 0"].rate == 1.0
    students = await all_of(lab, lab.plan(BODY, head))
    scores = students["withhold x sft"].scores
    assert set(scores) == {"raw", "forced"} | {f"{kind}:parity {n}" for kind in ("raw", "forced") for n in (0, 1)}
    assert scores["raw"].rate == 1.0, "half of what it learned showed its working"
    with pytest.raises(Misconfigured, match="no subject 'parity 7' to protect; there are: parity 0, parity 1"):
        facts.found(lab.plan(BODY, head.replace("parity 1", "parity 7")))


async def test_fewer_problems_are_taken_where_sizes_say_so(lab) -> None:
    head = lab.write("").read_text().replace('"micro"', '"micro"\nsizes = { train = 2, validation = 3 }')
    found = await all_of(lab, lab.plan(BODY, head))
    assert (found["none x sft"].spent.queries, found["none x sft"].scores["raw"].asked) == (2, 3)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with a tiny teacher that never learned anything."""
    from azeotrope.models.shipped import save
    from azeotrope.tasks import steps
    from azeotrope.training.tiny import Tiny, TinyLearner
    from azeotrope.training.tokenizer import trained

    tokenizer = trained(steps.corpus(0, 100), steps.PIECES, vocabulary=400)
    learner = TinyLearner(Tiny(hidden=16, layers=1, heads=2, intermediate=32), tokenizer)
    save(learner.fresh(0), folder := tmp_path_factory.mktemp("weights"), {})
    return folder


HEAD = """
[teacher]
kind = "path"
name = "WEIGHTS"
max_tokens = 6
[learner]
kind = "tiny"
hidden = 16
layers = 1
heads = 2
intermediate = 32
steps = 6
max_tokens = 6
[[tasks]]
name = "steps"
config = { train = 12, proxy = 8, validation = 4, test = 4 }
"""


async def test_real_weights_go_all_the_way(lab, weights) -> None:
    plan = lab.plan('[[attacks]]\nname = "sft"\n[[attacks]]\nname = "logits"\n', HEAD.replace("WEIGHTS", str(weights)))
    first, again = await all_of(lab, plan), await all_of(lab, plan)
    cells = {name: cell for name, cell in first.items() if name.startswith("none")}
    assert [cell.reason for cell in cells.values()] == [""] * 5
    assert all(cell.scores["raw"].asked == 4 for cell in cells.values())
    assert (cells["none x sft"].spent.steps, cells["none x sft"].spent.queries) == (2, 12)
    for name, cell in cells.items():
        assert (again[name].digest, again[name].scores, again[name].samples) == (cell.digest, cell.scores, cell.samples)


async def test_a_student_of_biased_tokens_is_scored_by_the_key_and_no_other_is(lab, weights) -> None:
    body = '[[defenses]]\nname = "greenlist"\n[[attacks]]\nname = "sft"\n'
    found = await all_of(lab, lab.plan(body, HEAD.replace("WEIGHTS", str(weights))))
    read = found["greenlist x sft"].greened
    assert read, found["greenlist x sft"].reason
    assert read.taught.scored > 0 and read.own.scored == read.never.scored
    assert (read.gamma, read.keys, read.alpha) == (0.25, 1000, 1e-6)
    assert found["none x sft"].greened is None and found["greenlist x sft"].recall is None


async def test_logits_over_other_tokens_than_the_students_are_refused(lab, weights, tmp_path) -> None:
    from azeotrope.tasks import steps
    from azeotrope.training.tokenizer import trained

    trained(steps.corpus(0, 20), steps.PIECES, vocabulary=300).save_pretrained(tmp_path / "other")
    head = HEAD.replace("WEIGHTS", str(weights)).replace('"tiny"', f'"tiny"\ntokenizer = "{tmp_path / "other"}"')
    found = await all_of(lab, lab.plan('[[attacks]]\nname = "logits"\n', head))
    assert "read the same examples as other tokens" in found["none x logits"].reason


def test_other_weights_are_another_teacher_and_another_place_is_not(lab, weights, tmp_path) -> None:
    def identity(folder) -> str:
        return teachers.identity(Teacher("path", str(folder)))

    moved = shutil.copytree(weights, tmp_path / "moved")
    assert identity(moved) == identity(weights)
    data = bytearray((moved / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (moved / "model.safetensors").write_bytes(data)
    assert identity(moved) != identity(weights)
    assert identity(weights) != teachers.identity(Teacher("path", str(weights), temperature=0.7))
    with pytest.raises(Misconfigured, match="there is no model in"):
        identity(tmp_path / "nowhere")
