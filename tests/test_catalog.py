"""A file is a method: listing imports none, and a wrong name is told the right ones."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from azeotrope import catalog, codec, lift
from azeotrope.errors import Misconfigured
from azeotrope.types import Record, Request, Trace


def test_every_defense_is_listed_with_its_first_line() -> None:
    found = catalog.names("defenses")
    assert {"none", "withhold"} <= set(found)
    assert found["withhold"] == "Release the answer and none of the reasoning."
    assert all(line.endswith(".") or ":" in line for line in found.values())


def test_listing_imports_no_method() -> None:
    code = "import sys; from azeotrope import catalog; catalog.names('defenses'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "azeotrope.catalog" in loaded
    assert not [m for m in loaded if m.startswith("azeotrope.defenses")]


def test_a_wrong_name_is_told_the_right_ones() -> None:
    with pytest.raises(Misconfigured, match=r"no defense called 'withold'; there are: .*withhold"):
        catalog.load("defenses", "withold")


def test_an_outside_package_adds_a_method_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("outside", "azeotrope.defenses.none", "azeotrope.defenses")
    monkeypatch.setattr(catalog, "entry_points", lambda group: [point] if group == "azeotrope.defenses" else [])
    assert catalog.names("defenses")["outside"] == catalog.names("defenses")["none"]
    assert lift.defense("outside") is lift.none


def test_an_unknown_setting_is_an_error_that_names_it() -> None:
    with pytest.raises(Misconfigured, match=r"defense 'withhold': .*`loudness`"):
        lift.defense("withhold", {"loudness": 11})


def test_a_digest_is_of_the_value_not_of_its_spelling() -> None:
    assert codec.digest({"a": 1, "b": [True]}) == codec.digest({"b": [True], "a": 1})
    assert codec.digest({"a": 1}) != codec.digest({"a": "1"})


def test_records_round_trip_and_unknown_members_are_refused() -> None:
    trace = Trace("t", Request.of("?"), "why", "4")
    assert codec.decode(codec.encode(trace), Trace) == trace
    with pytest.raises(Misconfigured, match="surprise"):
        codec.decode(b'{"id":"t","request":{"messages":[]},"reasoning":"","answer":"","surprise":1}', Trace)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, azeotrope, azeotrope.cli; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {
        "torch",
        "transformers",
        "sympy",
        "math_verify",
        "aiohttp",
        "sqlalchemy",
        "uvicorn",
        "starlette",
    }


class Setting(Record, frozen=True):
    """A setting with a bound."""

    delta: float

    def __post_init__(self) -> None:
        if self.delta < 0:
            raise ValueError(f"delta is a bias, so at least 0; got {self.delta}")


def test_a_wrong_value_is_named_with_its_bound() -> None:
    with pytest.raises(Misconfigured, match="here: delta is a bias, so at least 0; got -1"):
        codec.convert({"delta": -1.0}, Setting, "here")
