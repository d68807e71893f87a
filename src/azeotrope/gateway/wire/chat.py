"""OpenAI's chat completions: a client's JSON -> a request; events and traces -> its JSON and server-sent events.

Pure; knows no policy, no network and no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import orjson
from msgspec import Struct

from azeotrope.errors import Refused, Unavailable
from azeotrope.gateway.wire.coarse import coarse
from azeotrope.types import Answer, Event, Extra, Fields, Finish, Opened, Reasoning, Request, ToolCall, Trace, Usage

SAMPLING = frozenset({
    "temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens", "presence_penalty",
    "frequency_penalty", "repetition_penalty", "seed",
})  # fmt: skip
DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
STREAM = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache, no-transform"),
          (b"x-accel-buffering", b"no"))  # fmt: skip


class Asked(Struct, frozen=True):
    """A client's request: its members as they came, and the two that decide how it is answered."""

    fields: Fields
    stream: bool
    usage: bool
    """Does a streaming client want the usage at the end?"""


def parse(body: bytes | bytearray) -> Asked:
    """Bytes -> what is asked. Only what the gateway itself needs is checked; the rest is the upstream's to judge."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused("the request body is not valid JSON", code="invalid_json") from None
    if not isinstance(fields, dict):
        raise Refused("the request body must be a JSON object", code="invalid_type")
    fields = cast(Fields, fields)
    messages = fields.get("messages")
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in cast(list[Any], messages)):
        raise Refused("messages must be a list of objects", code="invalid_type", param="messages")
    stream = fields.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise Refused("stream must be true or false", code="invalid_type", param="stream")
    wishes = fields.get("stream_options")
    usage = isinstance(wishes, dict) and bool(cast(Fields, wishes).get("include_usage"))
    return Asked(fields, bool(stream), usage)


def request(fields: Fields, messages: Sequence[Fields]) -> Request:
    """The request a model is asked; every member that is not known goes along as it came."""
    sampling = {name: value for name, value in fields.items() if name in SAMPLING}
    options = {name: value for name, value in fields.items() if name not in SAMPLING and name != "messages"}
    return Request(tuple(messages), sampling, options)


def completion(
    traces: Sequence[Trace], name: str, fallback_id: str, now: int, alternatives: int | None = None, step: float = 0.0
) -> bytes:
    """A whole response. `name` is the member that carries reasoning; `alternatives`, `step`: see `shown`."""
    first = traces[0]
    out: Fields = {
        "id": first.id or fallback_id,
        "object": "chat.completion",
        "created": first.created or now,
        "model": first.model,
        "choices": [_choice(index, trace, name, alternatives, step) for index, trace in enumerate(traces)],
    }
    if first.usage is not None:
        out["usage"] = first.usage
    return orjson.dumps(out)


def _choice(index: int, trace: Trace, name: str, alternatives: int | None, step: float) -> Fields:
    message: Fields = {"role": "assistant", "content": trace.answer or (None if trace.tool_calls else "")}
    if trace.reasoning:
        message[name] = trace.reasoning
    message.update(trace.extra)
    if trace.tool_calls:
        message["tool_calls"] = trace.tool_calls
    records = shown(trace.logprobs, alternatives, step)
    logprobs = None if records is None else {"content": records, "refusal": None}
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": trace.finish or None}


def shown(records: Sequence[Fields] | None, alternatives: int | None, step: float = 0.0) -> list[Fields] | None:
    """Token records with at most so many alternatives each, rounded where `step` says so (see `coarse`); None where no
    logprobs were asked for."""
    if records is None or alternatives is None:
        return None
    kept: list[Fields] = [
        {**record, "top_logprobs": (record.get("top_logprobs") or [])[:alternatives]} for record in records
    ]
    return coarse(kept, step) if step else kept


def check_completion(body: bytes) -> None:
    """Raises `Unavailable` for a body that is no chat completion: not JSON, an error object, or something else."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unavailable("the upstream answered with damaged JSON") from None
    if not isinstance(value, dict) or not isinstance(cast(Fields, value).get("choices"), list):
        raise Unavailable("the upstream answered with something that is no chat completion")


class Frames:
    """The events of one response -> server-sent events, one frame an event; the head of a frame is written once."""

    def __init__(
        self, name: str, fallback_id: str, now: int, *, usage: bool, alternatives: int | None = None, step: float = 0.0
    ) -> None:
        self._key = orjson.dumps(name) + b":"
        self._fallback_id, self._now, self._usage, self._alternatives = fallback_id, now, usage, alternatives
        self._step = step
        self._head = b""
        self._spoken: set[int] = set()

    def of(self, event: Event) -> bytes:
        """The event's frame; empty for events that the dialect does not show."""
        match event:
            case Answer():
                return self._answer(event)
            case Reasoning():
                return self._delta(event.choice, self._key + orjson.dumps(event.text)) if event.text else b""
            case ToolCall():
                return self._delta(event.choice, b'"tool_calls":[' + orjson.dumps(event.delta) + b"]")
            case Extra():
                return self._delta(event.choice, orjson.dumps(event.fields)[1:-1]) if event.fields else b""
            case Finish():
                return self._finish(event)
            case Usage():
                return self._tokens(event) if self._usage else b""
            case Opened():
                self._open(event)
                return b""
            case _:
                return b""

    def _open(self, opened: Opened) -> None:
        envelope: Fields = {
            **opened.extra,
            "id": opened.id or self._fallback_id,
            "object": "chat.completion.chunk",
            "created": opened.created or self._now,
            "model": opened.model,
        }
        self._head = b"data: " + orjson.dumps(envelope)[:-1] + b","

    def _answer(self, event: Answer) -> bytes:
        records = shown(event.logprobs, self._alternatives, self._step)
        if not event.text and records is None:
            return b""
        tail = b"}" if records is None else b'},"logprobs":' + orjson.dumps({"content": records})
        return self._delta(event.choice, b'"content":' + orjson.dumps(event.text), tail)

    def _delta(self, choice: int, member: bytes, tail: bytes = b"}") -> bytes:
        frame = b'%b"choices":[{"index":%d,"delta":{%b%b,"finish_reason":null}]}\n\n' % (
            self._head, choice, member, tail)  # fmt: skip
        return frame if choice in self._spoken else self._greeting(choice) + frame

    def _greeting(self, choice: int) -> bytes:
        """The choice's first delta: its role."""
        if not self._head:
            self._open(Opened(""))
        self._spoken.add(choice)
        return self._delta(choice, b'"role":"assistant","content":""')

    def _finish(self, event: Finish) -> bytes:
        opening = b"" if event.choice in self._spoken else self._greeting(event.choice)
        return opening + b'%b"choices":[{"index":%d,"delta":{},"finish_reason":%b}]}\n\n' % (
            self._head, event.choice, orjson.dumps(event.reason or None))  # fmt: skip

    def _tokens(self, event: Usage) -> bytes:
        return b'%b"choices":[],"usage":%b}\n\n' % (self._head, orjson.dumps(event.counts))


def failure(message: str, kind: str, code: str | None, param: str | None) -> bytes:
    """OpenAI's error object."""
    return orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})


def failure_event(body: bytes) -> bytes:
    """An error in the middle of a stream: an event, and no [DONE] after it."""
    return b"data: " + body + b"\n\n"


def models(entries: Sequence[Fields]) -> bytes:
    """The list of models; only what identifies one is passed on."""
    known = ("id", "object", "created", "owned_by")
    return orjson.dumps({"object": "list", "data": [{k: e[k] for k in known if k in e} for e in entries]})
