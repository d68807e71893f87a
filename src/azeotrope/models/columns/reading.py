"""Reads a row: finds every place that holds reasoning, at any depth, by shape and by name. Knows no file format.

Chat messages (`messages[].reasoning_content`, ShareGPT's `from` and `value`, content in parts), marks in any text
(`<think>`), `reasoning` and its other names beside `answer` and its, lists of either (`generations`), GSM8K's
`#### 42`. Nothing is looked up once and trusted later: every row is read whole, so that no second copy is missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from azeotrope.models.columns.copies import copy_in
from azeotrope.models.columns.layout import (
    BESIDE,
    LISTS,
    QUESTIONS,
    REASONINGS,
    Layout,
    Unreadable,
    is_reasoning,
    is_sealed,
)
from azeotrope.models.columns.parts import CALLED, kind_of, text_of, thinks
from azeotrope.models.columns.places import Edit, Path, Spot, Turn, has_mark, leaves, seals, split_text
from azeotrope.types import Fields, Message, Request, Trace

_ASKING = {"human": "user", "prompter": "user"} | {
    role: role for role in ("user", "system", "developer", "tool", "function", "observation")
}
"""Who asks, or tells the model something; everyone else answers."""
_THINKING = frozenset({"reasoning", "thinking", "thought", "thoughts", "analysis", "redacted_thinking"})
"""Speakers, and channels of harmony's, that are nothing but reasoning."""
_CONTENTS = ("content", "value", "parts")
"""What a message says: OpenAI's and Anthropic's name for it, ShareGPT's, and Gemini's with the AI SDK's."""


def read(layout: Layout, row: Fields, name: str = "row") -> tuple[Turn, ...]:
    """The row's turns that have reasoning, in order; their traces are called `name`.0, `name`.1, ...

    Nothing means that there is truly none: the columns that hold it elsewhere are there, and empty. Raises `Unreadable`
    where it could hide: those columns are missing, or the line "#### 42" is, another column repeats the reasoning, it
    is there only sealed, or a message's content has parts that are not known.
    """
    turns, said = walk(layout, row, name)
    if not turns and layout.found and not any(column in row for column in layout.found):
        raise Unreadable(f"it has none of the columns that hold reasoning ({', '.join(layout.found)})")
    if column := copy_in(layout, row, turns, said):
        raise Unreadable(f"column {column!r} repeats the reasoning: drop it, or allow it with --keep {column}")
    return turns


def walk(layout: Layout, row: Fields, name: str = "row") -> tuple[tuple[Turn, ...], frozenset[Path]]:
    """(the row's turns, the places of what was asked, answered and called), as `read` has them before it looks on."""
    reader = _Reader(layout, name)
    parts = any(isinstance(row.get(name), list | dict) for name in _CONTENTS)
    try:
        if parts and _is_message(row):
            reader.message((), row, ())
        else:
            reader.record((), row, ())
    except RecursionError:
        raise Unreadable("it nests too deeply") from None
    return reader.turns(), frozenset(reader.said)


def unmarked(layout: Layout, row: Fields, turns: Iterable[Turn]) -> str:
    """The name of a column whose list holds answers with reasoning marked in them beside answers without, or "".

    Those may be raw reasoning, the mark having been lost. What is marked and empty has none.
    """
    if layout.policy != "tags":
        return ""
    marked = {spot.path for turn in turns for spot in turn.spots}
    for column in {str(path[0]) for path in marked if path[0] in LISTS and len(path) == 2}.difference(layout.keep):
        for i, item in enumerate(row[column]):
            if isinstance(item, str) and item.strip() and (column, i) not in marked and not has_mark(item):
                return column
    return ""


def edited(row: Fields, edits: Iterable[Edit]) -> Fields:
    """The row with other texts at some places. What is not on the way to one of them is shared, not copied."""
    out: Any = row
    for path, text in edits:
        out = _replaced(out, path, text)
    return out


def _replaced(value: Any, path: Path, text: str) -> Any:
    if not path:
        return text
    copy = value.copy()
    copy[path[0]] = _replaced(copy[path[0]], path[1:], text)
    return copy


