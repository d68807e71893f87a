"""Chat-completion JSON, whole or in chunks -> events. Fails closed: a member that is not on a list here is dropped.

Knows no network and no retries. What is malformed raises `Unavailable`, in words that quote nothing.

Policy `tags` and live answers: content is held by the splitter until it is known that no bare `</think>` can come (the
opening one may have stood in the prompt). A reasoning field of its own, seen in the same choice, is that knowledge: the
upstream parses reasoning itself, so from there on the answer flows as it comes, explicit tags still being split.

A response without any mark is an answer, unless it was cut short (`finish`, a stop string) and may be the beginning of
a thought, as far as the upstream's `habits` tell.

Policy `span`, cut short: the client chose where it ends, so what stands at the end is no answer. Only one that is
stated in so many words leaves, and nothing beside it.
"""

from __future__ import annotations

from typing import Any, cast

import orjson
from msgspec.structs import replace

from azeotrope.errors import Unavailable
from azeotrope.models.beside import kept_of
from azeotrope.models.channels import NAMES, marked_as_thought, parts_of, reasoning_of
from azeotrope.models.finish import whole
from azeotrope.models.habits import Asked, Habits
from azeotrope.models.logprobs import Tokens
from azeotrope.models.sse import Decoder, Message
from azeotrope.models.text import Piece, Policy, Splitter, explicit_answer
from azeotrope.streams import Numbering
from azeotrope.types import Answer, Event, Extra, Fields, Finish, Opened, Reasoning, ToolCall, Usage

_ENVELOPE = ("system_fingerprint", "service_tier")
_MOST_CHOICES = 128
"""OpenAI's own limit on `n`; a hostile upstream could send millions."""
_PLAIN = frozenset({"role", "content", "tool_calls"}) | NAMES
"""Members that `kept_of` keeps nothing of."""
_CALL = ("index", "id", "type", "function", "custom")
_CALLED = ("name", "arguments", "input")


def malformed(what: str) -> Unavailable:
    return Unavailable(f"the upstream sent a malformed response: {what}; is it an OpenAI-compatible chat endpoint?")


class Reader:
    """One response. A stream: `feed` bytes until `done` or the end, then `close`. A whole one: `whole`."""

    def __init__(self, policy: Policy = "tags", habits: Habits | None = None, asked: Asked | None = None) -> None:
        self.done = False
        """The stream said `[DONE]`."""
        self._policy: Policy = policy
        self._habits, self._asked = habits or Habits(), asked or Asked()
        self._decoder = Decoder()
        self._choices: dict[int, _Choice] = {}
        self._opened = False
        self._usage: Fields | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """The events completed by these bytes of an event stream."""
        out: list[Event] = []
        for message in self._decoder.feed(chunk):
            if self.done:
                break
            self._message(message, out)
        return out

    def whole(self, body: bytes) -> list[Event]:
        """The events of a plain JSON response."""
        response = _object(body)
        out: list[Event] = []
        self._response(response, "message", out)
        return [*out, *self.close()]

    def close(self) -> list[Event]:
        """The last events. Raises `Unavailable` where a choice is not complete."""
        if not self._choices:
            raise Unavailable("the upstream ended the response before any choice")
        if not all(choice.finished for choice in self._choices.values()):
            raise Unavailable("the upstream ended the response before its finish_reason: it is not complete")
        return [] if self._usage is None else [Usage(self._usage)]

    def _message(self, message: Message, out: list[Event]) -> None:
        if message.data == b"[DONE]":
            self.done = True
            return
        response = _object(message.data)
        if message.event == "error":
            raise reported(response)
        self._response(response, "delta", out)

    def _response(self, response: Fields, member: str, out: list[Event]) -> None:
        if response.get("error") or response.get("object") == "error":
            raise reported(response)
        choices = response.get("choices")
        if choices and not self._opened:
            self._opened = True
            out.append(_opened(response))
        usage = response.get("usage")
        if isinstance(usage, dict):
            self._usage = _numbers(cast(Fields, usage))
        if choices is None:
            return
        if not isinstance(choices, list):
            raise malformed("choices is no list")
        for choice in cast(list[Any], choices):
            self._choice(choice, member, out)

    def _choice(self, fields: Any, member: str, out: list[Event]) -> None:
        if not isinstance(fields, dict):
            raise malformed("a choice is no object")
        said = cast(Fields, fields)
        index = said.get("index", 0)
        if type(index) is not int:
            raise malformed("a choice's index is no number")
        choice = self._choices.get(index)
        if choice is None:
            if len(self._choices) == _MOST_CHOICES:
                raise malformed(f"more than {_MOST_CHOICES} choices")
            choice = self._choices[index] = _Choice(index, self._policy, self._habits, self._asked)
        message = said.get(member)
        if message:
            if not isinstance(message, dict):
                raise malformed(f"a choice's {member} is no object")
            choice.said(cast(Fields, message), said.get("logprobs"), out, listed=member == "message")
        reason = said.get("finish_reason")
        if reason is not None and not choice.finished:
            if not isinstance(reason, str):
                raise malformed("finish_reason is no text")
            if reason:  # some SGLang and Ollama versions say "" on the way
                choice.finish(reason, out)


