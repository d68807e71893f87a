"""`azeotrope list`: every method at hand, with its first line."""

from __future__ import annotations

from typing import Annotated

import typer


def list_methods(
    kind: Annotated[str, typer.Argument(help="defenses, watermarks, attacks, washes or tasks.")] = "defenses",
) -> None:
    """List the methods at hand, each with its docstring's first line."""
    from azeotrope import catalog
    from azeotrope.errors import Misconfigured

    if kind not in catalog.KINDS:
        raise Misconfigured(f"nothing called {kind!r} to list; there are: {', '.join(catalog.KINDS)}")
    found = catalog.names(kind)
    width = max(map(len, found))
    for name, line in found.items():
        typer.echo(f"{name:<{width}}  {line}")
