"""`azeotrope serve` and `azeotrope customers` as processes: started, drained, stopped, and refusing nonsense early."""

import asyncio
import io
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

ASK = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "2+2?"}]}
AZEOTROPE = [sys.executable, "-m", "azeotrope"]


def run(*args: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(env or {})}
    return subprocess.run([*AZEOTROPE, *args], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@asynccontextmanager
async def served(folder: Path, url: str, drain: float) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, str]]:
    """A gateway in a process of its own, its address, and a key."""
    (folder / "gate.toml").write_text(
        f'[server]\nport = 0\ndrain_seconds = {drain}\n[upstream]\nbase_url = "{url}"\n'
        f'[policies.default]\ndefense = "withhold"\n[ledger]\ndsn = "sqlite:///{folder / "ledger.db"}"\n'
    )
    key = run("customers", "add", "acme", "--config", "gate.toml", cwd=folder).stdout.strip()
    process = await asyncio.create_subprocess_exec(
        *AZEOTROPE, "serve", "--config", "gate.toml", cwd=folder, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 300)).decode()
        assert line.startswith("listening on http://127.0.0.1:"), (line, await process.stderr.read())
        yield process, line.split()[-1], key
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_sigterm_lets_what_is_in_flight_end_and_turns_the_rest_away(upstream, tmp_path) -> None:
    up, go = upstream, asyncio.Event()
    up.says(up.stream(up.delta(reasoning="r"), up.delta(content="4"), go, up.delta(finish="stop")))
    async with served(tmp_path, up.url, 120.0) as (process, url, key), aiohttp.ClientSession() as client:
        sent = {"Authorization": f"Bearer {key}"}
        async with client.post(f"{url}/chat/completions", json=ASK, headers=sent) as response:
            await response.content.readuntil(b'"4"')
            process.send_signal(signal.SIGTERM)
            while (await status_of(client, url.replace("/v1", "/health/ready")))[0] == 200:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            async with client.post(f"{url}/chat/completions", json=ASK, headers=sent) as late:
                assert (late.status, (await late.json())["error"]["code"]) == (503, "shutting_down")
            assert (await status_of(client, url.replace("/v1", "/health/live")))[0] == 200
            go.set()
            assert (await response.content.read()).endswith(b"data: [DONE]\n\n")
        _, log = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert sorted(line["outcome"] for line in lines if line["event"] == "request") == ["ok", "shutting_down"]


async def status_of(client: aiohttp.ClientSession, url: str) -> tuple[int, bytes]:
    async with client.get(url) as response:
        return response.status, await response.read()


async def test_what_outlasts_the_drain_ends_with_an_error_event(upstream, tmp_path) -> None:
    up = upstream
    up.says(up.stream(up.delta(reasoning="r"), up.delta(content="4"), up.HANG, done=False))
    async with served(tmp_path, up.url, 0.1) as (process, url, key), aiohttp.ClientSession() as client:
        async with client.post(f"{url}/chat/completions", json=ASK, headers={"Authorization": f"Bearer {key}"}) as got:
            await got.content.readuntil(b'"4"')
            process.send_signal(signal.SIGTERM)
            rest = await got.content.read()
        await asyncio.wait_for(process.wait(), 60)
        assert process.returncode == 0
    assert b"shutting_down" in rest and b"[DONE]" not in rest


def test_customers_are_added_listed_rotated_and_removed(tmp_path) -> None:
    added = run("customers", "add", "acme", cwd=tmp_path)
    key = added.stdout.strip()
    file = tmp_path / "customers.json"
    assert key.startswith("az-") and len(key) == 46
    assert key not in file.read_text() and key not in added.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("customers", "list", cwd=tmp_path).stdout.startswith("acme\t(default)\t")
    new = run("customers", "rotate", "acme", cwd=tmp_path).stdout.strip()
    assert new != key and new not in file.read_text()
    assert run("customers", "add", "acme", cwd=tmp_path).returncode == 2
    assert run("customers", "remove", "acme", cwd=tmp_path).returncode == 0
    assert run("customers", "list", cwd=tmp_path).stdout == ""
    assert "no customer called 'acme'" in run("customers", "remove", "acme", cwd=tmp_path).stderr


