"""The gateway's log: one JSON object a line on standard error. Knows no content, and is given none."""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO

import orjson
import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def logger(level: str, sink: BinaryIO | None = None) -> Any:
    """A logger for this level and above, on standard error unless said otherwise; server and loop log through it."""
    log = structlog.wrap_logger(
        structlog.BytesLogger(_Lines(sink or sys.stderr.buffer)),  # type: ignore[arg-type]
        processors=[_line],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
    ).bind()
    for name in ("uvicorn.error", "asyncio"):
        other = logging.getLogger(name)
        other.handlers, other.propagate = [_Through(log)], False
        other.setLevel(logging.WARNING)
    return log


def _line(_: Any, level: str, event: Any) -> bytes:
    """One object: what structlog's own processors for level, time and JSON make, in a third of their time."""
    event["level"], event["timestamp"] = level, datetime.now(UTC)
    return orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z)


class _Lines:
    """A file whose lines of one turn of the loop leave in one write; without a loop each leaves at once.

    A line that cannot be written is lost: a log on a full disk may not stop the gateway.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._waiting: deque[bytes] = deque()
        self._asked: asyncio.AbstractEventLoop | None = None
        """The loop that is to let them leave."""
        atexit.register(self._leave)

    def write(self, line: bytes) -> None:
        self._waiting.append(line)

    def flush(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._leave()
        else:
            if self._asked is not loop:
                self._asked = loop
                loop.call_soon(self._leave)

    def _leave(self) -> None:
        self._asked = None
        lines: list[bytes] = []
        with suppress(IndexError):
            while True:  # other threads may log meanwhile
                lines.append(self._waiting.popleft())
        with suppress(OSError, ValueError):  # ValueError: it is closed
            self._sink.write(b"".join(lines))
            self._sink.flush()


class _Through(logging.Handler):
    """Passes on the first line of a message as it was written in the code: neither its values nor a trace."""

    def __init__(self, log: Any) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        self._log.log(record.levelno, str(record.msg).partition("\n")[0], source=record.name, error=error)
