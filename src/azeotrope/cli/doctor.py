"""`azeotrope doctor`: what is installed, what is missing, whether what a settings file names answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from azeotrope.health import Finding


def doctor(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="A gateway's settings to check too.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what is installed, what is missing and how to mend it; with --config, whether the gateway could serve.

    Exit status: 0 if nothing that is needed is broken, 1 otherwise. A missing extra is not broken.
    """
    import asyncio
    import os

    from azeotrope import health

    found = [*health.installation(), *health.embedded()]
    if config is not None:
        from azeotrope.health.serving import serving

        found += asyncio.run(serving(config, os.environ))
    healthy = not any(finding.state == "broken" for finding in found)
    if json:
        from azeotrope.codec import encode

        typer.echo(encode({"healthy": healthy, "findings": found}).decode())
    else:
        _show(found)
    raise typer.Exit(0 if healthy else 1)


def _show(found: list[Finding]) -> None:
    width = max(len(finding.name) for finding in found)
    for finding in found:
        typer.echo(f"{finding.state:<7}  {finding.name:<{width}}  {finding.said}".rstrip())
        if finding.cure:
            typer.echo(f"{'':<7}  {'':<{width}}  -> {finding.cure}")
