"""`azeotrope serve`: the gateway, in this process, until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any


def serve(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The settings file.")] = None,
    sample_config: Annotated[bool, typer.Option("--sample-config", help="Print a commented settings file.")] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Serve the embedded model on loopback; needs no settings.")
    ] = False,
    port: Annotated[int | None, typer.Option("--port", help="Listen here instead; 0: any free port.")] = None,
) -> None:
    """Serve a model's answers behind the defenses of a settings file."""
    from azeotrope.errors import Misconfigured

    if sample_config:
        from azeotrope.gateway.settings import sample

        typer.echo(sample(), nl=False)
    elif demo:
        _run(_demo(port))
    elif config is not None:
        _run(_serve(config, port))
    else:
        raise Misconfigured("give --config FILE (--sample-config prints one to begin with) or --demo")


def _run(main: Coroutine[Any, Any, None]) -> None:
    import asyncio

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


async def _serve(config: Path, port: int | None) -> None:
    import os

    from azeotrope.gateway import serving, settings

    extra = {} if port is None else {f"{settings.PREFIX}SERVER__PORT": str(port)}
    read = settings.read(config, {**os.environ, **extra})
    await serving.serve(read, os.environ, announce=_announce)


async def _demo(port: int | None) -> None:
    from azeotrope.gateway import demo

    await demo.serve(port if port is not None else 8080, announce=_announce, show=typer.echo)


def _announce(address: str) -> None:
    typer.echo(f"listening on {address}")
