"""Where upstreams put reasoning: every name it goes by in a chat-completion message. Pure; knows no stream.

What is not named here and not on the allow list is dropped by the reader: a new name costs fidelity, never a leak.
"""

from __future__ import annotations

from typing import Any, cast

NAMES = frozenset({
    "reasoning",  # vLLM, OpenRouter; Responses-like items
    "reasoning_content",  # DeepSeek, SGLang, llama.cpp, transformers serve, LiteLLM
    "reasoning_text",
    "thinking",  # Ollama, Anthropic-like
    "thought",
    "reasoning_details",  # OpenRouter: list of objects
    "thinking_blocks",  # LiteLLM: Anthropic's blocks
})  # fmt: skip

_TEXTS = ("text", "thinking", "content", "reasoning", "reasoning_content", "summary")
"""Members of a reasoning item that hold its text, the fullest first; `signature`, `data`, ... are not read."""

_ANSWER_PARTS = frozenset({"text", "output_text"})
_DEPTH = 8
"""Nesting past which nothing is read: no server needs it, and a hostile one could exhaust the stack."""


def reasoning_of(message: dict[str, Any]) -> str:
    """The reasoning in a message or delta, whatever its name. Text that several names repeat is taken once."""
    found = ""
    for name, value in message.items():
        if value and name in NAMES:
            text = value if isinstance(value, str) else text_of(value)
            if text and (not found or text.strip() not in found):
                found += text
    return found


def text_of(value: Any, depth: int = 0) -> str:
    """The text in a reasoning value: a string, an item, or a list of either."""
    if isinstance(value, str):
        return value
    if depth > _DEPTH:
        return ""
    if isinstance(value, list):
        return "".join(text_of(item, depth + 1) for item in cast(list[Any], value))
    if isinstance(value, dict):
        item = cast(dict[str, Any], value)
        return next((text for name in _TEXTS if (text := text_of(item.get(name), depth + 1))), "")
    return ""


def parts_of(content: list[Any]) -> tuple[str, str]:
    """Content as a list of parts -> (reasoning, answer). Only a part that says it is text is answer.

    Not even that where it is marked as reasoning too: `"thought": true`, or any other of `NAMES`.
    """
    reasoning: list[str] = []
    answer: list[str] = []
    for part in content:
        if isinstance(part, str):
            answer.append(part)
        elif isinstance(part, dict):
            fields = cast(dict[str, Any], part)
            if says_answer(fields):
                answer.append(text_of(fields.get("text")))
            else:
                reasoning.append(text_of(fields) or reasoning_of(fields))
    return "".join(reasoning), "".join(answer)


def says_answer(part: dict[str, Any]) -> bool:
    """Whether a part of a content says that it is text, and nothing in it says that it is reasoning."""
    kind = part.get("type")
    named = marked_as_thought(part) or any(part.get(name) for name in NAMES)
    return isinstance(kind, str) and kind in _ANSWER_PARTS and not named


def marked_as_thought(message: dict[str, Any]) -> bool:
    """Gemini's dialect marks a delta whose content is a thought: `extra_content.google.thought`."""
    extra = message.get("extra_content")
    google = cast(dict[str, Any], extra).get("google") if isinstance(extra, dict) else None
    return isinstance(google, dict) and bool(cast(dict[str, Any], google).get("thought"))
