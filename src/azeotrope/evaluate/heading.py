"""What heads every results file: which experiment, which version of the code, on what kind of machine, when."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from azeotrope.codec import digest
from azeotrope.types import Record, Run

_PARTS = ("torch", "transformers")
"""Whose versions may move a result in its last digits."""
_WAIT = 120
"""Seconds for git: it compares every file with the commit, and a busy machine must not make a run's commit unknown."""


def head(plan: Record) -> Run:
    """The run that begins now. Nothing in it says whose machine it is."""
    return Run(
        digest(plan),
        _version("azeotrope"),
        _commit(),
        _machine(),
        datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _commit() -> str:
    """The checkout's commit, "+" where files differ from it; "" outside a checkout."""
    here = Path(__file__).parent
    said = _git(here, "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*")
    tracked = _git(here, "ls-files", "--error-unmatch", Path(__file__).name)
    return said if tracked else ""


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WAIT, check=True)  # noqa: S603
        return done.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _machine() -> str:
    parts = ", ".join(f"{part} {_version(part)}" for part in _PARTS)
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"{platform.python_implementation()} {platform.python_version()}, {parts}"
    )
