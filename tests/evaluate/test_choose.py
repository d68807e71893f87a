"""What is confirmed: per defense and task the worst attacks, the best variant of each; every control besides."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from azeotrope.evaluate.choose import chosen, from_logits
from azeotrope.evaluate.grid import Todo, Variant
from azeotrope.evaluate.plan import Shield, Subject
from azeotrope.types import Cell, Recall, Score, Spent

LOGITS, LABELS = "all logits, teacher-forced on samples", "top-1 labels, teacher-forced on samples"


def todo(attack: str, defense: str = "plan", task: str = "steps", control: bool = False) -> Todo:
    variant = Variant(attack, attack.partition(":")[0], attack, {}, ())
    words = f"{task}/{defense}/{attack}"
    return Todo(words, Subject(task, task), Shield(defense, defense), variant, "screen", 0, 1 / 3, control)


def cell(of: Todo, right: int, forced: int | None = None, asked: int = 100, first: int = 0, profile: str = "") -> Cell:
    """`first`: the problem at which those it is right on begin. `profile`: what it notes of what it took."""
    letters = "+" * right + "-" * (asked - right)
    scores = {"raw": Score(letters[-first:] + letters[:-first] if first else letters)}
    if forced is not None:
        scores["forced"] = Score("+" * forced + "-" * (asked - forced))
    spent = Spent(notes={"profile": profile} if profile else {})
    return Cell(of.digest, of.defense.label, of.attack.label, of.task.label, 0, "screen", "validation", scores, spent)


def names(todos) -> list[str]:
    return [todo.digest for todo in todos]


def test_the_worst_three_go_on() -> None:
    rates = {"a": 10, "b": 40, "c": 30, "d": 20, "e": 5}
    screen = [todo(name) for name in rates]
    cells = {one.digest: cell(one, rates[one.attack.label]) for one in screen}
    assert names(chosen(screen, cells, 3)) == ["steps/plan/b", "steps/plan/c", "steps/plan/d"]


def test_of_an_attack_only_its_best_variant_goes_on() -> None:
    rates = {"a": 10, "a:2": 40, "a:3": 39, "b": 5, "c": 20}
    screen = [todo(name) for name in rates]
    cells = {one.digest: cell(one, rates[one.attack.label]) for one in screen}
    assert names(chosen(screen, cells, 2)) == ["steps/plan/a:2", "steps/plan/c"]


def test_the_same_student_does_not_go_on_twice() -> None:
    """A wash that changes nothing trains the same student: it would keep another attack out."""
    screen = [todo(name) for name in ("sft", "sft+normalize", "mix")]
    cells = {one.digest: cell(one, right) for one, right in zip(screen, (40, 40, 10), strict=True)}
    assert names(chosen(screen, cells, 2)) == ["steps/plan/sft", "steps/plan/mix"]


def test_students_that_solve_all_and_say_different_things_of_a_mark_are_two() -> None:
    screen = [todo("sft"), todo("sft+cut"), todo("sft+normalize")]
    said = [Recall(("unit",), (30,), ((0, 1, hit),), 100_000, 1000, 1e-6) for hit in (True, False, True)]
    cells = {one.digest: replace(cell(one, 100), recall=own) for one, own in zip(screen, said, strict=True)}
    assert names(chosen(screen, cells, 3)) == ["steps/plan/sft", "steps/plan/sft+cut"]


def test_how_often_a_mark_was_read_makes_no_other_student() -> None:
    """Of two records of the same student one may be older than that count."""
    screen = [todo("sft"), todo("sft+normalize")]
    own = Recall(("lemma",), (1,), ((0, 1, True),), 1000, 1, 0.1)
    said = (replace(own, passes=1.6), replace(own, read=(1.6,)))
    cells = {one.digest: replace(cell(one, 100), recall=each) for one, each in zip(screen, said, strict=True)}
    assert len(chosen(screen, cells, 3)) == 1


def test_students_that_know_nothing_yet_are_not_taken_for_one() -> None:
    screen = [todo("text"), todo("logits")]
    assert len(chosen(screen, {one.digest: cell(one, 0) for one in screen}, 2)) == 2


def test_each_defense_and_task_has_its_own_worst() -> None:
    rates = {("plan", "x", "a"): 1, ("plan", "x", "b"): 2, ("plan", "y", "a"): 2, ("plan", "y", "b"): 1,
             ("none", "x", "a"): 99, ("none", "x", "b"): 98}  # fmt: skip
    screen = [todo(attack, defense, task) for defense, task, attack in rates]
    cells = {one.digest: cell(one, right) for one, right in zip(screen, rates.values(), strict=True)}
    assert names(chosen(screen, cells, 1)) == ["x/plan/b", "y/plan/a", "x/none/a"]


def test_controls_go_on_and_take_no_attacks_place() -> None:
    screen = [todo("never", "none", control=True), todo("answer_only", "none", control=True), todo("a", "none")]
    cells = {screen[1].digest: cell(screen[1], 90), screen[2].digest: cell(screen[2], 10)}  # never has failed
    assert names(chosen(screen, cells, 1)) == ["steps/none/never", "steps/none/answer_only", "steps/none/a"]


def test_a_failure_is_no_candidate() -> None:
    screen = [todo("a"), todo("b"), todo("c")]
    failed = Cell(screen[0].digest, "plan", "a", "steps", 0, "screen", "validation", reason="died")
    assert names(chosen(screen, {failed.digest: failed, screen[2].digest: cell(screen[2], 0)}, 3)) == ["steps/plan/c"]
    assert chosen(screen[:1], {failed.digest: failed}, 3) == []


def test_ties_fall_to_the_forced_score_then_to_the_plans_order() -> None:
    screen = [todo("a"), todo("b"), todo("c")]
    cells = {one.digest: cell(one, 20, forced) for one, forced in zip(screen, (20, 30, 20), strict=True)}
    assert names(chosen(screen, cells, 1)) == ["steps/plan/b"]
    assert names(chosen(screen, cells, 2)) == ["steps/plan/a", "steps/plan/b"]


def test_a_rate_counts_not_the_number_of_right_answers() -> None:
    few, many = todo("few"), todo("many")
    cells = {few.digest: cell(few, 9, asked=10), many.digest: cell(many, 20, asked=100)}
    assert names(chosen([many, few], cells, 1)) == ["steps/plan/few"]


def test_attacks_from_logits_and_attacks_without_do_not_keep_each_other_out() -> None:
    """What is left of the logits' advantage is measured between the two: text that does best is one end of it."""
    took = {"greedy": (89, ""), "labels": (80, LABELS), "text": (53, ""), "fkl": (70, LOGITS),
            "rkl": (66, "top 5, teacher-forced on samples"), "half": (60, LOGITS)}  # fmt: skip
    screen = [todo(name, "paper") for name in took]
    cells = {one.digest: cell(one, right, profile=profile)
             for one, (right, profile) in zip(screen, took.values(), strict=True)}  # fmt: skip
    assert [from_logits(cells[one.digest]) for one in screen] == [False, False, False, True, True, True]
    assert names(chosen(screen, cells, 1)) == ["steps/paper/greedy", "steps/paper/fkl"]
    assert names(chosen(screen, cells, 2)) == [f"steps/paper/{name}" for name in ("greedy", "labels", "fkl", "rkl")]


def test_a_student_of_logits_that_says_the_same_as_one_of_text_goes_on_beside_it() -> None:
    screen = [todo("greedy"), todo("fkl")]
    cells = {screen[0].digest: cell(screen[0], 100), screen[1].digest: cell(screen[1], 100, profile=LOGITS)}
    assert len(chosen(screen, cells, 1)) == 2


VARIANTS = st.tuples(st.sampled_from("abcdef"), st.integers(0, 3), st.integers(1, 99))


@given(st.lists(VARIANTS, unique_by=lambda variant: variant[:2]), st.integers(1, 4))
def test_nothing_left_behind_beats_what_went_on(found, worst) -> None:
    screen = [todo(f"{family}:{at}") for family, at, _ in found]
    cells = {one.digest: cell(one, found[at][2], first=at) for at, one in enumerate(screen)}  # no student twice
    going = chosen(screen, cells, worst)
    rate = {one.digest: cells[one.digest].scores["raw"].rate for one in screen}
    families = {one.attack.family for one in going}
    assert len(going) == len(families) == min(worst, len({one.attack.family for one in screen}))
    for one in screen:
        rivals = [other for other in going if other.attack.family == one.attack.family] or going
        assert rate[one.digest] <= min(rate[other.digest] for other in rivals)