class _Choice:
    """One choice of a response while it comes in."""

    __slots__ = (
        "_asked", "_calls", "_channel", "_habits", "_held", "_index", "_policy", "_splitter", "_thought", "_tokens",
        "_written", "finished",
    )  # fmt: skip

    def __init__(self, index: int, policy: Policy, habits: Habits, asked: Asked) -> None:
        self.finished = False
        self._index = index
        self._policy: Policy = policy
        self._habits, self._asked = habits, asked
        self._splitter: Splitter | None = None
        self._tokens: Tokens | None = None
        self._written = 0
        """Characters of content so far."""
        self._channel = False
        """The upstream has sent reasoning in a field of its own."""
        self._thought = False
        """It has sent reasoning, in whatever way, that is more than blank."""
        self._held: list[Event] = []
        """Tool calls that wait for the content before them."""
        self._calls = Numbering()

    def said(self, message: Fields, logprobs: Any, out: list[Event], *, listed: bool) -> None:
        """A message, or a delta of one. `listed`: its tool calls are whole, each in its place."""
        reasoning, content = reasoning_of(message), message.get("content") or ""
        if not isinstance(content, str):
            if not isinstance(content, list):
                raise malformed("content is neither text nor a list of parts")
            thought, content = parts_of(cast(list[Any], content))
            reasoning += thought
        if content and "extra_content" in message and marked_as_thought(message):
            reasoning, content = reasoning + content, ""
        if self.finished and (reasoning or content or message.get("tool_calls")):
            raise malformed("more text after the finish_reason")
        if reasoning:
            self._reasoned(reasoning, out)
        if logprobs is not None or self._tokens is not None:
            self._arrive(content, logprobs)
        if content:
            self._wrote(content, out)
        if not _PLAIN.issuperset(message):
            self._other(message, out)
        if calls := message.get("tool_calls"):
            self._called(calls, out, listed)

    def finish(self, reason: str, out: list[Event]) -> None:
        self.finished = True
        cut = self._asked.stops or not whole(reason)
        if self._splitter is not None:
            pieces = self._splitter.close()
            if cut and self._policy == "span":
                pieces = _broken_off(pieces)
            elif cut and self._unmarked(pieces) and self._habits.cut_is_thought(self._asked):
                self._thought = True  # and nothing is learned from it
                pieces = [replace(piece, kind="reasoning") for piece in pieces]
            self._release(pieces, out)
        if self._written and self._policy == "tags" and not (cut or self._thought):
            self._habits.answered(self._asked)
        out += self._held
        out.append(Finish(reason, self._index))
        self._held, self._splitter, self._tokens = [], None, None

    def _reasoned(self, text: str, out: list[Event]) -> None:
        if not self._channel:
            self._channel = True
            if self._splitter is not None:
                self._splitter.no_prompt_tag()
        if not self._thought and text.strip():
            self._thought = True
            self._habits.reasoned(self._asked)
        out.append(Reasoning(text, self._index))

    def _arrive(self, content: str, logprobs: Any) -> None:
        records = cast(Fields, logprobs).get("content") if isinstance(logprobs, dict) else None
        if self._tokens is None and isinstance(records, list):
            self._tokens = Tokens(self._written)
        if self._tokens is not None:
            self._tokens.arrive(content, records, self._channel)

    def _wrote(self, content: str, out: list[Event]) -> None:
        self._written += len(content)
        splitter = self._splitter
        if splitter is None:
            splitter = self._splitter = Splitter(self._policy, opened_in_prompt=not self._channel)
        self._release(splitter.feed(content), out)

    def _unmarked(self, pieces: list[Piece]) -> bool:
        """Whether these are all of the content, and none of it is marked as reasoning."""
        marked = any(piece.kind == "reasoning" for piece in pieces)
        return self._policy == "tags" and not self._channel and not marked and bool(pieces) and pieces[0].start == 0

    def _release(self, pieces: list[Piece], out: list[Event]) -> None:
        for piece in pieces:
            if piece.kind == "reasoning":
                if not self._thought and (piece.start == 0 or piece.text.strip()):
                    self._thought = True
                    self._habits.marked(self._asked, opened=piece.start > 0 or self._policy != "tags")
                if self._tokens is not None:
                    self._tokens.withheld(piece.end)
                out.append(Reasoning(piece.text, self._index))
            else:
                records = None if self._tokens is None else self._tokens.released(piece.start, piece.end)
                out.append(Answer(piece.text, self._index, records))

    def _other(self, message: Fields, out: list[Event]) -> None:
        if kept := kept_of(message):
            self._pass(Extra(kept, self._index), out)

    def _called(self, calls: Any, out: list[Event], listed: bool) -> None:
        given: list[Any] = cast(list[Any], calls) if isinstance(calls, list) else [None]
        for position, call in enumerate(given):
            if not isinstance(call, dict):
                raise malformed("tool_calls is no list of objects")
            delta = _call(cast(Fields, call))
            number = position if listed else self._calls.of(delta, position)
            self._pass(ToolCall({**delta, "index": number}, self._index), out)

    def _pass(self, event: Event, out: list[Event]) -> None:
        """At once, or after the content that may still turn out to be reasoning."""
        (out if self._splitter is None or self._channel else self._held).append(event)


