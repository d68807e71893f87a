"""A request -> the JSON body of a chat-completion call. Knows no network; adds nothing the client did not ask for."""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec
import orjson

from azeotrope.errors import Refused
from azeotrope.types import Fields, Message, Request

_REASONING = frozenset({
    "reasoning", "reasoning_content", "reasoning_text", "reasoning_details", "reasoning_items", "thinking",
    "thinking_blocks", "thought",
})  # fmt: skip


def body_of(request: Request, model: str | None) -> bytes:
    """The body; `model` overrides the one the client named. A stream is asked to end with its usage."""
    body: Fields = {**request.sampling, **request.options, "messages": request.messages}
    if model is not None:
        body = {name: value for name, value in body.items() if not _names_model(name)} | {"model": model}
    if body.get("stream") is True:
        options = body.get("stream_options")
        known = cast(Fields, options) if isinstance(options, dict) else {}
        body["stream_options"] = {**known, "include_usage": True}
    else:
        body.pop("stream", None)
        body.pop("stream_options", None)
    try:
        return orjson.dumps(body)
    except TypeError:  # integers past 64 bits, lone surrogates
        return json.dumps(body, separators=(",", ":")).encode()


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def renamed(body: bytes, model: str) -> bytes:
    """The raw body of a call, asking for this model instead; what every other member holds stays byte for byte.

    Raises `Refused` where it is no JSON object.
    """
    try:
        members = _MEMBERS.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise Refused("the request body must be a JSON object, not nested too deeply", code="invalid_json") from None
    kept = {name: bytes(value) for name, value in members.items() if not _names_model(name)}
    kept["model"] = orjson.dumps(model)
    return b"{" + b",".join(orjson.dumps(name) + b":" + value for name, value in kept.items()) + b"}"


def _names_model(name: str) -> bool:
    """In any case: some servers take `Model` for it, and the last of two."""
    return name.casefold() == "model"


def without_reasoning(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The same messages with every member that carries reasoning dropped, and every content part that does."""
    return tuple(_bare(message) if _speaks(message) else message for message in messages)


def _speaks(message: Message) -> bool:
    return not _REASONING.isdisjoint(message) or isinstance(message.get("content"), list)


def _bare(message: Message) -> Message:
    bare: dict[str, Any] = {name: value for name, value in message.items() if name not in _REASONING}
    content = bare.get("content")
    if isinstance(content, list):
        bare["content"] = [part for part in cast(list[Any], content) if not _is_thought(part)]
    return bare


def _is_thought(part: Any) -> bool:
    kind = cast(Fields, part).get("type") if isinstance(part, dict) else None
    return isinstance(kind, str) and ("thinking" in kind or "reasoning" in kind)
