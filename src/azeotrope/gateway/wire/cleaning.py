"""Reasoning that a client sends back is dropped from its messages, in steps. Pure; knows no policy."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar, cast

from azeotrope.models import channels
from azeotrope.models.text import Piece, Splitter
from azeotrope.models.text.marks import candidate
from azeotrope.types import Fields, Message

R = TypeVar("R")

INBOUND = frozenset(channels.NAMES) | {"encrypted_content", "reasoning_signature", "thought_signature"}
"""Members of a message that carry reasoning back."""
_INBOUND_PARTS = frozenset({"thinking", "redacted_thinking", "reasoning", "thought"})

Steps = Generator[int, None, R]
"""Work in small steps, so that whoever is served beside it need not wait for its end: each says how many characters it
has read, or what takes as long."""

STEP = 1 << 14
"""Most characters that one step reads: at a microsecond each, where every one of them belongs to a mark."""


def cleaned(messages: list[Message]) -> Steps[list[Message]]:
    """The messages without reasoning that comes back: members of any name, parts, and tagged text of the assistant."""
    out: list[Message] = []
    for message in messages:
        if message.get("role") == "assistant" or not INBOUND.isdisjoint(message):
            message = yield from _clean(message)
        out.append(message)
        yield 1
    return out


def _clean(message: Message) -> Steps[Message]:
    out = {name: value for name, value in message.items() if name not in INBOUND}
    if message.get("role") != "assistant":
        return out
    content = out.get("content")
    if isinstance(content, str):
        out["content"] = yield from _untagged(content)
    elif isinstance(content, list):
        out["content"] = yield from _parts(cast(list[Any], content))
    return out


def _parts(parts: list[Any]) -> Steps[list[Any]]:
    out: list[Any] = []
    for part in parts:
        fields = cast(Fields, part) if isinstance(part, dict) else {}
        text = fields.get("text")
        if fields.get("type") not in _INBOUND_PARTS:
            out.append({**fields, "text": (yield from _untagged(text))} if isinstance(text, str) else part)
        yield 1
    return out


def _untagged(text: str) -> Steps[str]:
    if len(text) <= STEP and candidate(text, 0) == len(text):
        yield len(text)
        return text
    splitter, pieces = Splitter("tags"), list[Piece]()
    for at in range(0, len(text), STEP):
        pieces += splitter.feed(text[at : at + STEP])
        yield STEP
    return "".join(piece.text for piece in [*pieces, *splitter.close()] if piece.kind == "answer")
