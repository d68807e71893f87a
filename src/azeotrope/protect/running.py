"""Takes rows through a defense, N at a time, each to the journal as soon as it is finished. Knows no file format."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from azeotrope.errors import AzeotropeError, Misconfigured, Unavailable
from azeotrope.models.columns import Layout, Turn, Unreadable, edited, read, unmarked
from azeotrope.models.replay import Replay
from azeotrope.protect.journal import Journal, Kept
from azeotrope.protect.records import Note, Settings, Tally, added, call_failure, noted
from azeotrope.protect.tables import Row, Table
from azeotrope.protocols import Defense
from azeotrope.streams import ask
from azeotrope.types import Fields, Trace


class Progress(NamedTuple):
    """How far a run is."""

    tally: Tally
    """This run's rows."""
    done: int
    """Of `size`, the rows that are finished."""
    size: int


Watch = Callable[[Progress], None]
"""Called now and then, on the event loop: be quick."""


class Failed(Exception):
    """The defense failed on a row; the message names the reason, never content."""


class Runner:
    """One run over one file."""

    def __init__(self, table: Table, layout: Layout, defense: Defense, journal: Journal) -> None:
        self._table, self._layout, self._defense, self._journal = table, layout, defense, journal
        self.tally, self.seen, self.resumed, self.changed = Tally(), 0, 0, 0
        self._done, self._down, self._scheduled = 0, 0, False
        self._fault: AzeotropeError | None = None

    async def run(self, settings: Settings, watch: Watch | None) -> None:
        """Every row that is not finished. Raises what stops the run; what is finished is kept either way."""
        rows = self._unfinished(settings.limit)
        workers = [asyncio.create_task(self._work(rows, settings, watch)) for _ in range(settings.concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self._journal.flush()
        if self._fault:
            raise self._fault
        if not settings.limit and len(self._journal) > self.seen:
            raise Misconfigured(
                f"the input has {self.seen} rows, but {len(self._journal)} were finished from it earlier: "
                "give the same input, or begin anew with --restart"
            )

    def _unfinished(self, limit: int) -> Iterator[Row]:
        for row in islice(self._table.rows(), limit or None):
            self.seen += 1
            if not self._journal.finished(row.number):
                yield row
                continue
            known = self._journal.kept(row.number)
            if known is None or known.digest != _digest(row):
                raise Misconfigured(
                    f"row {row.number + 1} of the input is not what it was when this output was begun: "
                    "give the same input, or begin anew with --restart"
                )
            self._done += row.size
            self.resumed += known.note.state != "blank"

    async def _work(self, rows: Iterator[Row], settings: Settings, watch: Watch | None) -> None:
        for row in rows:
            try:
                note, content = await self._row(row)
                if note.state == "done":
                    self._down = 0
            except Failed as failed:
                note, content = _failed(row, failed)
                self._down += 1
            except Unreadable as unreadable:
                note, content = _failed(row, unreadable)
            self._journal.add(Kept(row.number, _digest(row), note, content))
            self._done += row.size
            self.tally.add(note)
            if self._down >= settings.patience:
                raise Unavailable(
                    f"{self._down} rows failed one after another ({note.reason}). What is finished is kept: "
                    "see that the rewriter answers (azeotrope doctor), then run the same again"
                )
            self._schedule(watch)
            await asyncio.sleep(0)

    def _schedule(self, watch: Watch | None) -> None:
        """One write to the journal for all rows that finish within one turn of the event loop."""
        if self._fault:
            raise self._fault
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush, watch)

    def _flush(self, watch: Watch | None) -> None:
        self._scheduled = False
        try:
            self._journal.flush()
        except AzeotropeError as fault:
            self._fault = fault
        if watch:
            watch(Progress(self.tally, self._done, self._table.size))

    async def _row(self, row: Row) -> tuple[Note, bytes]:
        """(the row's account, what to write for it)."""
        if row.blank:
            return Note("blank"), row.raw
        values = self._table.values(row)
        turns = read(self._layout, values, f"row-{row.number + 1}")
        if not turns:
            return Note("absent"), self._table.content(row, [])[0]
        if column := unmarked(self._layout, values, turns):
            raise Unreadable(
                f"column {column!r} marks the reasoning of some answers but not of another, which may be raw: "
                f"name the marks by --reasoning-in-content, or allow it with --keep {column}"
            )
        after = [await self._protected(turn, row) for turn in turns]
        notes = [noted(turn.trace, trace) for turn, trace in zip(turns, after, strict=True)]
        texts = [trace.reasoning for trace in after]
        content = self._written(row, values, turns, texts)
        if content is None:  # the new text holds a mark that would make it, or the answer, read as something else
            notes = [_withheld(note) for note in notes]
            content = self._written(row, values, turns, [""] * len(turns))
        if content is None:
            raise Unreadable("its answer would not read the same without the reasoning")
        return added(notes), content

    async def _protected(self, turn: Turn, row: Row) -> Trace:
        try:
            after = await ask(self._defense(Replay([turn.trace])), turn.trace.request)
        except Misconfigured:
            raise
        except Exception as error:
            reason = "unavailable" if isinstance(error, Unavailable) else f"raised_{type(error).__name__}"
            raise Failed(reason) from None
        if after.answer != turn.trace.answer:
            self.changed += 1
            raise AssertionError(f"the defense changed the answer of row {row.number + 1}: nothing of it was written")
        if reason := call_failure(after):
            raise Failed(reason)
        return after

    def _written(self, row: Row, values: Fields, turns: tuple[Turn, ...], texts: list[str]) -> bytes | None:
        """What to write, or None if anything but reasoning would then read otherwise than in the input."""
        edits = [edit for turn, text in zip(turns, texts, strict=True) for edit in turn.edits(text)]
        try:
            content, back = self._table.content(row, edits)
            again = read(self._layout, back)
        except (Unreadable, UnicodeEncodeError):
            return None
        return content if _bare(back, again) == _bare(values, turns) else None


def _bare(values: Fields, turns: tuple[Turn, ...]) -> Fields:
    """The row without any reasoning: every answer and every other column."""
    return edited(values, [(spot.path, spot.bare) for turn in turns for spot in turn.spots])


def _withheld(note: Note) -> Note:
    let_out = note.released + note.fell_back + note.opened + note.unchanged
    failures = {**note.failures, "unwritable": 1} if let_out else note.failures
    return replace(
        note, released=0, fell_back=0, opened=0, unchanged=0, withheld=1, given=0, written=0, failures=failures
    )


def _failed(row: Row, reason: Exception) -> tuple[Note, bytes]:
    """The account of a failed row, and its line of the side file: the user's own data, to be mended and run again."""
    record: dict[str, object] = {"row": row.number + 1, "reason": str(reason)}
    try:
        record["line"] = row.raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        record["line_base64"] = row.raw.rstrip(b"\r\n")
    return Note("failed", reason=str(reason)), msgspec.json.encode(record) + b"\n"


def _digest(row: Row) -> bytes:
    return hashlib.blake2b(row.raw, digest_size=16).digest()
