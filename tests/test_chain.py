"""What `--set` says: values as TOML writes them, tables by dots, and no two that exclude each other."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.cli.chain import values
from azeotrope.errors import Misconfigured


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (["a=1", "b=x y", "c.d=true", "c.e.f=[1]"], {"a": 1, "b": "x y", "c": {"d": True, "e": {"f": [1]}}}),
        (["a=1", "a=2"], {"a": 2}),
        (["a={ x = 1 }", "a.b=2"], {"a": {"x": 1, "b": 2}}),
        (["a={}", "a=1"], {"a": 1}),
        (["a=x=y"], {"a": "x=y"}),
    ],
)
def test_values_and_tables(pairs: list[str], said: dict[str, Any]) -> None:
    assert values(pairs) == said


@pytest.mark.parametrize(
    ("pairs", "both"),
    [
        (["a=1", "a.b=2"], ("--set a ", "--set a.b ")),
        (["a.b=2", "a=1"], ("--set a.b ", "--set a ")),
        (["x.a=[1]", "x.a.b.c=2"], ("--set x.a ", "--set x.a.b.c ")),
        (["x.a.b=2", "x=secret"], ("--set x.a ", "--set x ")),
    ],
)
def test_a_value_and_a_member_of_it_exclude_each_other(pairs: list[str], both: tuple[str, str]) -> None:
    with pytest.raises(Misconfigured, match="leave one out") as refused:
        values(pairs)
    assert all(name in str(refused.value) for name in both) and "secret" not in str(refused.value)


@given(st.lists(st.text(alphabet="ab.=1{}", max_size=6), max_size=5))
def test_any_pairs_are_a_table_or_misconfigured(pairs: list[str]) -> None:
    try:
        assert isinstance(values(pairs), dict)
    except Misconfigured as refused:
        assert "--set" in str(refused)
