"""A file is a method: `defenses/terse.py` is the defense called "terse". No table to keep in step.

Other packages add methods through the entry-point groups `azeotrope.defenses`, ... whose values are modules.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from azeotrope.errors import Misconfigured

KINDS = ("defenses", "watermarks", "attacks", "washes", "tasks")
"""The folders that hold methods."""


def names(kind: str) -> dict[str, str]:
    """Every method of a kind, with its docstring's first line; none is imported to list it."""
    folder = Path(__file__).parent / kind
    inside = {name: _first_line(folder / f"{name}.py") for name in _inside(kind)}
    outside = {name: _first_line_of(point) for name, point in _outside(kind).items()}
    return dict(sorted((outside | inside).items()))


def holds(kind: str, name: str) -> bool:
    """Whether there is such a method."""
    return name in _inside(kind) or name in _outside(kind)


def load(kind: str, name: str) -> ModuleType:
    """The method's module."""
    if name in _inside(kind):
        return importlib.import_module(f"azeotrope.{kind}.{name}")
    if point := _outside(kind).get(name):
        return point.load()
    known = sorted({*_inside(kind), *_outside(kind)})
    one = "wash" if kind == "washes" else kind.removesuffix("s")
    raise Misconfigured(f"no {one} called {name!r}; there are: {', '.join(known)}")


def called(path: str, place: str) -> Any:
    """What a user's own function returns: `package.module:function`. Raises `Misconfigured` naming `place`."""
    home, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(home), name)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise Misconfigured(f"{place} {path!r} cannot be loaded: {error}; give package.module:function") from None


def _inside(kind: str) -> list[str]:
    folder = Path(__file__).parent / kind
    return [module.name for module in pkgutil.iter_modules([str(folder)]) if not module.ispkg]


def _outside(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"azeotrope.{kind}")}


def _first_line_of(point: EntryPoint) -> str:
    spec = find_spec(point.module)
    return _first_line(Path(spec.origin)) if spec and spec.origin else ""


def _first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]
