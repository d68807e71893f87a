"""The grid: every cell and every control is there, and a digest changes when and only when something decides more."""

from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from azeotrope.errors import Misconfigured
from azeotrope.evaluate.grid import Facts, Grid, Known, Todo
from azeotrope.evaluate.plan import Screen

BODY = """
[[defenses]]
name = "terse"
[[defenses]]
name = "withhold"
[[attacks]]
name = "sft"
[[attacks]]
name = "mix"
  [[attacks.alternatives]]
  label = "90"
  config = { share = 0.9 }
"""
SPLITS = {"train": "a", "proxy": "b", "validation": "c", "test": "d", "shifted": "e"}
FACTS = Facts("teacher", {"micro": Known(SPLITS, True, ())})


def facts(teacher: str = "teacher", public: bool = True, writers: tuple[str, ...] = (), **splits: str) -> Facts:
    return Facts(teacher, {"micro": Known({**SPLITS, **splits}, public, writers)})


@dataclass
class Cells:
    screen: list[Todo]
    confirm: list[Todo]
    utilities: list[Todo]


def cells(plan, known=FACTS) -> Cells:
    grid = Grid(plan, known)
    screen = grid.screen()
    return Cells(screen, grid.confirmed(screen), grid.utilities())


def names(todos) -> list[tuple[str, str]]:
    return [(todo.defense.label, todo.attack.label) for todo in todos]


def test_every_cell_and_every_control_is_there(lab) -> None:
    found = cells(lab.plan(BODY))
    variants = ["sft", "mix", "mix:90"]
    assert names(found.screen) == [
        *[("none", name) for name in ("never", "answer_only", "public", *variants)],
        *[(defense, name) for defense in ("terse", "withhold") for name in variants],
    ]
    assert [(todo.defense.label, todo.attack) for todo in found.utilities] == [
        ("none", None), ("terse", None), ("withhold", None),
    ]  # fmt: skip
    assert {todo.attack.label for todo in found.screen if todo.control} == {"never", "answer_only", "public"}
    assert {(todo.stage, todo.seed, todo.share) for todo in found.screen} == {("screen", 0, 1 / 3)}
    assert {(todo.stage, todo.seed, todo.share) for todo in found.confirm} == {
        ("confirm", 1, 1.0), ("confirm", 2, 1.0),
    }  # fmt: skip
    assert {todo.split for todo in found.screen} == {"validation"}
    assert {todo.split for todo in [*found.confirm, *found.utilities]} == {"test"}
    everything = [todo.digest for todo in [*found.screen, *found.confirm, *found.utilities]]
    assert len(set(everything)) == len(everything)


def test_controls_can_be_confirmed_at_the_first_seeds_only(lab) -> None:
    plan = lab.plan(BODY)
    confirm = cells(replace(plan, confirm=replace(plan.confirm, seeds=(4, 5, 6), controls=2))).confirm
    assert {todo.seed for todo in confirm if todo.control} == {4, 5}
    assert {todo.seed for todo in confirm if not todo.control} == {4, 5, 6}


def test_no_public_student_where_nothing_is_public(lab) -> None:
    assert "public" not in {name for _, name in names(cells(lab.plan(BODY), facts(public=False)).screen)}


def test_controls_that_are_listed_are_not_doubled(lab) -> None:
    more = BODY + '[[attacks]]\nname = "answer_only"\n[[attacks]]\nname = "never"\n[[defenses]]\nname = "none"\n'
    found = names(cells(lab.plan(more)).screen)
    assert len(found) == len(set(found))
    assert [defense for defense, name in found if name == "never"] == ["none"], (
        "one student without a teacher is enough"
    )
    assert {defense for defense, name in found if name == "answer_only"} == {"none", "terse", "withhold"}


@pytest.mark.parametrize("listed", ['behind = ["withhold"]', 'washes = ["dedup"]', "shares = [0.25, 0.5]"])
def test_a_control_is_there_though_another_setting_of_it_is_listed(lab, listed: str) -> None:
    found = cells(lab.plan(f'{BODY}[[attacks]]\nname = "answer_only"\n{listed}\n')).screen
    own = cells(lab.plan(BODY)).screen
    (control,) = (todo for todo in found if (todo.defense.label, todo.attack.label) == ("none", "answer_only"))
    assert control.control and control.digest in {todo.digest for todo in own}
    assert len(found) > len(own)


def test_a_setting_of_public_data_takes_the_control_s_place_and_its_name(lab) -> None:
    found = cells(lab.plan(BODY + '[[attacks]]\nname = "public"\nconfig = { most = 2 }\n')).screen
    ((defense, control, most),) = (
        (todo.defense.label, todo.control, todo.attack.config["most"])
        for todo in found
        if todo.attack.label == "public"
    )
    assert (defense, control, most) == ("none", True, 2)


def test_the_plain_paraphrase_is_a_control_where_a_task_writes_one(lab) -> None:
    known = facts(writers=("paraphrase",))
    found = cells(lab.plan(BODY), known)
    assert ("paraphrase", "sft") in names(found.screen)
    own = BODY + '[[defenses]]\nlabel = "mine"\nname = "instruct"\nwriter = "task:paraphrase"\n'
    assert {todo.defense.label for todo in cells(lab.plan(own), known).utilities} == {
        "none", "terse", "withhold", "mine",
    }  # fmt: skip


def test_where_no_defense_is_judged_nothing_needs_a_paraphrase_beside_it(lab) -> None:
    alone = BODY[: BODY.index("[[defenses]]")] + BODY[BODY.index("[[attacks]]") :]
    mark = alone + '[[defenses]]\nname = "association"\n'
    for body, expected in ((alone, {"none"}), (mark, {"none", "association"})):
        found = names(cells(lab.plan(body), facts(writers=("paraphrase",))).screen)
        assert {defense for defense, _ in found} == expected


