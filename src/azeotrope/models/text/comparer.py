"""Keeps the processes that compare expressions: starts them late, kills them when they hang, leaves none behind.

Knows nothing of mathematics. Safe from any thread and any event loop: nothing is forked, and
nobody but the caller's thread waits.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from azeotrope.errors import Unavailable

_WORKER = Path(__file__).with_name("worker.py")
_START = 120.0
"""Seconds a process may take to load its libraries."""
_LIFE = 2_000
"""Comparisons after which a process is replaced: the libraries' caches only grow."""
_SLOW = 12
"""Seconds of the clock that a second of computing may take on a busy machine."""
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""All of our environment a comparing process sees; the rest may hold keys."""


class Compared(NamedTuple):
    """What came of one comparison. An answer that is not known is False."""

    equal: bool
    seconds: float
    """Of the process's own computing: what else the machine does is not in it."""


class _Process:
    def __init__(self) -> None:
        environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        environment["OMP_NUM_THREADS"] = "1"
        self._popen = subprocess.Popen(  # noqa: S603 - our own file, our own interpreter
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self.asked = 0
        if self._line(time.monotonic() + _START) != b"ready\n":
            self.kill()
            raise Unavailable("the process that compares expressions does not start: is math-verify installed?")

    def ask(self, a: str, b: str, seconds: float) -> Compared | None:
        """None: it needed more time than that, or died."""
        assert self._popen.stdin is not None
        self.asked += 1
        wait = _SLOW * seconds
        try:
            self._popen.stdin.write(json.dumps([a, b, seconds, wait + 1]).encode() + b"\n")
            self._popen.stdin.flush()
        except OSError:
            return None
        answer, _, spent = self._line(time.monotonic() + wait).partition(b" ")
        return Compared(answer == b"true", float(spent)) if spent.endswith(b"\n") else None

    def _line(self, deadline: float) -> bytes:
        assert self._popen.stdout is not None
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._popen.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return b""
                got = os.read(self._popen.stdout.fileno(), 64)
                if not got:
                    return b""
                line += got
        return line

    @property
    def lives(self) -> bool:
        return self._popen.poll() is None

    def kill(self) -> None:
        """Ends it at once and waits for its end."""
        self._popen.kill()
        for pipe in (self._popen.stdin, self._popen.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:  # what could not be flushed to a dead process
                pass
        self._popen.wait()


class Comparer:
    """At most `size` processes, started when first needed and kept until `close`; usable again after it.

    `seconds`: of computing that one comparison may take.
    """

    def __init__(self, size: int = 2, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._places = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()

    def equal(self, a: str, b: str) -> bool:
        """Whether math-verify holds two expressions equal; False where it does not know in time. Blocks the thread.

        Raises `Unavailable` when no process starts.
        """
        return self.compared(a, b).equal

    def compared(self, a: str, b: str) -> Compared:
        """`equal`, and what it took."""
        with self._places:
            process = self._taken()
            answer: Compared | None = None
            began = time.monotonic()
            try:
                answer = process.ask(a, b, self._seconds)
            finally:
                self._give_back(process, alive=answer is not None)
        return answer or Compared(False, min(self._seconds, time.monotonic() - began))

    def close(self) -> None:
        """Ends every process, those at work included: what they were asked is then False."""
        with self._lock:
            ending, self._all, self._idle = self._all, set(), []
        for process in ending:
            process.kill()

    def _taken(self) -> _Process:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.lives:
                    return process
                self._all.discard(process)
        process = _Process()
        with self._lock:
            self._all.add(process)
        return process

    def _give_back(self, process: _Process, *, alive: bool) -> None:
        with self._lock:
            ours = process in self._all
            if ours and alive and process.asked < _LIFE:
                self._idle.append(process)
                return
            self._all.discard(process)
        if ours:
            process.kill()


shared = Comparer()
"""The one that `equality` uses."""
atexit.register(lambda: shared.close())


def _after_fork() -> None:
    global shared
    shared = Comparer()  # the parent's processes are not ours to talk to


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
