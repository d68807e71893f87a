"""Settings: the sample is whole, the environment overrides, secrets stay where they are."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope import Request
from azeotrope.cli.addresses import HERE
from azeotrope.errors import Misconfigured
from azeotrope.gateway import settings
from azeotrope.gateway.serving import remote
from azeotrope.gateway.settings import Policy, Server, check, overridden
from azeotrope.ledger.tables import address
from azeotrope.streams import ask

SMALL: dict[str, Any] = {
    "upstream": {"base_url": "http://h/v1"},
    "policies": {"default": {"defense": "withhold"}},
}


def test_the_sample_names_every_setting_and_its_true_default() -> None:
    table = tomllib.loads(settings.sample())
    read = check(table, "sample")
    assert set(table["server"]) == set(Server.__struct_fields__)
    assert read.server == Server()
    shown = set(table["policies"]["default"]) | {"config", "seed"}
    assert shown == set(Policy.__struct_fields__)
    for name in settings.Endpoint.__struct_fields__:
        assert name in settings.sample()


def test_the_environment_overrides_what_the_file_says() -> None:
    env = {
        "AZEOTROPE__UPSTREAM__BASE_URL": "http://other/v1",
        "AZEOTROPE__SERVER__PORT": "9000",
        "AZEOTROPE__POLICIES__DEFAULT__FAIL": "open",
        "AZEOTROPE__POLICIES__DEFAULT__LEDGER": "false",
        "AZEOTROPE__UPSTREAM__MODEL": '"4711"',
        "AZEOTROPE_OTHER": "x",
        "HOME": "/",
    }
    read = check(overridden(SMALL, env), "test")
    assert (read.upstream.base_url, read.server.port, read.upstream.model) == ("http://other/v1", 9000, "4711")
    assert (read.policies["default"].fail, read.policies["default"].ledger) == ("open", False)
    assert SMALL["upstream"]["base_url"] == "http://h/v1", "the file's table is left as it was"


async def test_a_template_that_opens_the_thought_makes_what_is_cut_reasoning_from_the_first_response(upstream) -> None:
    up = upstream
    cut = {"stop": ["\n\n"]}, {"extra_body": {"stop_token_ids": [7]}}, {}
    for told, options in [(told, options) for told in (False, True) for options in cut]:
        up.says(up.json(up.completion({"content": "I add two and"})))
        table = {**SMALL, "upstream": {"base_url": up.url, "think_in_prompt": told}}
        async with remote(check(table, "test").upstream, {}) as model:
            trace = await ask(model, Request(Request.of("2+2?").messages, {}, options))
        assert bool(trace.reasoning) == (told and bool(options))


@pytest.mark.parametrize("name", ["AZEOTROPE__UPSTREAM__BASE_ULR", "AZEOTROPE__SERVER__X__Y"])
def test_an_override_of_nothing_is_an_error_that_names_it(name) -> None:
    with pytest.raises(Misconfigured, match=name.split("__")[2].lower()):
        check(overridden(SMALL, {name: "1"}), "test")


@given(st.text(min_size=1))
def test_text_that_is_no_toml_overrides_as_it_is(text: str) -> None:
    value = overridden({}, {"AZEOTROPE__A": text})["a"]
    try:
        assert value == tomllib.loads(f"value = {text}")["value"] or value != value
    except tomllib.TOMLDecodeError:
        assert value == text


def test_a_key_comes_from_the_environment_or_from_a_file_of_ones_own(tmp_path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-9\n")
    file.chmod(0o644)
    table = {**SMALL, "upstream": {"base_url": "http://h/v1", "key_file": "key"}}
    endpoint = check(table, "test", tmp_path).upstream
    with pytest.raises(Misconfigured, match="chmod 600"):
        settings.secret(endpoint, {})
    file.chmod(0o600)
    assert settings.secret(endpoint, {}) == "sk-9"
    named = check({**SMALL, "upstream": {"base_url": "http://h/v1", "key_env": "K"}}, "test").upstream
    assert settings.secret(named, {"K": "sk-8"}) == "sk-8"
    assert "sk-" not in repr(check(table, "test", tmp_path))


SECRETIVE = ["http://user:hunter2@h/v1", "http://hunter2@h", "https://h/v1?api_key=hunter2", "http://h/v1#hunter2",
             "user:hunter2@h/v1", "http://[hunter2/v1"]  # fmt: skip


@pytest.mark.parametrize("place", ["upstream", "rewriter"])
@pytest.mark.parametrize("address", SECRETIVE)
def test_an_address_that_holds_a_secret_is_refused_unquoted_with_the_cure(address: str, place: str) -> None:
    with pytest.raises(Misconfigured, match=rf"test: \[{place}\] base_url") as refused:
        check({**SMALL, place: {"base_url": address, "key_env": "K"}}, "test")
    assert "hunter2" not in repr(refused.value)
    assert "key_env or key_file" in str(refused.value) or "http://host:8000/v1" in str(refused.value)


@pytest.mark.parametrize(
    ("dsn", "placed"),
    [
        (None, "sqlite:////etc/azeotrope/azeotrope-ledger.db"),
        ("sqlite:///kept/l.db", "sqlite:////etc/azeotrope/kept/l.db"),
        ("sqlite+pysqlite:///l.db?timeout=5", "sqlite+pysqlite:////etc/azeotrope/l.db?timeout=5"),
        ("l.db", "/etc/azeotrope/l.db"),
        ("sqlite:////var/l.db", "sqlite:////var/l.db"),
        ("/var/l.db", "/var/l.db"),
        ("postgresql://h/azeotrope", "postgresql://h/azeotrope"),
        ("postgresql+psycopg:///azeotrope", "postgresql+psycopg:///azeotrope"),
        ("sqlite:///file:l.db?uri=true", "sqlite:///file:l.db?uri=true"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        (":memory:", ":memory:"),
        ("", ""),
    ],
)
def test_the_ledgers_file_stands_relative_to_the_settings(dsn: str | None, placed: str) -> None:
    table = {**SMALL, "ledger": {} if dsn is None else {"dsn": dsn}}
    assert check(table, "test", Path("/etc/azeotrope")).ledger.dsn == placed
    assert check(table, "test").ledger.dsn == (dsn if dsn is not None else "sqlite:///azeotrope-ledger.db")
    if dsn is None:
        assert check(SMALL, "test", Path("/etc/azeotrope")).ledger.dsn == placed


@pytest.mark.parametrize("given", [None, '[ledger]\ndsn = "sqlite:///mine.db"\n'])
def test_the_commands_find_the_ledger_from_the_settings_folder(tmp_path, monkeypatch, given: str | None) -> None:
    """Wherever the gateway was started; the name that the commands know is that of the settings' default."""
    file = tmp_path / "azeotrope.toml"
    file.write_text('[upstream]\nbase_url = "http://h/v1"\n[policies.default]\ndefense = "withhold"\n' + (given or ""))
    at = address(settings.read(file, {}).ledger.dsn).database
    monkeypatch.chdir(tmp_path)
    assert Path(at or "") == Path("mine.db" if given else HERE).absolute()


def test_none_is_not_recorded_unless_asked_and_everything_else_is_unless_asked_not() -> None:
    assert not Policy("none").recorded
    assert Policy("none", ledger=True).recorded
    assert Policy("withhold").recorded
    assert not Policy("withhold", ledger=False).recorded
