"""The contenders: how each is installed, started, held still while another is measured, weighed and stopped.

Knows their command lines, nothing of what is measured.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SCRATCH = HERE / ".scratch"
PEER = HERE / ".venv-litellm"


@dataclass
class Server:
    """A process that answers at `port` with `key`, all its children included."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    key: str = "none"
    note: str = ""

    def signal(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def megabytes(self) -> float:
        """Resident memory of the process group, MB (10^6 bytes)."""
        return sum(_resident(pid) for pid in _group(self.process.pid)) / 1e6

    def stop(self) -> None:
        self.signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(name: str, command: Sequence[str | Path], port: int, *, ready: str, wait: float = 30.0, **env: str) -> Server:
    """Starts a server in a process group of its own, with its output in the scratch folder, and waits for `ready`."""
    SCRATCH.mkdir(exist_ok=True)
    log = SCRATCH / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, **env}, start_new_session=True, cwd=HERE.parent
        )
    server, deadline = Server(name, port, process), time.monotonic() + wait
    while not _answers(port, ready):
        if process.poll() is not None or time.monotonic() > deadline:
            if process.poll() is None:
                server.stop()
            raise RuntimeError(f"{name} does not come up; see {log}:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
    return server


def _answers(port: int, path: str) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).close()
    except urllib.error.HTTPError:  # it speaks HTTP: the bare forwarder knows one path only
        return True
    except OSError:
        return False
    return True


def upstream() -> Server:
    port = free_port()
    return start("upstream", [sys.executable, "-m", "benchmarks.upstream", str(port)], port, ready="/v1/models")


def forwarder(upstream_port: int) -> Server:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.forwarder:app", "--port", str(port), "--no-access-log"]
    return start(
        "forwarder", [*command, "--log-level", "warning"], port, ready="/",
        UPSTREAM=f"http://127.0.0.1:{upstream_port}/v1",
    )  # fmt: skip


def gateway(policy: str, upstream_port: int) -> Server:
    """`azeotrope serve` with one policy for everyone, named as its defense; a ledger unless it is `none`."""
    port, folder = free_port(), SCRATCH / f"gateway-{policy}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "gateway.toml").write_text(_SETTINGS.format(port=port, upstream=upstream_port, policy=policy, at=folder))
    cli = [sys.executable, "-m", "azeotrope"]
    added = subprocess.run(
        [*cli, "customers", "add", "bench", "--file", folder / "customers.json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    server = start(
        f"azeotrope-{policy}", [*cli, "serve", "--config", folder / "gateway.toml"], port, ready="/health/live"
    )
    server.key = added.stdout.strip()
    return server


_SETTINGS = """\
[server]
port = {port}
[upstream]
base_url = "http://127.0.0.1:{upstream}/v1"
[policies.default]
defense = "{policy}"
[ledger]
dsn = "sqlite:///{at}/ledger.db"
[customers]
file = "customers.json"
"""


def litellm(upstream_port: int) -> Server:
    """LiteLLM's proxy, newest release, in a virtual environment of its own. Raises when it cannot be had."""
    _install_litellm()
    port, key = free_port(), "sk-" + secrets.token_hex(8)
    config = SCRATCH / "litellm.yaml"
    config.write_text(_LITELLM.format(upstream=upstream_port, key=key))
    command = [PEER / "bin" / "litellm", "--config", config, "--port", str(port), "--host", "127.0.0.1"]
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False"}
    server = start("litellm", command, port, ready="/health/liveliness", wait=120, **offline)
    version = [PEER / "bin" / "python", "-c", "from importlib.metadata import version; print(version('litellm'))"]
    server.key, server.note = key, subprocess.check_output(version, text=True).strip()
    return server


_LITELLM = """\
model_list:
  - model_name: mock
    litellm_params:
      model: openai/mock
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: none
general_settings:
  master_key: {key}
litellm_settings:
  telemetry: false
"""


def _install_litellm() -> None:
    stamp = PEER / "installed"
    if stamp.exists():
        return
    print("installing litellm[proxy] beside the benchmarks, once; some minutes", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", PEER], check=True)
    pip = [PEER / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "litellm[proxy]"], capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        raise RuntimeError(f"pip could not install litellm[proxy]: {done.stderr[-1000:]}")
    stamp.touch()


@contextmanager
def only(server: Server, servers: Sequence[Server]) -> Iterator[None]:
    """Stops every other contender in its tracks, so that only one uses the machine."""
    others = [other for other in servers if other is not server]
    for other in others:
        other.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            other.signal(signal.SIGCONT)


def _group(leader: int) -> list[int]:
    """Every process of the group."""
    found = subprocess.run(["ps", "-e", "-o", "pid=,pgid="], capture_output=True, text=True, check=True).stdout
    return [int(pid) for pid, group in map(str.split, found.splitlines()) if int(group) == leader]


def _resident(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found.group(1)) * 1024 if found else 0