def test_several_shares_of_the_budget_are_an_attack_each(lab) -> None:
    found = cells(lab.plan(BODY.replace('name = "sft"', 'name = "sft"\nshares = [0.5, 1]')))
    shares = {todo.attack.label: todo.share for todo in found.screen if todo.attack.name == "sft"}
    assert shares == {"sft@0.5": pytest.approx(1 / 6), "sft@1": pytest.approx(1 / 3)}
    one = {todo.digest for todo in cells(lab.plan(BODY)).screen if todo.attack.name == "sft"}
    assert one == {todo.digest for todo in found.screen if todo.attack.label == "sft@1"}, "a label decides nothing"


def test_a_writer_that_the_task_does_not_have_is_refused(lab) -> None:
    body = BODY + '[[defenses]]\nname = "instruct"\nwriter = "task:plan"\n'
    with pytest.raises(Misconfigured, match="'task:plan', but the task 'micro' offers paraphrase"):
        Grid(lab.plan(body), facts(writers=("paraphrase",)))


def test_the_same_cell_twice_is_refused(lab) -> None:
    with pytest.raises(Misconfigured, match=r"the same cell twice: micro: none x sft.*micro: none x again"):
        cells(lab.plan(BODY + '[[attacks]]\nname = "sft"\nlabel = "again"\n'))


def first_defense(plan, **change):
    return replace(plan, defenses=(replace(plan.defenses[0], **change), plan.defenses[1]))


def second_attack(plan, **change):
    return replace(plan, attacks=(plan.attacks[0], replace(plan.attacks[1], **change)))


def one_more(plan):
    own = replace(plan.attacks[1], label="m", config={"share": 0.3, "most": 0}, alternatives=())
    return replace(plan, attacks=(*plan.attacks, own))


SAME = {
    "a label": lambda plan: replace(second_attack(plan, label="plain"), name="y"),
    "who is confirmed": lambda plan: replace(plan, confirm=replace(plan.confirm, worst=9, seeds=(7, 1, 2))),
    "another attack": one_more,
    "where a key is": lambda plan: second_attack(plan, writer_key_env="K"),
}


@pytest.mark.parametrize("what", SAME)
def test_what_decides_nothing_changes_no_digest(lab, what) -> None:
    plan = lab.plan(BODY)
    before, after = cells(plan), cells(SAME[what](plan))
    for stage in ("screen", "confirm", "utilities"):
        old, new = ({todo.digest for todo in getattr(found, stage)} for found in (before, after))
        assert old <= new


def test_a_default_that_is_written_out_changes_no_digest(lab) -> None:
    written = BODY.replace('name = "mix"\n', 'name = "mix"\nconfig = { share = 0.5, most = 0 }\n').replace(
        'name = "terse"\n', 'name = "terse"\nconfig = { steps = 40 }\n'
    )
    assert written.count("config") == 3
    assert [todo.digest for todo in cells(lab.plan(written)).screen] == [
        todo.digest for todo in cells(lab.plan(BODY)).screen
    ]


ALL = {"screen", "confirm", "utilities"}
LEARNING = {"screen", "confirm"}


def always(todo) -> bool:
    return True


def of_terse(todo) -> bool:
    return todo.defense.label == "terse"


def of_mix(todo) -> bool:
    return todo.attack.label == "mix"


def about(change):
    """A change of the plan alone."""
    return lambda plan: (change(plan), FACTS)


def task(**change):
    return about(lambda plan: replace(plan, tasks=(replace(plan.tasks[0], **change),)))


CHANGES = {
    "the teacher": (lambda plan: (plan, facts("another")), ALL, always),
    "what is asked": (lambda plan: (plan, facts(train="x")), LEARNING, always),
    "what is public": (lambda plan: (plan, facts(proxy="x")), LEARNING, always),
    "what chooses": (lambda plan: (plan, facts(validation="x")), {"screen"}, always),
    "what is reported": (lambda plan: (plan, facts(test="x")), {"confirm", "utilities"}, always),
    "another form of it": (lambda plan: (plan, facts(shifted="x")), {"confirm"}, always),
    "the task": (task(config={"size": 4, "first": 1}), ALL, always),
    "who is protected": (task(protect_subjects=("parity 0",)), ALL, always),
    "the recipe": (
        about(lambda plan: replace(plan, learner=replace(plan.learner, recipe={"steps": 3}))), LEARNING, always),
    "one defense": (about(lambda plan: first_defense(plan, config={"steps": 7})), ALL, of_terse),
    "its fallback": (about(lambda plan: first_defense(plan, fallback="withhold")), ALL, of_terse),
    "its writer": (about(lambda plan: first_defense(plan, writer="local")), ALL, of_terse),
    "one attack": (about(lambda plan: second_attack(plan, config={"share": 0.2, "most": 0})), LEARNING, of_mix),
    "the screen's share": (about(lambda plan: replace(plan, screen=Screen(0, 0.5))), {"screen"}, always),
    "the screen's seed": (about(lambda plan: replace(plan, screen=Screen(9, 1 / 3))), {"screen"}, always),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_decides_changes_exactly_its_digests(lab, what) -> None:
    change, stages, concerns = CHANGES[what]
    plan = lab.plan(BODY)
    before, after = cells(plan), cells(*change(plan))
    for stage in ALL:
        for old, new in zip(getattr(before, stage), getattr(after, stage), strict=True):
            assert (old.digest != new.digest) == bool(stage in stages and concerns(old)), (stage, old.words)
