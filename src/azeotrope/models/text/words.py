"""Answers in words, and in rows of words. Pure; reads what `normal.plain` wrote. Knows nothing of mathematics."""

from __future__ import annotations

from azeotrope.models.text.normal import wordless


def same_words(a: str, b: str) -> bool:
    left, right = _unquoted(wordless(a)), _unquoted(wordless(b))
    if not left or not right:
        return False
    return left == right or (_is_words(left) and _same_but_for_case(left.split(), right.split()))


def _unquoted(text: str) -> str:
    text = text.rstrip(".")
    return text[1:-1].strip().rstrip(".") if len(text) > 2 and text[0] == text[-1] and text[0] in "'\"" else text


_EXCLAIMED = "yes no true false none undefined odd even both neither always never sometimes"
_SHOUTED = frozenset(_EXCLAIMED.split())


def _same_but_for_case(left: list[str], right: list[str]) -> bool:
    """Where case says nothing: at a word's beginning, unless it is a name of one or two letters; and in TRUE, YES."""
    return len(left) == len(right) and all(
        x == y or (x.casefold() == y.casefold() and (x.casefold() in _SHOUTED or (len(x) > 2 and x[1:] == y[1:])))
        for x, y in zip(left, right, strict=True)
    )


def rows(text: str) -> list[list[str]]:
    return [row.split() for row in text.strip().splitlines()]


def is_grid(text: str) -> bool:
    """Several lines of several short items each: which line an item is in counts."""
    lines = rows(text)
    return "\\" not in text and len(lines) > 1 and all(len(row) > 1 and max(map(len, row)) < 6 for row in lines)


def _is_words(text: str) -> bool:
    return all(c.isalpha() or c in " -'," for c in text) and len(text) > 1
