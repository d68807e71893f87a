"""What a rewrite must not say: refusals, talk of its task, marks of machines. Pure functions; knows no model."""

from __future__ import annotations

import re

from azeotrope.release.plain import plain, words

RUN = 7
"""Words in a row shared with the instruction that count as a leak."""


def _any(*patterns: str) -> str:
    return f"(?:{'|'.join(patterns)})"


_TO_DO = _any(
    "help", "assist", "comply", "provide", "rewrite", "rephrase", "fulfil", "do", "continue", "share", "create",
    "produce", "generate", "write", "answer", "engage", "discuss", "that", "this", "with",
)  # fmt: skip
_REFUSAL = re.compile(
    r"[\W_]*"
    + _any(
        r"(?:i am|i'm) (?:so |very |really |truly )?(?:sorry|afraid|unable)",
        r"sorry,|my apologies|i apologi[sz]e|apologies",
        rf"(?:unfortunately,? )?i (?:can't|cannot|can not|won't|will not|am not able to|must decline to) {_TO_DO}\b",
        r"as an? (?:ai|language model|assistant)\b|i(?:'m| am) (?:just|only) an? ",
        r"there is no (?:trace|reasoning|working)|please provide|could you (?:please )?provide",
        r"(?:es )?tut mir (?:sehr )?leid|entschuldigung|ich kann (?:dir|ihnen|das|dabei|leider)",
        r"(?:je suis )?desolee?|je ne peux pas|je ne suis pas en mesure",
        r"lo siento|no puedo (?:ayudar|hacer|cumplir)|mi dispiace|non posso (?:aiutar|soddisfare)",
        r"desculpe|sinto muito|nao posso|het spijt me|ik kan (?:je|u|dat|hier)|przepraszam|przykro mi|beklager",
    )
)
_REFUSAL_ELSEWHERE = re.compile(
    r"[\W_]*"
    + _any(
        r"很?抱歉|对不起|不好意思|我(?:无法|不能)|我(?:無法|沒辦法)|作为(?:一个)?(?:ai|人工智能)|申し訳|すみません|ごめんなさい",
        r"죄송|미안|извини|простите|к сожалению|я не могу|عذر|آسف|لا أستطيع|क्षमा",
    )
)
_TASK = re.compile(
    _any(
        r"\bas (?:instructed|requested|per (?:the|your) (?:instruction|request)s?)\b",
        r"\b(?:re-?writ(?:e|es|ing|ten)|rephras\w+|paraphras\w+|reworded|reworked) (?:of )?"
        r"(?:the |this |that |your |my )?(?:original |above |given |provided |entire )?"
        r"(?:traces?|reasoning|version|solution|text|explanation|working)\b",
        r"\b(?:original|given|provided|source) (?:trace|reasoning|working)\b|\b(?:reasoning|thinking) trace\b",
        r"\b(?:system|developer|hidden) (?:prompt|message|instruction)s?\b",
        r"\b(?:my|your|these|the (?:above|previous)) (?:instructions?|guidelines|prompt)\b",
        r"\b(?:ignore|disregard|forget) (?:all |any |the |these |your )*"
        r"(?:previous|prior|above|earlier|instructions?)\b",
        r"\bdistill?ation (?:attack|resistan\w+)|\banti-?distillation\b",
    )
)
_MARKUP = re.compile(
    _any(
        r"<\s*/?\s*(?:\w+:)?(?:think(?:ing)?|thoughts?|reasoning|answer|tool_?calls?|tool_response|function(?:_call|=\w+)?"
        r"|invoke|system|user|assistant)\b[^<>]{0,200}>",
        r"<\|[^<>|]{0,80}\|>|<｜[^<>｜]{0,80}｜>|</?s>|<</?SYS>>|<(?:start|end)_of_turn>|◁/?think▷",
        r"\[/?(?:INST|THINK|TOOL_CALLS?|AVAILABLE_TOOLS|TOOL_RESULTS)\]",
        r"\"(?:tool_calls|function_call|arguments)\"\s*:",
        r"\{\s*\"name\"\s*:\s*\"[\w.-]+\"\s*,\s*\"parameters\"",
        r"^[ \t]*(?:data|event): ?[\[{]|^(?:user|assistant|human)[ \t]*:",
        r"^ {0,3}#{2,4}[ \t]*(?:system|instruction|user|assistant|human)\b",
    ),
    re.IGNORECASE | re.MULTILINE,
)
_MARKUP_SIGNS = '<[◁":#'
"""Without one of these nothing of `_MARKUP` is in a text: a quick look before the slow one."""
_LINK = re.compile(r"(?:https?|ftp|data|javascript):\S+|\bwww\.\S+|\[[^\]\n]{0,80}\]\([^)\s]{1,200}\)", re.IGNORECASE)
_LINK_SIGNS = (":", "](", "www.")
"""Likewise for `_LINK`, in lower case."""
_ENCODED = [
    (signs, re.compile(pattern))
    for signs, pattern in (
        (("",), r"[A-Za-z0-9+/_-]{48}"),
        (("",), r"(?:[0-9a-fA-F]{2}[ :]?){32}"),
        (("00", "01", "10", "11"), r"(?:[01]{8}\s?){8}"),
        (("\\u", "&#", "%"), r"(?:\\u[0-9a-f]{4}|&#\d{1,7};|%[0-9A-F]{2}){6}"),
    )
]
"""One by one they are searched for in half the time that their union takes; each only where one of its signs is."""
_PREAMBLE = re.compile(
    r"(?:(?:sure|certainly|of course|absolutely|okay|ok)\b[^\n]{0,120}?[:!.][ \t]*\n+)?[ \t]*(?:\*\*|#+ )?"
    r"(?:here(?:'s|’s| is| are)\b[^\n]{0,120}:|(?:the )?(?:rewritten|revised|reworked)\b[^\n:]{0,60}:)"
    r"(?:\*\*)?[ \t]*\n*",
    re.IGNORECASE,
)
_FENCE = re.compile(r"(`{3,}|~{3,})[^\n`]*\n")


