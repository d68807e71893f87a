"""Where a question goes, and that no two splits share one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope import Request
from azeotrope.errors import Misconfigured
from azeotrope.splits import ALL, WITHOUT_TEST, apart, disjoint, identity, split_of
from azeotrope.types import Problem


def problems(split: str, questions: list[str]) -> tuple[Problem, ...]:
    return tuple(Problem(f"{split}-{at}", Request.of(question), "7") for at, question in enumerate(questions))


class Asking:
    """A task of these questions."""

    name = "asking"

    def __init__(self, **splits: list[str]) -> None:
        self.splits = {split: problems(split, questions) for split, questions in splits.items()}

    def problems(self, split):
        return self.splits.get(split, ())

    async def grade(self, problem, answer):
        return answer == problem.gold


ALIKE = [("Two plus two?", "two  PLUS two?\n"), ("½ of 4?", "1⁄2 of 4?"), ("café?", "cafe\u0301?")]


@pytest.mark.parametrize(("there", "here"), ALIKE)
def test_a_question_in_two_splits_is_refused_with_both_names(there, here) -> None:
    with pytest.raises(Misconfigured, match=r"train-1 \(train\) and test-0 \(test\) ask the same"):
        disjoint(Asking(train=["a", there], proxy=["b"], test=[here]))


def test_disjoint_splits_pass_and_signs_count() -> None:
    disjoint(Asking(train=["3 - 2?", "3 - 2?"], proxy=["3 + 2?"], validation=["32?"], test=["3 2?"]))
    assert identity("3 - 2") != identity("3 + 2")


@given(st.lists(st.text("ab ", max_size=3)), st.lists(st.text("ab ", max_size=3)), st.lists(st.text("ab ", max_size=3)))
def test_what_was_set_apart_is_disjoint_and_loses_no_question(train, proxy, test) -> None:
    asking = Asking(train=train, proxy=proxy, test=test)
    asking.splits = apart(asking.splits)
    disjoint(asking)
    kept = [identity(p.request.messages[0]["content"]) for found in asking.splits.values() for p in found]
    assert sorted(kept) == sorted({identity(text) for text in [*train, *proxy, *test]})
    assert len(asking.splits["test"]) == len({identity(text) for text in test})


@pytest.mark.parametrize("shares", [ALL, WITHOUT_TEST])
def test_shares_are_kept(shares) -> None:
    found = [split_of(str(at), shares) for at in range(4000)]
    for split, share in shares.items():
        expected = 4000 * share / 16
        assert abs(found.count(split) - expected) < 5 * expected**0.5
    assert set(found) == set(shares)


@given(st.text())
def test_any_key_goes_somewhere_and_always_there(key) -> None:
    assert split_of(key) == split_of(key)
    assert split_of(key) in ALL
