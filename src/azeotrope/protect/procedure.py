"""`protect`: one file of traces in, one protected file out. Knows no method by name and no column.

Beside the output stand, while it is made, `OUT.journal` (finished rows; it also keeps a second process out) and at the
very end `OUT.part`; rows that failed are in `OUT.failed.jsonl`, and the journal then stays so that the same command
does only those again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from azeotrope.codec import digest
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.models.columns import Layout, Unreadable, detect
from azeotrope.protect.journal import Journal
from azeotrope.protect.lines import Lines
from azeotrope.protect.records import Settings, Summary, Tally
from azeotrope.protect.running import Runner, Watch
from azeotrope.protect.tables import Table
from azeotrope.protocols import Defense
from azeotrope.types import Fields

_SAMPLE = 200
"""Rows in which reasoning must be found before anything is begun."""


async def protect(
    source: str | Path,
    destination: str | Path,
    defense: Defense,
    settings: Settings = Settings(),
    watch: Watch | None = None,
) -> Summary:
    """Writes `source` to `destination` with every trace's reasoning protected, all else byte for byte.

    An interrupted run is resumed by the same call. Raises `Misconfigured` (no reasoning found, an output that is there
    already or that another process is writing, a resumed run with other settings) and `Unavailable` (the rewriter is
    down, the disk is full); in either case what is finished is kept.
    """
    started = time.perf_counter()
    source, destination = Path(source), Path(destination)
    table = _table(source, destination, settings)
    journal_path = _beside(destination, ".journal")
    _check_places(source, destination, journal_path, settings)
    layout = _detected(table, source, settings)
    identity = {"format": f"{table.name} 1", "defense": settings.recipe, "column layout": digest(layout)}
    journal = Journal.opened(journal_path, identity, restart=settings.restart)
    try:
        runner = Runner(table, layout, defense, journal)
        try:
            await runner.run(settings, watch)
        finally:
            failed_file = _write_failed(journal, destination)
        tally = _assemble(table, journal, runner.seen, destination)
        if not tally.failed:
            journal.remove()
    finally:
        journal.close()
    return tally.summary(str(destination), failed_file, runner.resumed, runner.changed, time.perf_counter() - started)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _table(source: Path, destination: Path, settings: Settings) -> Table:
    parquet = [path.suffix.lower() in (".parquet", ".pq") for path in (source, destination)]
    if parquet[0] != parquet[1]:
        raise Misconfigured(f"{source.name} and {destination.name} must be of one kind, both JSONL or both Parquet")
    if parquet[0]:
        from azeotrope.protect.parquet import Parquet  # needs an extra

        return Parquet(source, settings.layout.keep)
    return Lines(source)


def _check_places(source: Path, destination: Path, journal: Path, settings: Settings) -> None:
    if not destination.parent.is_dir():
        raise Misconfigured(f"there is no folder {destination.parent}")
    if destination.is_dir():
        raise Misconfigured(f"{destination} is a folder: name a file")
    if not destination.exists():
        return
    if destination.samefile(source):
        raise Misconfigured("the output would replace the input: name another file")
    if not settings.force and not journal.exists():
        raise Misconfigured(f"{destination} is there already: name another file, or replace it with --force")


def _detected(table: Table, source: Path, settings: Settings) -> Layout:
    rows: list[Fields] = []
    first_reason = "it is empty"
    for row in islice(table.rows(), min(_SAMPLE, settings.limit or _SAMPLE)):
        if row.blank:
            continue
        try:
            rows.append(table.values(row))
        except Unreadable as unreadable:
            first_reason = first_reason if "row" in first_reason else f"row {row.number + 1}: {unreadable}"
    if not rows:
        raise Misconfigured(
            f"{source} has no row that can be read ({first_reason}); expected is one JSON object a line"
        )
    return detect(rows, settings.layout)


def _write_failed(journal: Journal, destination: Path) -> str:
    """The side file with the rows that failed, or its absence. They hold raw reasoning, so it is its owner's alone."""
    path = _beside(destination, ".failed.jsonl")
    part = _beside(path, ".part")
    path.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.writelines(kept.content for kept in journal.failed())
        if part.stat().st_size:
            part.replace(path)
    except OSError as error:
        raise Unavailable(f"cannot write {path}: {error.strerror}; make room and run the same again") from None
    finally:
        part.unlink(missing_ok=True)
    return str(path)


def _assemble(table: Table, journal: Journal, rows: int, destination: Path) -> Tally:
    """The output in input order, from the journal; renamed when it is whole and on disk."""
    tally = Tally()

    def contents() -> Iterator[bytes | None]:
        for index in range(rows):
            kept = journal.kept(index)
            assert kept is not None, f"row {index} was read and has no record"
            tally.add(kept.note)
            yield None if kept.note.state == "failed" else kept.content

    part = _beside(destination, ".part")
    try:
        table.assemble(contents(), part)
        part.replace(destination)
        folder = os.open(destination.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Unavailable(
            f"cannot write {destination}: {error.strerror}. What was finished is kept: make room and run the same again"
        ) from None
    return tally
