"""The gateway's log: one JSON object a line on standard error. Knows no content, and is given none."""

from __future__ import annotations

import logging
import sys
from typing import Any, BinaryIO

import orjson
import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def logger(level: str, sink: BinaryIO | None = None) -> Any:
    """A logger for this level and above, on standard error unless said otherwise; server and loop log through it."""
    log = structlog.wrap_logger(
        structlog.BytesLogger(sink or sys.stderr.buffer),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
    ).bind()
    for name in ("uvicorn.error", "asyncio"):
        other = logging.getLogger(name)
        other.handlers, other.propagate = [_Through(log)], False
        other.setLevel(logging.WARNING)
    return log


class _Through(logging.Handler):
    """Passes on the first line of a message as it was written in the code: neither its values nor a trace."""

    def __init__(self, log: Any) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        self._log.log(record.levelno, str(record.msg).partition("\n")[0], source=record.name, error=error)
