"""Every code block of README and docs runs, page by page, in a folder of the page's own.

python and sh blocks are run in order; a block with a title (```toml title="x.toml") becomes that file; json and toml
are parsed. A comment before a block says when it runs otherwise: `<!-- runs: until "text" -->` starts it in the
background and waits for the text, `<!-- runs: as make -->` only asks make whether it knows the targets,
`<!-- runs: as pip -->` only asks whether the package has the extras that are named. The ports 8080 to 8089 stand for
free ones.
"""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?:<!-- runs: (?P<how>.*?) -->\n+)?```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PORT = re.compile(r"\b808\d\b")
UNTIL = re.compile(r'until "(?P<text>[^"]+)"(?: in (?P<file>\S+))?')
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```(\w*)", re.MULTILINE)


class Block(NamedTuple):
    language: str
    body: str
    title: str | None
    how: str


def blocks(page: Path) -> list[Block]:
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(m["language"], m["body"], m["title"], m["how"] or "") for m in found]


WAIT = 1200
"""Seconds for a block on a slow machine."""


def free_port() -> str:
    """Below those that the system hands out, so that nobody's connection takes it before the block's server does."""
    for port in random.sample(range(10_000, 32_000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return str(port)
    raise AssertionError("a hundred ports are taken")


class Page:
    """A page's folder, environment and the servers its blocks started."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.servers, self.ports = folder, list[subprocess.Popen[bytes]](), dict[str, str]()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "HOME": str(folder), "NO_COLOR": "1", "COLUMNS": "100"}

    def run(self, block: Block) -> None:
        block = block._replace(body=PORT.sub(lambda m: self.ports.setdefault(m[0], free_port()), block.body))
        if block.title:
            (self.folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / block.title).write_text(block.body, encoding="utf-8")
        if block.how == "as make":
            self._ask_make(block.body)
        elif block.how == "as pip":
            self._ask_pip(block.body)
        elif until := UNTIL.fullmatch(block.how):
            self._start(block.body, until["text"], until["file"])
        elif block.how:
            pytest.fail(f"no such way to run a block: {block.how}")
        elif block.language == "sh":
            self._finish(["bash", "-euo", "pipefail", "-c", block.body])
        elif block.language == "python" and not block.title:
            self._finish([sys.executable, "-W", "error", "-c", block.body])
        elif block.language == "json":
            json.loads(block.body)
        elif block.language == "toml":
            tomllib.loads(block.body)

    def _finish(self, command: list[str]) -> None:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=WAIT, check=False
        )
        assert done.returncode == 0, f"{command[-1]}\n--- said\n{done.stdout}\n{done.stderr}"

    def _start(self, command: str, text: str, file: str | None) -> None:
        own = self.folder / f"server{len(self.servers)}.log"
        log = self.folder / file if file else own
        log.touch()
        with own.open("wb") as out:
            server = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.servers.append(server)
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if text in log.read_text(errors="replace"):
                return
            assert server.poll() is None, f"{command} ended early:\n{own.read_text(errors='replace')}"
            time.sleep(0.1)
        pytest.fail(f"{command} never said {text!r}:\n{own.read_text(errors='replace')}")

    def _ask_make(self, body: str) -> None:
        for line in body.strip().splitlines():
            command = line.partition("#")[0].split()
            assert command[0] == "make", f"not a make command: {line}"
            done = subprocess.run(["make", "-n", *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

    def _ask_pip(self, body: str) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        for line in body.strip().splitlines():
            asked = re.fullmatch(r"pip install '?(\.|azeotrope)(?:\[(.+)\])?'?", line.partition("#")[0].strip())
            assert asked, f"not an installation of this package: {line}"
            assert set((asked[2] or "").split(",")) - {""} <= set(project["optional-dependencies"]), line

    def close(self) -> None:
        for server in self.servers:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(timeout=WAIT)
            finally:
                if server.poll() is None:
                    os.killpg(server.pid, signal.SIGKILL)


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_block_runs(path: Path, tmp_path: Path) -> None:
    page = Page(tmp_path)
    try:
        for block in blocks(path):
            page.run(block)
    finally:
        page.close()


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_block_escapes_the_runner(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    fences = FENCE.findall(text)
    assert {language for language in fences if language} <= {"python", "sh", "toml", "json", "text"}
    assert len(blocks(path)) == len([language for language in fences if language]), "a fence without a language"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
            there = page.parent / target if target else page
            assert there.exists(), f"{page.relative_to(ROOT)} links to {target}"
            if anchor and there.suffix == ".md":
                assert anchor in anchors(there), f"{page.relative_to(ROOT)} links to {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in links, as GitHub and the site call them."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def git(*arguments: str) -> bytes:
    """What git says of this checkout; nothing where it is none."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False).stdout


def as_committed(folder: Path) -> Path:
    """The checkout with its results as they were committed: a running experiment adds to its own, and their page
    follows when it is done."""
    known = set(git("ls-tree", "--name-only", "HEAD", "results/").decode().split())
    changed = known & set(git("diff", "--name-only", "HEAD", "--", "results").decode().split())
    here = {str(path.relative_to(ROOT)) for path in (ROOT / "results").glob("*.jsonl")}
    if not known or (here <= known and not changed):
        return ROOT
    for path in ROOT.iterdir():
        if path.name != "results":
            (folder / path.name).symlink_to(path)
    (folder / "results").mkdir()
    for name in known - changed:
        (folder / name).symlink_to(ROOT / name)
    for name in changed:
        (folder / name).write_bytes(git("show", f"HEAD:{name}"))
    return folder


STALE = """
import sys
from pathlib import Path
from docs import generate
generate.ROOT = Path(sys.argv[1])
print(*generate.stale(), sep="\\n")
"""


def stale(root: Path) -> set[str]:
    """Pages that are not what the code says, given the results of this folder."""
    command = [sys.executable, "-c", STALE, str(root)]
    return set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def test_pages_read_off_the_code_are_what_the_code_says(tmp_path: Path) -> None:
    committed = as_committed(tmp_path)
    wrong = stale(committed)
    if wrong and committed != ROOT:  # they may have been written of what is not committed yet
        wrong &= stale(ROOT)
    assert not wrong, f"run make docs: {wrong}"