def _broken_off(pieces: list[Piece]) -> list[Piece]:
    """A content that was cut under policy `span`: reasoning, but for an answer that it states in so many words."""
    content = "".join(piece.text for piece in pieces)
    found = explicit_answer(content)
    start, end = (found.start, found.end) if found else (0, 0)
    parts = (
        Piece("reasoning", content[:start], 0, start),
        Piece("answer", content[start:end], start, end),
        Piece("reasoning", content[end:], end, len(content)),
    )
    return [piece for piece in parts if piece.text]


def reported(response: Fields) -> Unavailable:
    """The upstream's own error inside a 200, without its words: they may quote the request."""
    error = response.get("error")
    code = cast(Fields, error).get("code") if isinstance(error, dict) else response.get("code")
    status = code if type(code) is int and 400 <= code <= 599 else None
    return Unavailable(
        f"the upstream reported an error{f' ({status})' if status else ''} in its response", status=status
    )


def _object(data: bytes) -> Fields:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise malformed("invalid JSON") from None
    if not isinstance(value, dict):
        raise malformed("a JSON value that is no object")
    return cast(Fields, value)


def _opened(response: Fields) -> Opened:
    identity, model, created = response.get("id"), response.get("model"), response.get("created")
    return Opened(
        identity if isinstance(identity, str) else "",
        model if isinstance(model, str) else "",
        created if type(created) is int else 0,
        {name: value for name in _ENVELOPE if isinstance(value := response.get(name), str)},
    )


def _call(call: Fields) -> Fields:
    """A tool call's delta with known members only."""
    delta = {name: call[name] for name in _CALL if call.get(name) is not None}
    for name in ("function", "custom"):
        if name in delta:
            called = cast(Fields, delta[name]) if isinstance(delta[name], dict) else {}
            delta[name] = {member: called[member] for member in _CALLED if isinstance(called.get(member), str)}
    return delta


def _numbers(counts: Fields) -> Fields:
    """Counts and nested counts; a text among them is dropped."""
    kept: Fields = {}
    for name, value in counts.items():
        if isinstance(value, dict):
            kept[name] = _numbers(cast(Fields, value))
        elif value is None or isinstance(value, int | float):
            kept[name] = value
    return kept
