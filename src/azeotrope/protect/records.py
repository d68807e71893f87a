"""What a run of `protect` is told, and what it reports. Knows no file and no model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, field
from msgspec.structs import replace

from azeotrope.models.columns import Layout
from azeotrope.types import Record, Step, Trace

State = Literal["done", "absent", "failed", "blank"]
"""What became of a row. absent: it has no reasoning; blank: an empty line."""


class Settings(Record, frozen=True):
    """How a data set is protected; which defense, the caller hands over."""

    layout: Layout = Layout()
    """Column names; what is empty is detected."""
    recipe: str = ""
    """Digest of the defense, its configuration, rewriter and seed: only the same one resumes an unfinished run."""
    concurrency: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """Rows in work at once."""
    limit: Annotated[int, Meta(ge=0)] = 0
    """Only the first rows; 0 for all."""
    patience: Annotated[int, Meta(ge=1)] = 20
    """Rows that may fail one after another before the rewriter is taken to be down."""
    force: bool = False
    """Replace an output that is there already."""
    restart: bool = False
    """Forget an unfinished run instead of resuming it."""


class Note(Record, frozen=True, omit_defaults=True):
    """One row's account, kept in the journal. Numbers and names only, never a text of the row."""

    state: State = "done"
    reason: str = ""
    """Why it failed."""
    released: int = 0
    withheld: int = 0
    fell_back: int = 0
    opened: int = 0
    unchanged: int = 0
    attempts: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])
    given: int = 0
    """Characters of reasoning that the released traces had."""
    written: int = 0
    """Characters of reasoning they have now."""
    tokens_in: int = 0
    tokens_out: int = 0
    forwards: int = 0
    backwards: int = 0


def noted(before: Trace, after: Trace) -> Note:
    """One trace's account."""
    steps = after.lineage[len(before.lineage) :]
    outcome = _outcome(steps, after)
    failures: dict[str, int] = {}
    for step in steps:
        for name in step.failures:
            failures[name] = failures.get(name, 0) + 1
    out = after.reasoning != ""
    note = Note(
        attempts=sum(step.cost.attempts for step in steps),
        failures=failures,
        given=len(before.reasoning) if out else 0,
        written=len(after.reasoning),
        tokens_in=sum(step.cost.tokens_in for step in steps),
        tokens_out=sum(step.cost.tokens_out for step in steps),
        forwards=sum(step.cost.forwards for step in steps),
        backwards=sum(step.cost.backwards for step in steps),
    )
    return replace(note, **{outcome: 1})


def _outcome(steps: tuple[Step, ...], after: Trace) -> str:
    if not steps:
        return "unchanged"
    if not after.reasoning:
        return "withheld"
    named = {step.outcome for step in steps}
    return next((name for name in ("opened", "fell_back") if name in named), "released")


_CALLS = ("unavailable", "timed_out", "rewriter_refused_request")


def call_failure(after: Trace) -> str:
    """Why reasoning was withheld, where that was a model's call that failed and not a check; "" otherwise.

    Time or a setting may mend it: such a row is not finished.
    """
    last = next((s.failures[-1] for s in after.lineage if s.outcome == "withheld" and s.failures), "")
    return last if last in _CALLS or last.startswith("raised_") else ""


_OUTCOMES = ("released", "withheld", "fell_back", "opened", "unchanged")
_COUNTS = (*_OUTCOMES, "attempts", "given", "written", "tokens_in", "tokens_out", "forwards", "backwards")


def added(notes: Iterable[Note]) -> Note:
    """Several traces' accounts as one row's."""
    notes = list(notes)
    if len(notes) == 1:
        return notes[0]
    failures: dict[str, int] = {}
    for note in notes:
        for name, times in note.failures.items():
            failures[name] = failures.get(name, 0) + times
    return replace(Note(failures=failures), **{name: sum(getattr(note, name) for note in notes) for name in _COUNTS})


class Summary(Record, frozen=True):
    """What became of a data set. Rows are counted in `rows`, `absent` and `failed`; all else counts traces (a row may
    hold several: one a turn of a conversation, one a generation)."""

    output: str
    rows: int
    absent: int
    """Rows without reasoning, written unchanged."""
    failed: int
    """Rows not written: they are in `failed_file`, with the reason."""
    failed_file: str
    traces: int
    released: int
    withheld: int
    fell_back: int
    opened: int
    """Traces let out with their own reasoning because the policy says `fail = open`."""
    unchanged: int
    """Traces that no defense touched (`none`)."""
    attempts: int
    failures: dict[str, int]
    """Checks that rewrites failed, by name."""
    reasons: dict[str, int]
    """Why rows failed."""
    answers_changed: int
    """Always 0: each written answer is compared with the one that was read, and one that differs stops the run."""
    length_ratio: float | None
    """Characters of reasoning written / read, over the traces that still have some; None if none has."""
    tokens_in: int
    tokens_out: int
    forwards: int
    """Passes of a proxy student, where the defense takes its gradients."""
    backwards: int
    resumed: int
    """Rows finished by an earlier run that was interrupted."""
    seconds: float
    """Wall-clock time of this run."""
    rows_per_second: float
    """Rows finished by this run in that time."""


class Tally:
    """Sums the rows' accounts up."""

    def __init__(self) -> None:
        self.rows = self.absent = self.failed = 0
        self.counts = dict.fromkeys(_COUNTS, 0)
        self.failures: dict[str, int] = {}
        self.reasons: dict[str, int] = {}

    def add(self, note: Note) -> None:
        if note.state == "blank":
            return
        self.rows += 1
        self.absent += note.state == "absent"
        if note.state == "failed":
            self.failed += 1
            self.reasons[note.reason] = self.reasons.get(note.reason, 0) + 1
        for name in _COUNTS:
            if count := getattr(note, name):
                self.counts[name] += count
        for name, times in note.failures.items():
            self.failures[name] = self.failures.get(name, 0) + times

    def summary(self, output: str, failed_file: str, resumed: int, changed: int, seconds: float) -> Summary:
        given, written = self.counts["given"], self.counts["written"]
        counts = {name: n for name, n in self.counts.items() if name not in ("given", "written")}
        return Summary(
            output=output,
            rows=self.rows,
            absent=self.absent,
            failed=self.failed,
            failed_file=failed_file if self.failed else "",
            traces=sum(counts[name] for name in _OUTCOMES),
            failures=dict(sorted(self.failures.items())),
            reasons=dict(sorted(self.reasons.items())),
            answers_changed=changed,
            length_ratio=written / given if given else None,
            resumed=resumed,
            seconds=round(seconds, 3),
            rows_per_second=round((self.rows - resumed) / seconds, 3) if seconds > 0 else 0.0,
            **counts,
        )