async def test_the_sample_serves_as_it_is_and_says_that_customers_are_lacking(tmp_path) -> None:
    from azeotrope.gateway import serving, settings
    from azeotrope.gateway.logs import logger

    log = io.BytesIO()
    (tmp_path / "x.toml").write_text(run("serve", "--sample-config", cwd=tmp_path).stdout)
    ledger = f'"sqlite:///{tmp_path / "ledger.db"}"'
    read = settings.read(tmp_path / "x.toml", {"AZEOTROPE__LEDGER__DSN": ledger})
    async with serving.gateway(read, {}, log=logger("info", log)) as app:
        assert app is not None
    assert b"customers add NAME" in log.getvalue()


BASE = '[upstream]\nbase_url = "http://127.0.0.1:9/v1"\n'
DEFAULT = BASE + "[policies.default]\n"
NONSENSE: dict[str, tuple[str, str]] = {
    "unknown defense": (DEFAULT + 'defense = "tersee"\n', "no defense called 'tersee'"),
    "instruct without a rewriter": (DEFAULT + 'defense = "instruct"\n', "rewriter"),
    "unknown key": (DEFAULT + 'defense = "none"\nstreeming = "live"\n', "streeming"),
    "unknown key of the defense": (DEFAULT + 'defense = "terse"\nconfig = { x = 1 }\n', "x"),
    "a key in the file": (
        '[upstream]\nkey = "sk-1"\nbase_url = "x"\n[policies.default]\ndefense = "none"\n',
        "key_env",
    ),
    "unset variable": (
        BASE + 'key_env = "NOT_SET_ANYWHERE"\n[policies.default]\ndefense = "none"\n',
        "NOT_SET_ANYWHERE",
    ),
    "no default policy": (BASE + '[policies.other]\ndefense = "none"\n', "default policy 'default'"),
    "top_logprobs": (DEFAULT + 'defense = "none"\ntop_logprobs = 21\n', "0 to 20"),
    "fallback": (DEFAULT + 'defense = "none"\nfallback = "hope"\n', "withhold or terse"),
    "bad address": ('[upstream]\nbase_url = "ftp://x"\n[policies.default]\ndefense = "none"\n', "base_url"),
    "no TOML": ("[[", "cannot read"),
    "a limit of nothing": (DEFAULT + 'defense = "none"\n[server]\nconcurrent = 0\n', "concurrent must be above 0"),
}


@pytest.mark.parametrize("case", NONSENSE)
async def test_nonsense_is_refused_before_anything_starts(case, tmp_path) -> None:
    from azeotrope.errors import Misconfigured
    from azeotrope.gateway import customers, serving, settings

    text, says = NONSENSE[case]
    (tmp_path / "x.toml").write_text(text)
    customers.add(tmp_path / "customers.json", "acme")
    with pytest.raises(Misconfigured, match=says) as refused:
        read = settings.read(tmp_path / "x.toml", {})
        async with serving.gateway(read, {}):
            raise AssertionError("it started")
    assert "sk-1" not in str(refused.value)


def test_serve_without_anything_says_what_to_give(tmp_path) -> None:
    done = run("serve", cwd=tmp_path)
    assert (done.returncode, "--sample-config" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


@pytest.mark.parametrize("name", ["", "a b", "../x", "a" * 65, "ü"])
def test_a_name_that_is_no_name(name: Any, tmp_path) -> None:
    from azeotrope.errors import Misconfigured
    from azeotrope.gateway import customers

    with pytest.raises(Misconfigured, match="a customer's name"):
        customers.add(tmp_path / "c.json", name)


def test_two_names_that_differ_in_case_only_are_not_given_out(tmp_path) -> None:
    """A verdict names a customer: nobody should have to look at its capitals."""
    from azeotrope.errors import Misconfigured
    from azeotrope.gateway import customers

    customers.add(tmp_path / "c.json", "Acme")
    with pytest.raises(Misconfigured, match="a verdict would not tell 'ACME' from it"):
        customers.add(tmp_path / "c.json", "ACME")
    assert [one.name for one in customers.read(tmp_path / "c.json").customers] == ["Acme"]


async def test_customers_added_at_the_same_time_are_all_there(tmp_path) -> None:
    from azeotrope.gateway import customers

    file = tmp_path / "customers.json"
    await asyncio.gather(*[asyncio.to_thread(customers.add, file, f"c{i}") for i in range(20)])
    assert {c.name for c in customers.read(file).customers} == {f"c{i}" for i in range(20)}
