"""The marks models put around their reasoning, found in text that may still grow. Pure functions on strings.

Knows nothing of what is reasoning and what is answer: it says where a mark stands, of what kind, and whether the text
only talks about it.

Known marks: <think>, <thinking>, <thought(s)>, <thought_process>, <reasoning>, <internal_reasoning>,
<scratchpad>, <longcat_think> with their namespaced forms (<seed:think>), any case, blanks and attributes
inside; [THINK] (Mistral); <|begin_of_thought|> (OpenThinker); <|START_THINKING|> (Cohere); ◁think▷ (Kimi);
<|channel>thought ... <channel|> and <unused94>thought ... <unused95>
(Gemma); <|think|>; and the channel headers of OpenAI's harmony format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

LONGEST = 256
"""Characters a mark may take at most: no more than that is ever held back to see whether one is coming."""

Role = Literal["open", "close", "empty", "final", "end"]
"""open, close: of a block; empty: <think/>; final: harmony's answer begins; end: a harmony message ends."""


class Mark(NamedTuple):
    """A mark at text[start:end]; `kind` pairs an opening one with its closing one."""

    role: Role
    kind: str
    start: int
    end: int


_NAME = "(?:thinking|thought_process|thoughts?|think|reasoning|scratchpad|longcat_think|internal_reasoning)"
_LEAD = r"\s{0,4}+/?+\s{0,4}+"
"""Between a tag's < and its name."""
_ATTRIBUTE = r"""\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+)"""
_TAG = re.compile(
    rf"<\s{{0,4}}(/?)\s{{0,4}}((?:[a-z]+:)?{_NAME})(?:{_ATTRIBUTE})*\s*(/?)>",
    re.IGNORECASE | re.ASCII,
)
_HEADER = re.compile(r"(?:<\|start\|>[^<>]*)?<\|channel\|>\s*(\w+)[^<>]*(?:<\|constrain\|>[^<>]*)?<\|message\|>")
_LITERAL: dict[str, tuple[Role, str]] = {
    "[think]": ("open", "[think]"),
    "[/think]": ("close", "[think]"),
    "◁think▷": ("open", "◁think▷"),
    "◁/think▷": ("close", "◁think▷"),
    "<|begin_of_thought|>": ("open", "of_thought"),
    "<|end_of_thought|>": ("close", "of_thought"),
    "<|start_thinking|>": ("open", "thinking|"),
    "<|end_thinking|>": ("close", "thinking|"),
    "<|think|>": ("open", "think|"),
    "<|/think|>": ("close", "think|"),
    "<unused94>": ("open", "unused94"),
    "<unused95>": ("close", "unused94"),
    "<|channel>thought": ("open", "<|channel>"),
    "<channel|>": ("close", "<|channel>"),
    "<|end|>": ("end", "harmony"),
    "<|call|>": ("end", "harmony"),
    "<|return|>": ("end", "harmony"),
}
_LITERALS = re.compile("|".join(map(re.escape, _LITERAL)), re.IGNORECASE)
_HEADS = ("<|start|>", "<|channel|>")
"""What a harmony header begins with."""
_GROWING_TAG = re.compile(
    rf"<\s{{0,4}}/?\s{{0,4}}(?:[a-z_]*+:?+[a-z_]*+|(?:[a-z]+:)?{_NAME}(?:\s[^<>]*|/)?)\Z", re.IGNORECASE | re.ASCII
)
_GROWING_HEADER = re.compile(r"<\|(?:start|channel)\|>[^>]*(?:>[^>]*){0,3}\Z")


def _beginnings(words: Iterable[str]) -> str:
    """A pattern of one of these words, or of what the text's end has left of one."""
    rests: dict[str, list[str]] = {}
    for word in words:
        if not word:
            return ""
        rests.setdefault(word[0], []).append(word[1:])
    return "(?:" + "|".join([*(re.escape(first) + _beginnings(rest) for first, rest in rests.items()), r"\Z"]) + ")"


_START = re.compile(
    rf"(?=[{re.escape(''.join(dict.fromkeys(word[0] for word in _LITERAL)))}])"
    rf"(?:<{_LEAD}(?:(?=[a-z_:])(?:(?:[a-z]++:)?{_NAME}|[a-z_]*+:?+[a-z_]*+\Z)|\Z)"
    rf"|{_beginnings([*_LITERAL, *_HEADS])})",
    re.IGNORECASE,
)
"""A mark's beginning: enough of it that next to nothing else has it, or as much as the text's end has left of it."""


def candidate(text: str, start: int) -> int:
    """Where the next mark could begin, or the text's length. Whatever is passed over is no mark and grows into none."""
    found = _START.search(text, start)
    return found.start() if found else len(text)


def mark_at(text: str, start: int) -> Mark | None:
    """The whole mark that begins at `start`."""
    end = start + LONGEST
    if tag := _TAG.match(text, start, end):
        role: Role = "empty" if tag[3] and not tag[1] else "close" if tag[1] else "open"
        return Mark(role, tag[2].lower(), start, tag.end())
    if (literal := _LITERALS.match(text, start, end)) and (known := _LITERAL.get(literal[0].lower())):
        return Mark(*known, start, literal.end())
    if header := _HEADER.match(text, start, end):
        return Mark("final" if header[1] == "final" else "open", "harmony", start, header.end())
    return None


def may_grow(text: str, start: int) -> bool:
    """Whether more text could make text[start:] begin with a mark. Says yes too often rather than too seldom."""
    if len(text) - start >= LONGEST:
        return False
    rest = text[start:]
    lowered = rest.lower()
    if any(literal.startswith(lowered) for literal in (*_LITERAL, *_HEADS)):
        return True
    return bool(_GROWING_TAG.match(rest) or _GROWING_HEADER.match(rest))


LOOK = 12
"""Characters after a mark that may decide whether the text only talks about it."""

_NOUNS = [f" {noun}{s}" for noun in ("tag", "token", "block", "element", "marker", "section") for s in ("", "s")]
_NOUN = re.compile(rf"(?:{'|'.join(_NOUNS)})\b")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»"}


def needs_more(before: str, after: str) -> bool:
    """Whether `is_mention` could still say otherwise if more followed."""
    if before[-1:] == " ":
        return _in_a_sentence(before) and any(noun.startswith(after) for noun in _NOUNS)
    return not after and (before[-1:] == "`" or before[-1:] in _QUOTES)


def is_mention(before: str, after: str) -> bool:
    """Whether a mark between these two texts is only talked about.

    It is where it stands in inline code (`<think>`), alone in quotes ("</think>"), or is named in the midst of a
    sentence (the <think> tag). `before`: the two characters before it; `after`: the next `LOOK`.
    """
    last, earlier = before[-1:], before[-2:-1]
    if last == "`":
        return after[:1] == "`"
    if last in _QUOTES:
        return after[:1] == _QUOTES[last] and (not earlier or earlier.isspace() or earlier in "([{")
    return _in_a_sentence(before) and bool(_NOUN.match(after))


def _in_a_sentence(before: str) -> bool:
    return before[-1:] == " " and (before[-2:-1].isalpha() or before[-2:-1] == ",")
