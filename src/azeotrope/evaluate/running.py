"""Worker processes: each does one thing at a time; one that dies fails what it was doing and nothing else.

Spawned, one torch thread each. Knows no grid: what comes next is asked for, what came of it is handed back.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from azeotrope.evaluate.grid import Todo
from azeotrope.evaluate.plan import Experiment

_ALONE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
"""Processes share the cores: none of them starts threads of its own."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the work is done: what every worker is told once."""

    plan: Experiment
    teacher: str
    folder: Path
    """Where traces are kept."""


@dataclass(frozen=True, slots=True)
class Died:
    """Its worker ended before it had a result."""

    why: str


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    todo: Todo | None = None
    since: float = 0.0


class Crew:
    """So many workers, started when there is work for them."""

    def __init__(self, site: Site, size: int) -> None:
        self._site, self._size = site, size
        self._workers: list[_Worker] = []
        self._spawn = multiprocessing.get_context("spawn")

    def each(self, take: Callable[[], Todo | None], keep: Callable[[Todo, object, float], None]) -> None:
        """Does what `take` gives until it gives None and all is done; `keep`: (what, its result, seconds).

        What is raised here, Ctrl-C included, ends every worker at once.
        """
        try:
            with _environment(_ALONE):
                while True:
                    self._hand_out(take)
                    busy = [worker for worker in self._workers if worker.todo is not None]
                    if not busy:
                        return
                    ready = wait([worker.pipe for worker in busy])
                    for worker in busy:
                        if worker.pipe in ready:
                            self._take_back(worker, keep)
        finally:
            self._dismiss()

    def _hand_out(self, take: Callable[[], Todo | None]) -> None:
        while len([worker for worker in self._workers if worker.todo is not None]) < self._size:
            todo = take()
            if todo is None:
                return
            idle = next((worker for worker in self._workers if worker.todo is None), None) or self._hire()
            idle.todo, idle.since = todo, time.perf_counter()
            try:
                idle.pipe.send(todo)
            except OSError:  # it died before it was asked: reading says so
                pass

    def _take_back(self, worker: _Worker, keep: Callable[[Todo, object, float], None]) -> None:
        todo, worker.todo = worker.todo, None
        assert todo is not None
        try:
            result = worker.pipe.recv()
        except (EOFError, OSError):
            self._workers.remove(worker)
            worker.process.join()
            result = Died(_end(worker.process.exitcode))
        keep(todo, result, time.perf_counter() - worker.since)

    def _hire(self) -> _Worker:
        ours, theirs = self._spawn.Pipe()
        process = self._spawn.Process(target=_work, args=(theirs, self._site), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _dismiss(self) -> None:
        for worker in self._workers:
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()
        self._workers = []


def _end(code: int | None) -> str:
    if code is not None and code < 0:
        return f"its process was killed ({signal.Signals(-code).name})"
    return f"its process ended with status {code}"


@contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None]:
    """Set for processes started meanwhile; what the user has set himself stays."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _work(pipe: Connection, site: Site) -> None:
    """A worker's life: it ends with its employer, even one that was killed. Ctrl-C is for the employer to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    import asyncio

    import torch

    from azeotrope.evaluate import cell

    torch.set_num_threads(1)
    while True:
        try:
            todo: Todo = pipe.recv()
        except EOFError:
            return
        pipe.send(asyncio.run(cell.done(todo, site.plan, site.teacher, site.folder)))


def _leave_with(employer: BaseProcess | None) -> None:
    if employer is not None:
        employer.join()
        os._exit(1)
