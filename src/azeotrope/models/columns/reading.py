"""Reads a row: finds every place that holds reasoning, at any depth, by shape and by name. Knows no file format.

Chat messages (`messages[].reasoning_content`, ShareGPT's `from` and `value`, content in parts), marks in any text
(`<think>`), `reasoning` and its other names beside `answer` and its, lists of either (`generations`), GSM8K's
`#### 42`. Nothing is looked up once and trusted later: every row is read whole, so that no second copy is missed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, cast

from azeotrope.models.columns.layout import BESIDE, LISTS, QUESTIONS, REASONINGS, Layout, Unreadable
from azeotrope.models.columns.places import Edit, Path, Spot, Turn, has_mark, leaves, split_text
from azeotrope.types import Fields, Message, Request, Trace

_ASKING = {"human": "user", "prompter": "user"} | {
    role: role for role in ("user", "system", "developer", "tool", "function", "observation")
}
"""Who asks, or tells the model something; everyone else answers."""
_THINKING = frozenset({"reasoning", "thinking", "thought", "thoughts", "analysis", "redacted_thinking"})
"""Content parts, and speakers, that are nothing but reasoning."""
_SAID = frozenset({"content", "value", "text", "tool_calls", "arguments"})
"""Members of messages in which reasoning may be quoted: what was asked, answered, and called."""
_PROBE = 60
"""Characters from the midst of a reasoning by which another column's copy of it is recognised."""


def read(layout: Layout, row: Fields, name: str = "row") -> tuple[Turn, ...]:
    """The row's turns that have reasoning, in order; their traces are called `name`.0, `name`.1, ...

    Nothing means that there is truly none: the columns that hold it elsewhere are there, and empty. Raises `Unreadable`
    where it could hide: those columns are missing, or the line "#### 42" is, or another column repeats the reasoning.
    """
    reader = _Reader(layout, name)
    reader.record((), row, ())
    turns = reader.turns()
    if not turns and layout.found and not any(column in row for column in layout.found):
        raise Unreadable(f"it has none of the columns that hold reasoning ({', '.join(layout.found)})")
    if column := copy_in(layout, row, turns):
        raise Unreadable(f"column {column!r} repeats the reasoning: drop it, or allow it with --keep {column}")
    return turns


def copy_in(layout: Layout, row: Fields, turns: Iterable[Turn]) -> str:
    """The name of a column that repeats a long piece of some reasoning word for word, at any depth, or "".

    Inside a column that holds reasoning, what is said there (`content`, tool calls) may quote it.
    """
    turns = list(turns)
    spots = {spot.path for turn in turns for spot in turn.spots}
    probes = _Probes([probe for turn in turns if (probe := _probe(turn.trace.reasoning))])
    if not probes.plain:
        return ""
    columns = {path[0] for path in spots}
    excused = {*layout.keep, _first(row, layout.names("answer")), _first(row, layout.names("question"))}
    quoting = _SAID.union(layout.names("answer"), layout.names("question"))
    for column, value in row.items():
        if column in excused:
            continue
        texts = _texts((column,), value, quoting if column in columns else frozenset(), spots)
        if any(map(probes.stand_in, texts)):
            return column
    return ""


def _probe(reasoning: str) -> str:
    middle = max(0, len(reasoning) - _PROBE) // 2
    return reasoning[middle : middle + _PROBE] if len(reasoning) >= _PROBE else ""


class _Probes:
    """Pieces of reasoning to be found in other texts; how they read inside JSON is worked out where one could be."""

    def __init__(self, plain: list[str]) -> None:
        self.plain = plain

    @cached_property
    def escaped(self) -> frozenset[str]:
        return frozenset[str]().union(*map(_as_json, self.plain))

    def stand_in(self, text: str) -> bool:
        """Whether any is in the text, as it is or, where the text could hold JSON, escaped."""
        if len(text) < _PROBE:
            return False
        return any(probe in text for probe in self.plain) or (
            "\\" in text and any(form in text for form in self.escaped)
        )


def _as_json(probe: str) -> frozenset[str]:
    """The probe as it reads inside a JSON string, and inside one within one; letters beyond ASCII escaped or not."""
    once = {json.dumps(probe, ensure_ascii=plain)[1:-1] for plain in (True, False)}
    twice = {json.dumps(text, ensure_ascii=plain)[1:-1] for text in once for plain in (True, False)}
    return frozenset((once | twice) - {probe})