def bare(text: str) -> str:
    """A model's output without its announcement ("Here is the rewritten trace:") and the code fence around it all."""
    text = text.strip()
    if announced := _PREAMBLE.match(text[:600]):
        text = text[announced.end() :].strip()
    fence = _FENCE.match(text)
    if fence and text.endswith(fence[1]) and text.find(fence[1], fence.end()) == len(text) - len(fence[1]):
        text = text[fence.end() : -len(fence[1])]
    return text.strip()


def refuses(text: str) -> bool:
    """Whether a text begins as refusals do, in some twenty languages."""
    opening = text[:300]
    if _REFUSAL.match(plain(opening)):
        return True
    return not opening.isascii() and bool(_REFUSAL_ELSEWHERE.match(opening.casefold()))


def speaks_of_task(visible: str) -> bool:
    """Whether a plain text speaks of rewriting, of its instructions or of a system prompt."""
    return bool(_TASK.search(visible))


def repeats(ours: list[str], instruction: frozenset[tuple[str, ...]]) -> bool:
    """Whether the words repeat `RUN` words in a row of an instruction (given as `runs`)."""
    return not instruction.isdisjoint(zip(*(ours[i:] for i in range(RUN)), strict=False))


def runs(instruction: str) -> frozenset[tuple[str, ...]]:
    """The runs of `RUN` words of a text."""
    known = words(plain(instruction))
    return frozenset(zip(*(known[i:] for i in range(RUN)), strict=False))


def marked_up(text: str) -> bool:
    """Whether a text holds what chat clients parse: reasoning and tool tags, role marks, tool-call JSON, SSE fields."""
    return any(sign in text for sign in _MARKUP_SIGNS) and bool(_MARKUP.search(text))


def encoded(text: str) -> bool:
    """Whether a text holds a long stretch that only a machine reads: base64, hex, bits, escapes."""
    return any(pattern.search(text) for signs, pattern in _ENCODED if any(sign in text for sign in signs))


def links(text: str) -> set[str]:
    """Addresses a text points to."""
    lower = text.lower()
    if not any(sign in lower for sign in _LINK_SIGNS):
        return set()
    return {link.rstrip(".,;)") for link in _LINK.findall(text)}
