"""Text as a reader sees it: without invisible characters, look-alike letters, marks and letter case. Knows no check."""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = (
    (0xAD, 0xAD), (0x300, 0x36F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180E),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB), (0xE0000, 0xE01EF),
)  # fmt: skip
"""Format characters, fillers, variation selectors, tags, and the combining marks that a decomposition leaves."""
_ALIKE = dict(zip("аеорсухіјѕһԁԛԝвкмнтіυοανρτικ’‘ʼ−–—‐‑⁄∕", "aeopcyxijshdqwbkmhtiuoavptik'''-----//", strict=True))
"""Letters of other scripts drawn like Latin ones, lower case; dashes, quotes and slashes as typed on a keyboard."""
_TABLE = {code: None for first, last in _INVISIBLE for code in range(first, last + 1)} | {
    ord(theirs): ours for theirs, ours in _ALIKE.items()
}
_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W_぀-ヿ㐀-鿿가-힯]+")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")
"""`_WORD` for a text in ASCII, found in half the time."""
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e01ef]"
)


def plain(text: str) -> str:
    """Compatibility forms and accents taken off, visible, lower case. Linear; positions do not survive."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", text).casefold().translate(_TABLE))


def words(visible: str) -> list[str]:
    """Words and numbers of a plain text; a Chinese, Japanese or Korean character is a word."""
    return (_ASCII_WORD if visible.isascii() else _WORD).findall(visible)


def hidden(text: str) -> set[str]:
    """Characters that a reader does not see and a program may trip over: controls, zero-width, bidirectional, tags."""
    return set() if text.isascii() and text.replace("\n", " ").isprintable() else set(_HIDDEN.findall(text))
