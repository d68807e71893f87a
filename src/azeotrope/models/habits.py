"""What an upstream's responses have shown, for those that do not say what they are: cut off, and without any mark.

Such a text may be an answer, or the beginning of a thought whose closing mark had not come yet: the template had opened
`<think>` in the prompt, or the server's own parser took the thought for content. It is a thought where the upstream is
known to do either, and an answer where this way of asking (model, switches that turn thinking off) has been seen to
bring whole answers without any thought, and never one with. A switch alone is not believed: many servers ignore it.

A client can make a model write a mark. So a request that speaks of marks teaches about such requests only, but for one
thing that it cannot feign: a field of its own for reasoning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple, cast

from azeotrope.types import Fields, Request

OPENS = (
    "the upstream closes reasoning that it never opened: from now on, what is cut off before any mark is reasoning; set"
    " think_in_prompt to true if its template opens <think> in the prompt, to false if a client made it write that"
)
_MOST = 512
"""Ways of asking that are remembered; a client may invent names of models."""
_LONGEST = 2**20
"""Characters of a request that are looked through; a longer one counts as speaking of marks."""
_MOST_STEMS = 1000
"""Of one kind that are looked at; more count as speaking of marks."""
_STEMS = ("think", "thought", "reasoning", "scratchpad", "unused9", "channel")
_SIGN = re.compile(r"[<>\[\]|◁▷]")
_NOUN = re.compile(r"[<>\[\]|◁▷]|tag|token|mark|block|element")


class Manner(NamedTuple):
    """A way of asking."""

    model: str
    off: tuple[str, ...]
    """The switches that turn thinking off, by name."""
    of_marks: bool
    """The request speaks of marks."""


class Asked:
    """What a request says about how to read its response. `model`: asked for instead of the one it names."""

    def __init__(self, request: Request | None = None, model: str | None = None) -> None:
        self._messages = () if request is None else request.messages
        self._members: Fields = {} if request is None else {**request.sampling, **request.options}
        named = self._members.get("model")
        self._model = model or (named if isinstance(named, str) else "")

    @cached_property
    def stops(self) -> bool:
        """Whether anything but the model itself may end the response: `stop`, `stop_token_ids`, `stop_regex`, ..."""
        parts = (self._members, _object(self._members.get("extra_body")))
        return any(name.startswith("stop") and bool(value) for part in parts for name, value in part.items())

    @cached_property
    def manner(self) -> Manner:
        off = {name for part in _parts(self._members) for name, value in part.items() if _turns_off(name, value)}
        return Manner(self._model, tuple(sorted(off)), self._speaks_of_marks())

    def _speaks_of_marks(self) -> bool:
        """Anywhere, be it in a tool or a schema."""
        texts, size = list[str](), 0
        for text in _texts([self._messages, self._members]):
            texts.append(text)
            size += len(text)
            if size > _LONGEST:
                return True
        said = "\n".join(texts).lower()
        return any(_marks(said, stem) for stem in _STEMS)


def _marks(text: str, stem: str) -> bool:
    """Whether the stem of a mark's name stands beside a sign, or before a word, that makes it one."""
    at = text.find(stem)
    for _ in range(_MOST_STEMS):
        if at < 0:
            return False
        end = at + len(stem)
        if _SIGN.search(text, max(0, at - 8), at) or _NOUN.search(text, end, end + 16):
            return True
        at = text.find(stem, end)
    return True


def _texts(value: Any) -> Iterator[str]:
    """Every text in JSON's objects and lists, and every name that is more than a word."""
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            todo += cast(list[Any], value)
        elif isinstance(value, dict):
            members = cast(Fields, value)
            todo += [name for name in members if not name.isidentifier()]
            todo += members.values()


def _parts(members: Fields) -> Iterator[Fields]:
    """The places where servers look for switches."""
    for part in (members, _object(members.get("extra_body"))):
        yield part
        yield _object(part.get("chat_template_kwargs"))


def _object(value: Any) -> Fields:
    return cast(Fields, value) if isinstance(value, dict) else {}


def _turns_off(name: str, value: Any) -> bool:
    match name:
        case "reasoning_effort":
            return value == "none"
        case "enable_thinking" | "thinking" | "think":
            return value is False or _object(value).get("type") == "disabled"
        case "reasoning":
            return _object(value).get("enabled") is False or _object(value).get("effort") == "none"
        case "thinking_budget":
            return type(value) is int and value == 0
        case _:
            return False


class Habits:
    """One upstream's, shared by the readers of its responses.

    `think_in_prompt`: what the operator says of texts that are cut off before any mark, always thoughts or never; None:
    what is learned. `told` hears, once and without content, that a habit was learned which a client may have feigned.
    """

    def __init__(self, think_in_prompt: bool | None = None, told: Callable[[str], object] | None = None) -> None:
        self._said, self._told = think_in_prompt, told
        self._separates = False
        self._opens: set[bool] = set()
        """Closing marks without opening ones have come: in responses to whom, those who speak of marks or others."""
        self._plain: dict[Manner, bool] = {}
        """Whether a way of asking has brought answers without thoughts, and never one with."""

    def reasoned(self, asked: Asked) -> None:
        """A response has reasoning in a field of its own: the upstream separates it, or tries to."""
        self._separates = True
        self._note(asked.manner, plain=False)

    def marked(self, asked: Asked, *, opened: bool) -> None:
        """A response has marked reasoning. `opened`: with an opening mark; else that stood in the prompt."""
        self._note(asked.manner, plain=False)
        of_marks = asked.manner.of_marks
        if not (opened or self._separates or self._said is not None or of_marks in self._opens):
            self._opens.add(of_marks)
            if not of_marks and self._told is not None:
                self._told(OPENS)

    def answered(self, asked: Asked) -> None:
        """A response that ended by itself has no reasoning."""
        self._note(asked.manner, plain=self._plain.get(asked.manner, True))

    def cut_is_thought(self, asked: Asked) -> bool:
        """Whether a response that was cut off before any mark is reasoning."""
        if self._said is not None:
            return self._said
        opens = bool(self._opens) if asked.manner.of_marks else False in self._opens
        return (self._separates or opens) and not self._plain.get(asked.manner, False)

    def _note(self, manner: Manner, *, plain: bool) -> None:
        if self._plain.get(manner) is not plain:
            if len(self._plain) >= _MOST:
                self._plain.pop(next(iter(self._plain)))
            self._plain[manner] = plain
