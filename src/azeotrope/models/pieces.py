"""What a tokenizer's tokens say in the middle of a text. Knows no text."""

# tokenizers and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def pieces(tokenizer: Any, ids: Iterable[int]) -> list[str]:
    """What each token says behind another one: at the beginning of a text some tokenizers drop its blank."""
    anchor = tokenizer("a", add_special_tokens=False)["input_ids"][-1:]
    rows = [anchor, *([*anchor, token] for token in ids)]
    before, *told = tokenizer.batch_decode(rows, clean_up_tokenization_spaces=False)
    return [text.removeprefix(before) for text in told]
