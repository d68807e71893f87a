"""Imports point down: a file imports only from floors below its own (and, where said, from its own)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import azeotrope

ROOT = Path(azeotrope.__file__).parent
FLOORS = [
    ["types"],
    ["errors", "protocols", "streams", "codec", "keys", "catalog", "material", "appending", "placing", "journal"],
    ["math", "marks"],
    ["models", "training", "splits", "sheets", "measure", "distill", "lift", "ledger", "release"],
    ["defenses", "watermarks", "attacks", "washes", "tasks"],
    ["protect", "verify", "evaluate", "optimize", "fit", "teach", "stealth", "proxy"],
    ["report", "gateway", "health", "demo", "plugins", "cli", "__main__", "__init__"],
]
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
METHODS = FLOOR["defenses"]


def imports(path: Path) -> Iterator[str]:
    """The top-level rooms of the package that a file imports, lazily or not."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "azeotrope":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("azeotrope."):
            yield (node.module or "").split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("azeotrope."))


def test_imports_point_down() -> None:
    checked = 0
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).with_suffix("").parts[0]
        assert room in FLOOR, f"{room} has no floor: say in this test where it belongs"
        for there in imports(path):
            if there not in FLOOR:  # a name of the package itself, such as __version__
                continue
            checked += 1
            below = FLOOR[there] < FLOOR[room]
            beside = FLOOR[there] == FLOOR[room] and FLOOR[room] not in (METHODS,)
            assert below or beside, f"{path.relative_to(ROOT)}: {room} may not import {there}"
    assert checked > 20


def test_the_type_names_come_from_the_bottom() -> None:
    assert not list(imports(ROOT / "types.py"))