class _Reader:
    """Walks one row and gathers its turns."""

    def __init__(self, layout: Layout, name: str) -> None:
        self._layout, self._name = layout, name
        self._drafts: dict[tuple[str, str], tuple[Trace, list[Spot]]] = {}
        self._sealed: list[Spot] = []
        self.said: set[Path] = set()
        """Where questions, answers and calls stand: they may quote the reasoning."""

    def turns(self) -> tuple[Turn, ...]:
        """Reasoning that is there only sealed goes with the row's first turn."""
        if self._sealed and self._drafts:
            next(iter(self._drafts.values()))[1].extend(self._sealed)
            self._sealed = []
        for column in {str(spot.path[0]) for spot in self._sealed}.difference(self._layout.keep):
            raise Unreadable(
                f"column {column!r} holds reasoning only sealed (encrypted, or its signature), which cannot be "
                f"rewritten: drop it, or allow it with --keep {column}"
            )
        return tuple(Turn(trace, tuple(spots)) for trace, spots in self._drafts.values())

    def record(self, path: Path, record: Fields, asked: tuple[Message, ...]) -> None:
        """An object that is no message: its reasoning and its answer are one turn, every other member is walked."""
        layout = self._layout
        question = _first(record, layout.names("question"))
        if question:
            asked = ({"role": "user", "content": record[question]},)
        elif not path:
            asked = _conversation(record, layout.names("question"))
        answer, text = _first(record, layout.names("answer")), ""
        if path and isinstance(path[-1], int) and thinks(record) and not question and answer in ("", "content"):
            self._turn(asked, [*leaves(path, record)], "")
            return
        names = [name for name in layout.names("reasoning") if name in record and _counts(layout, name, record)]
        if not layout.reasoning:
            names += [name for name in record if is_reasoning(name) and name not in names]
        spots = [spot for name in names for spot in leaves((*path, name), record[name])]
        sealed = [name for name in record if is_sealed(name) and name not in (*names, answer) and (names or path)]
        spots += [spot for name in sealed for spot in seals((*path, name), record[name])]
        if answer:
            hashes = layout.hashes and not path and not spots
            spot, text = split_text((*path, answer), record[answer], layout.policy, hashes)
            if hashes and not spot and text.strip() and not text.lstrip().startswith("####"):
                raise Unreadable(f"column {answer!r} has no last line '#### ...' to tell reasoning from answer")
            spots += [spot] if spot else []
        if spots or not path:
            self.said |= {(*path, name) for name in (question, answer) if name}
        self._turn(asked, spots, text)
        for name, value in record.items():
            asks = name in (question, *QUESTIONS) and isinstance(value, str)
            if not asks and name != answer and name not in names and name not in sealed:
                self._value((*path, name), value, asked)

    def _value(self, path: Path, value: Any, asked: tuple[Message, ...]) -> None:
        if isinstance(value, str):
            policy = self._layout.policy if path[0] in LISTS or self._layout.policy == "off" else "tags"
            spot, text = split_text(path, value, policy)
            self._turn(asked, [spot] if spot else [], text)
        elif isinstance(value, dict):
            if _is_message(value):
                self.message(path, cast(Fields, value), asked)
            else:
                self.record(path, cast(Fields, value), asked)
        elif isinstance(value, list):
            if _is_messages(value):
                self._messages(path, cast(list[Fields], value), asked)
            elif path == (self._layout.messages,) and value:
                raise Unreadable(f"column {path[0]!r} holds no list of messages")
            else:
                for i, item in enumerate(cast(list[Any], value)):
                    self._value((*path, i), item, asked)

    def _messages(self, path: Path, messages: list[Fields], asked: tuple[Message, ...]) -> None:
        """A conversation: each turn of the model's is asked what was said before it, without its reasoning."""
        said: tuple[Message, ...] = () if _role(messages[0]) in _ASKING else asked
        for i, message in enumerate(messages):
            said = (*said, self.message((*path, i), message, said))

    def message(self, path: Path, message: Fields, asked: tuple[Message, ...]) -> Message:
        """Takes the message's turn, if it is the model's; returns the message without reasoning."""
        role = _role(message)
        if role in _ASKING:
            self._turn(asked, [*self._asked(path, message)], "")
            return {"role": _ASKING[role], "content": _said(message)}
        thinking = role in _THINKING or message.get("channel") == "analysis" or thinks(message)
        spots: list[Spot] = []
        said: list[str] = []
        rest: list[str] = []
        for key, value in message.items():
            place = (*path, key)
            if is_reasoning(key) or (thinking and key in _CONTENTS):
                spots += leaves(place, value)
            elif is_sealed(key):
                spots += seals(place, value)
            elif key in _CONTENTS:
                more, text = self._content(place, value, asked)
                spots += more
                said.append(text)
            elif key == "tool_calls":
                spots += self._named(place, value)
            elif key not in ("role", "from"):
                rest.append(key)
        if spots and "signature" in rest:  # beside reasoning it is the reasoning's
            rest.remove("signature")
            spots += seals((*path, "signature"), message.get("signature"))
        calls = message.get("tool_calls")
        answer = "".join(said)
        self._turn(asked, spots, answer, tuple(cast(list[Fields], calls)) if _is_objects(calls) else ())
        for key in rest:
            self._value((*path, key), message[key], asked)
        return {"role": "assistant", "content": answer}

    def _content(self, path: Path, content: Any, asked: tuple[Message, ...]) -> tuple[list[Spot], str]:
        """What a message of the model's says: a text, or parts as the dialects write them."""
        if isinstance(content, str):
            self.said.add(path)
            spot, text = split_text(path, content, self._layout.policy)
            return [spot] if spot else [], text
        if isinstance(content, dict):
            return self._part(path, cast(Fields, content), asked)
        spots: list[Spot] = []
        texts: list[str] = []
        for i, part in enumerate(cast(list[Any], content) if isinstance(content, list) else ()):
            more, text = self._content((*path, i), part, asked)
            spots += more
            texts.append(text)
        return spots, "".join(texts)

    def _part(self, path: Path, part: Fields, asked: tuple[Message, ...]) -> tuple[list[Spot], str]:
        kind = kind_of(part)
        if kind == "reasoning":
            return [*leaves(path, part)], ""
        if kind == "unknown" and path[0] not in self._layout.keep:
            raise Unreadable(
                f"column {path[0]!r} has a message with a part of content that is not known, or that is reasoning and "
                f"text in one: write them as parts of type 'thinking' and 'text', or allow it with --keep {path[0]}"
            )
        text = ""
        spots = [spot for key in part if is_sealed(key) for spot in seals((*path, key), part[key])]
        if kind == "answer" and (found := text_of(part)):
            place, text = (*path, *found[0]), found[1]
            self.said.add(place)
            spot, text = split_text(place, text, self._layout.policy)
            spots += [spot] if spot else []
        for key, value in part.items():
            if kind == "call":
                spots += self._named((*path, key), value) if key not in CALLED else ()
                self.said |= {(*path, key)} if key in CALLED else set()
            elif not is_sealed(key) and not (kind == "answer" and key == "text"):
                self._value((*path, key), value, asked)
        return spots, text

    def _asked(self, path: Path, message: Fields) -> Iterator[Spot]:
        """What is reasoning by name in a message to the model: never what it says."""
        for key, value in message.items():
            if key in _CONTENTS:
                self.said.add((*path, key))
            yield from leaves((*path, key), value) if is_reasoning(key) else self._named((*path, key), value)

    def _named(self, path: Path, value: Any) -> Iterator[Spot]:
        """What is reasoning by name in a value, past what was called with, which leaves exactly as it is."""
        if isinstance(value, list):
            for i, item in enumerate(cast(list[Any], value)):
                yield from self._named((*path, i), item)
        elif isinstance(value, dict) and thinks(cast(Fields, value)):
            yield from leaves(path, value)
        elif isinstance(value, dict):
            for key, member in cast(Fields, value).items():
                if key in CALLED:
                    self.said.add((*path, key))
                elif is_reasoning(key):
                    yield from leaves((*path, key), member)
                elif is_sealed(key):
                    yield from seals((*path, key), member)
                else:
                    yield from self._named((*path, key), member)

    def _turn(self, asked: tuple[Message, ...], spots: list[Spot], answer: str, calls: tuple[Fields, ...] = ()) -> None:
        """Places that hold the same reasoning to the same answer are one turn: it is rewritten once."""
        reasoning = "\n\n".join(dict.fromkeys(spot.reasoning for spot in spots if spot.reasoning))
        if not reasoning:
            self._sealed += spots
            return
        name = f"{self._name}.{len(self._drafts)}"
        trace = Trace(name, Request(asked), reasoning, answer, tool_calls=calls)
        self._drafts.setdefault((reasoning, answer), (trace, []))[1].extend(spots)


