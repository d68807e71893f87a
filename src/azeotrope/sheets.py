"""Questions from files or the hub as a task: rows, cards, splits. Knows no data set by name; the tasks' files do.

A file is JSON lines, Parquet or CSV (by its ending); a name of the hub is written hf:owner/name.
"""

# datasets is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast

from msgspec import Meta

from azeotrope.errors import Misconfigured
from azeotrope.models.text import equal, final_answer
from azeotrope.models.text.values import Kind
from azeotrope.protocols import Split
from azeotrope.splits import ALL, Shares, apart, identity, split_of
from azeotrope.types import Fields, Problem, Record, Request

HUB = "hf:"


class Source(Record, frozen=True):
    """Where rows come from."""

    path: str = ""
    """A file (.jsonl, .parquet, .csv) or hf:owner/name."""
    subset: str = ""
    """Of the hub's: its configuration, such as "main"."""
    split: str = "train"
    """Of the hub's."""


class Limits(Record, frozen=True):
    """At most so many of each split; no limit where nothing is given."""

    train: Annotated[int, Meta(ge=0)] | None = None
    proxy: Annotated[int, Meta(ge=0)] | None = None
    validation: Annotated[int, Meta(ge=0)] | None = None
    test: Annotated[int, Meta(ge=0)] | None = None


class Card(NamedTuple):
    """One question as a data set has it."""

    question: str
    gold: str
    solution: str = ""
    subject: str = ""


class Sheet:
    """A task whose questions are all there, graded by equality of final answers of one kind (None: by their looks)."""

    def __init__(self, name: str, splits: Mapping[Split, Sequence[Problem]], kind: Kind | None = None) -> None:
        self.name, self._splits = name, apart(splits)
        self._kind: Kind | None = kind

    def problems(self, split: Split) -> tuple[Problem, ...]:
        """The split's problems; no question stands in two."""
        return self._splits[split]

    async def grade(self, problem: Problem, answer: str) -> bool:
        """Whether the answer's last statement of a value equals the gold one."""
        stated = final_answer(answer, self._kind)
        return stated is not None and await equal(stated.value, problem.gold, kind=self._kind)


class Dealer(NamedTuple):
    """How cards become problems."""

    name: str
    instruction: str = ""
    """Stands under every question."""
    limits: Limits = Limits()
    kind: Kind | None = None

    def sheet(self, splits: Mapping[Split, Sequence[Card]]) -> Sheet:
        """The task of these cards."""
        return Sheet(self.name, {split: self._problems(split, cards) for split, cards in splits.items()}, self.kind)

    def _problems(self, split: Split, cards: Sequence[Card]) -> list[Problem]:
        most: int | None = getattr(self.limits, split, None)
        return [
            Problem(
                f"{self.name}-{split}-{at}", Request.of("\n\n".join(filter(None, (card.question, self.instruction)))),
                card.gold, self.name, card.subject, card.solution,
            )
            for at, card in enumerate(cards[:most])
        ]  # fmt: skip


def shared_out(cards: Sequence[Card], shares: Shares = ALL) -> dict[Split, list[Card]]:
    """Cards by the hash of their question, in their order."""
    out: dict[Split, list[Card]] = {split: [] for split in shares}
    for card in cards:
        out[split_of(identity(card.question), shares)].append(card)
    return out


def choice(question: str, options: Any, answer: Any, where: str) -> tuple[str, str]:
    """(a multiple choice with its options behind A, B, C, ..., the letter of the right one).

    `answer`: a letter, or a number from 0. Raises `Misconfigured` where it is none of the options.
    """
    if not isinstance(options, list):
        raise Misconfigured(f"{where} has rows without a list of options")
    listed = [str(option) for option in cast(list[Any], options)]
    letters = [chr(ord("A") + at) for at in range(len(listed))]
    letter = str(answer).strip().upper()
    if letter.isdigit() and int(letter) < len(letters):
        letter = letters[int(letter)]
    if letter not in letters:
        raise Misconfigured(f"{where} has an answer that is none of its {len(letters)} options")
    lines = [f"{name}. {option}" for name, option in zip(letters, listed, strict=True)]
    return "\n".join([question, *lines]), letter


# --- rows ---


def rows(source: Source) -> list[Fields]:
    """The source's rows. Raises `Misconfigured` with the cure."""
    if not source.path:
        raise Misconfigured("no questions: give the path of a .jsonl, .parquet or .csv file, or hf:owner/name")
    if source.path.startswith(HUB):
        return _of_hub(source)
    path = Path(source.path)
    reader = {".jsonl": _json_lines, ".parquet": _parquet, ".csv": _csv}.get(path.suffix)
    if reader is None:
        raise Misconfigured(
            f"cannot read questions from {path}: give a .jsonl, .parquet or .csv file, or hf:owner/name"
        )
    try:
        return reader(path)
    except FileNotFoundError:
        raise Misconfigured(f"there is no file {path}; give another, or hf:owner/name") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"cannot read {path}: {error}") from None


def text(row: Fields, column: str, where: str) -> str:
    """A column's text. Raises `Misconfigured` with the columns there are."""
    value = row.get(column)
    if value is None:
        raise Misconfigured(f"{where} has rows without {column!r}; there are: {', '.join(map(str, row))}")
    return str(value)


def _json_lines(path: Path) -> list[Fields]:
    found: list[Fields] = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row: Any = json.loads(line)
            except ValueError as error:
                raise Misconfigured(f"{path}, line {number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise Misconfigured(f"{path}, line {number}: not an object")
            found.append(row)
    return found


def _parquet(path: Path) -> list[Fields]:
    if find_spec("pyarrow") is None:
        raise Misconfigured(f"{path} needs the reader of Parquet: pip install 'azeotrope[parquet]'")
    arrow: Any = import_module("pyarrow")
    table: Any = import_module("pyarrow.parquet")
    try:
        return table.read_table(path).to_pylist()
    except arrow.ArrowInvalid as error:
        raise Misconfigured(f"cannot read {path}: {error}") from None


def _csv(path: Path) -> list[Fields]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, strict=True))


def _of_hub(source: Source) -> list[Fields]:
    name = source.path.removeprefix(HUB)
    if find_spec("datasets") is None:
        raise Misconfigured(f"{source.path} needs the hub's data sets: pip install 'azeotrope[train]'")
    datasets: Any = import_module("datasets")
    try:
        found = datasets.load_dataset(name, source.subset or None, split=source.split)
    except Exception as error:  # the hub's, the network's and the data set's own
        why = str(error).partition("\n")[0]
        raise Misconfigured(
            f"cannot load {source.path} ({source.subset or 'its only subset'}, {source.split}): {why}; "
            "where there is no network, give the path of a file"
        ) from None
    return [dict(row) for row in found]
