"""Runs what may be stopped: a signal ends the work, not the process, so that it can write down what it has."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns. SIGINT, SIGTERM and SIGHUP cancel it; the process then exits with 128 + the signal.

    A signal that the process was started without (`nohup`) stays ignored.
    """
    came: list[int] = []

    async def main() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop(number: int) -> None:
            came.append(number)
            task.cancel()

        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, stop, number)
        return await work

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if not came:
            raise
        typer.echo("stopped", err=True)
        raise typer.Exit(128 + came[0]) from None
