"""The results file: each record on disk before the next, resumed by digest, whole after any kill. And estimates."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured
from azeotrope.evaluate.estimate import Estimates
from azeotrope.evaluate.grid import Facts, Grid, Known
from azeotrope.evaluate.results import Line, opened, together
from azeotrope.types import Cell, Run, Score, Utility

RUN = Run("c", "1", "", "m", "2026-01-01T00:00:00+00:00")


def cell(digest: str, reason: str = "", seconds: float = 1.0) -> Cell:
    scores = {} if reason else {"raw": Score("+-")}
    return Cell(digest, "plan", "sft", "x", 0, "screen", "validation", scores, seconds=seconds, reason=reason)


def test_each_writer_heads_what_it_adds(tmp_path) -> None:
    path = tmp_path / "new" / "x.jsonl"
    for digest in "ab":
        with opened(path) as results:
            results.add(cell(digest), RUN)
            results.add(Utility(digest, "plan", "x", "test"), RUN)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [next(iter(line)) for line in lines] == ["run", "cell", "utility"] * 2
    assert all(len(line) == 1 for line in lines)
    assert list(together([path]).cells) == list(together([path]).utilities) == ["a", "b"]


def test_a_writer_with_nothing_to_add_adds_nothing(tmp_path) -> None:
    with opened(tmp_path / "x.jsonl"):
        pass
    assert (tmp_path / "x.jsonl").read_bytes() == b""


def test_a_second_writer_is_kept_out(tmp_path) -> None:
    with (
        opened(tmp_path / "x.jsonl"),
        pytest.raises(Misconfigured, match="another process is writing"),
        opened(tmp_path / "x.jsonl"),
    ):
        pass


def test_a_score_outlasts_a_later_failure_and_replaces_an_earlier_one(tmp_path) -> None:
    with opened(tmp_path / "x.jsonl") as results:
        for one in (cell("a", "died"), cell("a", "again"), cell("a"), cell("a", "later")):
            results.add(one, RUN)
        assert results.cells["a"].scores
    assert together([tmp_path / "x.jsonl"]).cells["a"].scores


@settings(max_examples=20)
@given(st.integers(0, 400))
def test_a_torn_tail_is_cut_and_the_rest_goes_on(tmp_path_factory, cut) -> None:
    path = tmp_path_factory.mktemp("torn") / "x.jsonl"
    with opened(path) as results:
        for digest in "abc":
            results.add(cell(digest), RUN)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    with opened(path) as results:
        left = list(results.cells)
        results.add(cell("d"), RUN)
    assert left == list("abc")[: len(left)] and len(left) == path.read_bytes().count(b'"cell"') - 1
    assert list(together([path]).cells) == [*left, "d"]


def test_a_line_that_is_none_of_ours_is_named(tmp_path) -> None:
    (tmp_path / "x.jsonl").write_bytes(encode(Line(cell=cell("a"))) + b'\n{"cell": 3}\n')
    with pytest.raises(Misconfigured, match="line 2"), opened(tmp_path / "x.jsonl"):
        pass
    assert (tmp_path / "x.jsonl").read_bytes().count(b"\n") == 2, "and left alone"


def test_a_cell_takes_as_long_as_its_like(lab) -> None:
    plan = lab.plan('[[attacks]]\nname = "sft"\n[[attacks]]\nname = "mix"\n')
    grid = Grid(plan, Facts("teacher", {"micro": Known({}, True, ())}))
    screen = grid.screen()
    sft = next(todo for todo in screen if todo.attack.label == "sft")
    confirm = grid.confirmed([sft])[0]
    other = next(todo for todo in screen if todo.attack.label == "mix")
    assert Estimates(plan, [], []).seconds(sft) is None
    known = Estimates(plan, [cell("a", seconds=10.0), cell("b", seconds=20.0), cell("c", "died", 999.0)], [])
    assert known.seconds(sft) == pytest.approx(15)
    assert known.seconds(confirm) == pytest.approx(45), "three times the budget"
    assert known.seconds(other) == pytest.approx(15), "where nothing is nearer, anything"
    assert known.total([sft, confirm, other], workers=2) == pytest.approx(75 / 2)
