"""Fenced code blocks and JSON that stands in prose. Pure functions on strings; linear time."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from azeotrope.models.text.values import Final, is_json


class Fence(NamedTuple):
    """A whole fenced block: text[start:end] with its fences; `language` as written behind the first; `body` inside."""

    language: str
    body: str
    start: int
    end: int


_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})[ \t]*([^\n`]*)$", re.MULTILINE)


def fences(text: str) -> list[Fence]:
    """Every fenced block that is closed, in order."""
    found: list[Fence] = []
    opening: re.Match[str] | None = None
    for line in _FENCE.finditer(text):
        if opening is None:
            opening = line
        elif line[1].startswith(opening[1]) and not line[2].strip():
            body = text[opening.end() + 1 : max(line.start(), opening.end() + 1)]
            found.append(Fence(opening[2].strip(), body, opening.start(), line.end()))
            opening = None
    return found


def masked(text: str, blocks: list[Fence]) -> str:
    """The text with blanks for its blocks; offsets stay."""
    parts: list[str] = []
    at = 0
    for block in blocks:
        parts += [text[at : block.start], re.sub(r"[^\n]", " ", text[block.start : block.end])]
        at = block.end
    return "".join([*parts, text[at:]])


def last_block(blocks: list[Fence]) -> Final | None:
    """The last block as an answer: JSON or code."""
    if not blocks:
        return None
    block = blocks[-1]
    body = block.body.rstrip()
    if block.language.lower() in ("json", "") and is_json(body):
        return Final("json", body.strip(), block.start, block.end)
    return Final("code", body, block.start, block.end) if body.strip() else None


_OPENING = re.compile(r"(?:(?<=\s)|^)[{\[]")
_TRIES = 64
"""So many places are tried as the beginning of a JSON value that ends the text: each costs one reading."""


def trailing_json(text: str) -> Final | None:
    """A JSON value with which the text ends."""
    end = len(text.rstrip())
    if text[end - 1 : end] not in ("}", "]"):
        return None
    for tries, opening in enumerate(_OPENING.finditer(text)):
        if tries == _TRIES:
            break
        if is_json(text[opening.start() : end]):
            return Final("json", text[opening.start() : end], opening.start(), end)
    return None


_DECODER = json.JSONDecoder()


def keyed_json(text: str, at: int) -> Final | None:
    """The JSON object that has the word at `at` for a key."""
    if text[at - 1 : at] != '"':
        return None
    opening = at
    for _ in range(8):
        opening = text.rfind("{", 0, opening)
        if opening < 0:
            break
        try:
            value, end = _DECODER.raw_decode(text, opening)
        except (ValueError, RecursionError):
            continue
        if end > at and isinstance(value, dict):
            return Final("json", text[opening:end], opening, end)
    return None


def json_answer(text: str, blocks: list[Fence]) -> Final | None:
    """The text as a whole, its last JSON block, or the value it ends with."""
    body = text.strip()
    if body[:1] in ("{", "[") and is_json(body):
        start = text.find(body)
        return Final("json", body, start, start + len(body))
    for block in reversed(blocks):
        if (found := last_block([block])) and found.kind == "json":
            return found
    return trailing_json(text)