def _counts(layout: Layout, name: str, record: Fields) -> bool:
    return name == layout.reasoning or BESIDE.get(name, name) in record


def _first(record: Fields, names: Iterable[str]) -> str:
    """The first of these members that is a text, or ""."""
    for name in names:
        if isinstance(record.get(name), str):
            return name
    return ""


def _conversation(record: Fields, names: Iterable[str]) -> tuple[Message, ...]:
    """The question where it is a list of messages."""
    found = next((cast(list[Fields], record[name]) for name in names if _is_messages(record.get(name))), None)
    return tuple({"role": _ASKING.get(_role(m), "assistant"), "content": _said(m)} for m in found or ())


def _said(message: Fields) -> Any:
    return next((message[name] for name in _CONTENTS if name in message), None)


def _role(message: Fields) -> str:
    return str(message.get("role", message.get("from"))).lower()


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in cast(list[Any], value))


def _is_message(value: Any) -> bool:
    fields = cast(Fields, value)
    if "value" in fields and isinstance(fields.get("from"), str):
        return True
    return isinstance(fields.get("role"), str) and any(name in fields for name in (*_CONTENTS, *REASONINGS))


def _is_messages(value: Any) -> bool:
    return bool(value) and _is_objects(value) and all(_is_message(item) for item in value)
