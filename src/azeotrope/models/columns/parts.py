"""What a part of a message's content is: answer, reasoning, media, a call. What is not known is said to be unknown.

The dialects of OpenAI, Anthropic, Bedrock (`{"reasoningContent": {...}}`, `{"text": ...}`), Gemini (`"thought": true`)
and the AI SDK. Knows no row; shares with the gateway what it knows of answers and thoughts (`models.channels`).
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any, Literal, cast

from azeotrope.models.channels import marked_as_thought, says_answer
from azeotrope.models.columns.layout import is_reasoning, is_sealed
from azeotrope.models.columns.places import is_label, texts
from azeotrope.types import Fields

Part = Literal["answer", "reasoning", "call", "passed", "unknown"]

_THINKS = re.compile(r"think|thought|reasoning|^analysis$", re.IGNORECASE)
_MEDIA = re.compile(
    r"(?:input_|output_)?(?:image|audio|video|file|document)(?:_url|_file)?|source-(?:url|document)|inline_?data|file_?data",
    re.IGNORECASE,
)
_CALLS = re.compile(
    r"(?:\w+_)?tool[_-]?(?:use|result|calls?)|tool-[\w-]+|function_?(?:call|response|result|call_output)"
    r"|executable_?code|code_?execution_?result",
    re.IGNORECASE,
)
"""Kinds of parts that are neither: pictures and the like, calls and what came of them."""
_OF_ANSWERS = frozenset({"text", "annotations", "citations", "cache_control", "logprobs"})
_OF_MEDIA = frozenset({"title", "filename", "transcript", "name"})
"""Members in which media have words; all else in them is addresses and data, without a blank."""
CALLED = frozenset({"arguments", "input", "args", "parameters", "output", "result", "content"})
"""What was called with, and what came of it, in a call or a part of this kind: left as it is, as the answer is."""
_OF_CALLS = CALLED | {"function", "toolInvocation", "cache_control"}
_WORD = re.compile(r"\S{0,40}")
_DATA = re.compile(r"\S*")


def thinks(value: Fields) -> bool:
    """Whether an object says of itself that it is nothing but reasoning: by its type, or by a flag."""
    kind = value.get("type")
    if isinstance(kind, str) and _THINKS.search(kind):
        return True
    return marked_as_thought(value) or any(member is True and is_reasoning(name) for name, member in value.items())


def kind_of(part: Fields) -> Part:
    """What a part is. A part that holds reasoning beside other text is unknown: which is which cannot be told."""
    if thinks(part):
        return "reasoning"
    held = {name: value for name, value in part.items() if not _silent(name, value) and not is_sealed(name)}
    if not held:
        return "passed"
    if any(map(is_reasoning, held)):
        return "reasoning" if all(map(is_reasoning, held)) else "unknown"
    kind = part.get("type") or (next(iter(held)) if len(held) == 1 else None)
    if not isinstance(kind, str):
        return "unknown"
    if says_answer({**part, "type": kind}):
        return "unknown" if text_of(part) is None or _strange(held, _OF_ANSWERS) else "answer"
    if kind == "refusal":
        return "unknown" if _strange(held, {"refusal"}) else "passed"
    if _CALLS.fullmatch(kind):
        return "unknown" if _strange(held, _OF_CALLS | {kind}) else "call"
    return "passed" if _MEDIA.fullmatch(kind) and not _strange(held, _OF_MEDIA, _DATA) else "unknown"


def text_of(part: Fields) -> tuple[tuple[str, ...], str] | None:
    """(where the text of an answer stands in its part, the text); None where it is no text."""
    text = part.get("text")
    if isinstance(text, dict):  # OpenAI's Assistants
        fields = cast(Fields, text)
        value = fields.get("value")
        alone = isinstance(value, str) and not _strange(fields, {"value", "annotations"})
        return (("text", "value"), cast(str, value)) if alone else None
    return (("text",), text) if isinstance(text, str) else None


def _silent(name: str, value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip() or is_label(name, value)
    return not value or not any(text.strip() for _, text in texts((), value))


def _strange(held: Fields, known: Container[str], word: re.Pattern[str] = _WORD) -> bool:
    """Whether a member that is not known holds more than a word: it could be reasoning."""
    unknown = [value for name, value in held.items() if name not in known]
    return any(not word.fullmatch(text) for value in unknown for _, text in texts((), value))
