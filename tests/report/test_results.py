"""Which cell counts, and what is said where none does."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured
from azeotrope.report.results import Results, read
from azeotrope.types import Cell, Run, Score, Utility

RUN = Run("c" * 64, "0.1.0", "abc", "2 cores", "2026-11-25T00:00:00Z")


def cell(digest: str = "d", verdicts: str = "+-", reason: str = "", **names: object) -> Cell:
    where = {"defense": "plan", "attack": "sft", "task": "steps", "seed": 1, "stage": "confirm", "split": "test"}
    scores = {} if reason else {"raw": Score(verdicts)}
    return Cell(digest, **{**where, **names}, scores=scores, reason=reason)  # type: ignore[arg-type]


def written(path: Path, *records: Run | Cell | Utility) -> Path:
    path.write_bytes(b"".join(encode({type(one).__name__.lower(): one}) + b"\n" for one in records))
    return path


@pytest.fixture
def results(tmp_path: Path):
    def make(*records: Run | Cell | Utility) -> Results:
        return read(written(tmp_path / "r.jsonl", *records))

    return make


def test_a_score_replaces_a_failure_and_a_later_failure_replaces_no_score(results) -> None:
    found = results(cell(reason="killed"), RUN, cell(verdicts="++"), RUN, cell(reason="killed again"))
    assert [one.scores["raw"].verdicts for one in found.cells] == ["++"]
    assert len(found.runs) == 2


def test_of_several_scores_the_last_counts(results) -> None:
    assert results(cell(verdicts="++"), cell(verdicts="--")).cells == [cell(verdicts="--")]


def test_a_cell_that_was_renamed_leaves_no_ghost(results) -> None:
    assert results(cell(defense="old"), cell(defense="new")).cells == [cell(defense="new")]


def test_other_settings_under_the_same_names_are_told(results) -> None:
    found = results(cell("a", "++"), cell("b", "--"))
    assert found.cells == [cell("b", "--")]
    assert "other settings" in found.remarks[0]


def test_what_a_later_line_supersedes_is_left_out_and_told_until_it_is_written_again(tmp_path: Path) -> None:
    old, new = cell("a", seed=1), cell("b", "--", seed=2)
    utility = Utility("u", "plan", "steps", "test", {"raw": Score("+")})
    path = written(tmp_path / "r.jsonl", RUN, old, new, utility)
    with path.open("ab") as file:
        file.write(b'{"superseded": ["a", "u", "elsewhere"]}\n')
    found = read(path)
    assert (found.cells, found.utilities) == ([new], [])
    assert found.remarks[0].startswith("1 cells are left out: the experiment, as it was run last, does not have them")
    with path.open("ab") as file:
        file.write(encode({"cell": old}) + b"\n")
    again = read(path)
    assert (again.cells, again.remarks) == ([new, old], [])


@given(some.lists(some.tuples(some.sampled_from("abc"), some.booleans(), some.integers(0, 9)), min_size=1, max_size=12))
def test_the_last_with_a_score_wins_in_any_order(tmp_path_factory, lines) -> None:
    expected: dict[str, Cell] = {}
    records: list[Cell] = []
    for digest, scored, number in lines:
        one = cell(digest, "+" * number + "-", seed=ord(digest), reason="" if scored else f"failure {number}")
        records.append(one)
        if scored or not expected.get(digest, one).scores:
            expected[digest] = one
    path = written(tmp_path_factory.mktemp("any") / "r.jsonl", *records)
    if any(one.scores for one in expected.values()):
        assert {one.digest: one for one in read(path).cells} == expected
    else:
        with pytest.raises(Misconfigured, match="failed"):
            read(path)


def test_a_torn_last_line_is_left_out_and_told(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", RUN, cell())
    path.write_bytes(path.read_bytes() + b'{"cell": {"digest": "e", "def')
    found = read(path)
    assert found.cells == [cell()]
    assert "torn" in found.remarks[0]


def test_a_last_line_without_its_end_counts_if_it_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", cell())
    path.write_bytes(path.read_bytes().rstrip())
    assert read(path).cells == [cell()]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"cell": 3}', "line 1"),
        ('{"cells": {}}', "unknown field"),
        ("{}", "exactly one"),
        ("nonsense", "line 1"),
        (encode({"run": replace(RUN, schema=99)}).decode(), "schema 99"),
    ],
)
def test_a_line_that_is_none_is_refused_with_its_place(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(Misconfigured, match=said):
        read(path)


def test_no_file_no_cell_and_nothing_but_failures_are_three_messages_with_cures(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"there is no file .*azeotrope evaluate"):
        read(tmp_path / "nothing.jsonl")
    for records in ((), (RUN,)):
        with pytest.raises(Misconfigured, match=r"holds no cell yet: `azeotrope evaluate`"):
            read(written(tmp_path / "r.jsonl", *records))
    failed = [cell("a", reason="no public data"), cell("b", seed=2, reason="no public data"), cell("c", "??", seed=3)]
    with pytest.raises(
        Misconfigured, match=r"all 3 cells .* failed.*2 x no public data; 1 x no problem could be asked"
    ):
        read(written(tmp_path / "r.jsonl", RUN, *failed))


def test_seeds_that_were_judged_on_different_problems_are_not_thrown_together(results) -> None:
    with pytest.raises(Misconfigured, match="judged on different problems"):
        results(cell("a", "++"), cell("b", "+++", seed=2)).groups("steps", "confirm")


def test_the_last_utility_counts(results) -> None:
    old, new = (Utility("u", "plan", "steps", "test", {"raw": Score(v)}) for v in ("+", "-"))
    found = results(cell(), old, new)
    assert found.utility("steps", "plan", "test") == new
    assert found.utility("steps", "none", "test") is None