def _texts(path: Path, value: Any, passed: frozenset[str], spots: set[Path]) -> Iterator[str]:
    """Every text inside a value but those at these places, and those in members that are passed over."""
    if isinstance(value, str):
        if path not in spots:
            yield value
    elif isinstance(value, dict):
        for key, member in cast(Fields, value).items():
            if key not in passed:
                yield from _texts((*path, key), member, passed, spots)
    elif isinstance(value, list):
        for i, item in enumerate(cast(list[Any], value)):
            yield from _texts((*path, i), item, passed, spots)


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

    def turns(self) -> tuple[Turn, ...]:
        return tuple(Turn(trace, tuple(spots)) for trace, spots in self._drafts.values())

    def record(self, path: Path, record: Fields, asked: tuple[Message, ...]) -> None:
        """An object that is no message: its reasoning and its answer are one turn, every other member is walked."""
        layout = self._layout
        question = _first(record, layout.names("question"))
        if question:
            asked = ({"role": "user", "content": record[question]},)
        elif not path:
            asked = _conversation(record, layout.names("question"))
        names = [name for name in layout.names("reasoning") if name in record and _counts(layout, name, record)]
        spots = [spot for name in names for spot in leaves((*path, name), record[name])]
        answer, text = _first(record, layout.names("answer")), ""
        if answer:
            hashes = layout.hashes and not path and not spots
            spot, text = split_text((*path, answer), record[answer], layout.policy, hashes)
            if hashes and not spot and text.strip() and not text.lstrip().startswith("####"):
                raise Unreadable(f"column {answer!r} has no last line '#### ...' to tell reasoning from answer")
            spots += [spot] if spot else []
        self._turn(asked, spots, text)
        for name, value in record.items():
            if name not in names and name != answer and not (name in (question, *QUESTIONS) and isinstance(value, str)):
                self._value((*path, name), value, asked)

    def _value(self, path: Path, value: Any, asked: tuple[Message, ...]) -> None:
        if isinstance(value, str):
            policy = self._layout.policy if path[0] in LISTS or self._layout.policy == "off" else "tags"
            spot, text = split_text(path, value, policy)
            self._turn(asked, [spot] if spot else [], text)
        elif isinstance(value, dict):
            if _is_message(value):
                self._message(path, cast(Fields, value), asked)
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
            said = (*said, self._message((*path, i), message, said))

    def _message(self, path: Path, message: Fields, asked: tuple[Message, ...]) -> Message:
        """Takes the message's turn, if it is the model's; returns the message without reasoning."""
        role, name = _role(message), "content" if "content" in message else "value"
        content = message.get(name)
        if role in _ASKING:
            return {"role": _ASKING[role], "content": content}
        spots = [
            s for key in REASONINGS if key in message and key not in BESIDE for s in leaves((*path, key), message[key])
        ]
        text = ""
        if role in _THINKING:
            spots += leaves((*path, name), content)
        elif isinstance(content, str):
            spot, text = split_text((*path, name), content, self._layout.policy)
            spots += [spot] if spot else []
        elif isinstance(content, list):
            more, text = self._parts((*path, name), cast(list[Any], content))
            spots += more
        calls = message.get("tool_calls")
        self._turn(asked, spots, text, tuple(cast(list[Fields], calls)) if _is_objects(calls) else ())
        for key, value in message.items():
            if (key not in REASONINGS or key in BESIDE) and key not in (name, "role", "from", "tool_calls"):
                self._value((*path, key), value, asked)
        return {"role": "assistant", "content": text}

    def _parts(self, path: Path, parts: list[Any]) -> tuple[list[Spot], str]:
        """A message's content in parts, as Anthropic and OpenAI write it."""
        spots: list[Spot] = []
        texts: list[str] = []
        for i, part in enumerate(parts):
            if not isinstance(part, dict):
                continue
            fields = cast(Fields, part)
            if fields.get("type") in _THINKING:
                spots += leaves((*path, i), fields)
            elif isinstance(text := fields.get("text"), str):
                spot, text = split_text((*path, i, "text"), text, self._layout.policy)
                spots += [spot] if spot else []
                texts.append(text)
        return spots, "".join(texts)

    def _turn(self, asked: tuple[Message, ...], spots: list[Spot], answer: str, calls: tuple[Fields, ...] = ()) -> None:
        """Places that hold the same reasoning to the same answer are one turn: it is rewritten once."""
        reasoning = "\n\n".join(dict.fromkeys(spot.reasoning for spot in spots if spot.reasoning))
        if not reasoning:
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
    return tuple(
        {"role": _ASKING.get(_role(m), "assistant"), "content": m.get("content", m.get("value"))} for m in found or ()
    )


def _role(message: Fields) -> str:
    return str(message.get("role", message.get("from"))).lower()


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in cast(list[Any], value))


def _is_message(value: Any) -> bool:
    fields = cast(Fields, value)
    if "value" in fields and isinstance(fields.get("from"), str):
        return True
    return isinstance(fields.get("role"), str) and ("content" in fields or any(name in fields for name in REASONINGS))


def _is_messages(value: Any) -> bool:
    return bool(value) and _is_objects(value) and all(_is_message(item) for item in value)
