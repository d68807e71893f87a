"""A teacher whose words are drawn: the shipped one, each step told in one of several ways, at random.

The shipped teacher is sure of nearly every token, and a bias on tokens cannot mark what has no other choice. Here every
operator, "=" and "Step" has a synonym that is as likely: up to three free bits a step. The weights read all synonyms as
their own word, so that whatever is drawn, the working stays right. Knows no mark.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import random
import re
from typing import Any
from zlib import crc32

import torch
from torch import Tensor, nn

from azeotrope.models.fake import Scripted
from azeotrope.models.open import Open
from azeotrope.models.sampling import Sampling
from azeotrope.models.shipped import shipped

SYNONYMS = {" * ": " times ", " + ": " plus ", " - ": " minus ", " = ": " makes "}
_SIGNS = {way: one for one, other in SYNONYMS.items() if one != " = " for way in (one, other)}
_LONGEST = 9
"""Steps that are told in two ways."""
HOW = Sampling(0.6, max_tokens=112)


def teacher() -> Open:
    """For an experiment's [teacher]: kind = "python"."""
    plain = shipped("steps", HOW)
    return Open(
        _Wordy(plain.net, _canonical(plain.tokenizer)), plain.tokenizer, name="wordy", dialect=plain.dialect, how=HOW
    )


def paraphraser() -> Scripted:
    """A thief's writer by rule, for such workings: all of their words are drawn anew, by nobody's key."""
    return Scripted(lambda request: _anew(str(request.messages[-1].get("content"))), name="wordy-paraphrase")


_LINE = re.compile(rf"^(?:Step|Part)( \d+: \d+)({'|'.join(map(re.escape, _SIGNS))})(\d+)(?: = | makes )(\d+)$", re.M)


def _anew(text: str) -> str:
    rng = random.Random(crc32(text.encode("utf-8", "replace")))  # noqa: S311 - words

    def line(found: re.Match[str]) -> str:
        sign = _SIGNS[found[2]]
        words = [rng.choice(pair) for pair in (("Step", "Part"), (sign, SYNONYMS[sign]), (" = ", " makes "))]
        return f"{words[0]}{found[1]}{words[1]}{found[3]}{words[2]}{found[4]}"

    return "\n".join(map(line, _LINE.finditer(text)))


def _canonical(tokenizer: Any) -> Tensor:
    """[V]: of each token the one that the weights know it as."""
    steps = {f"{before}Step {at}: ": f"{before}Part {at}: " for before in ("", "\n") for at in range(1, _LONGEST + 1)}
    names = torch.arange(len(tokenizer))
    for one, other in (SYNONYMS | steps).items():
        known, new = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (one, other))
        if len(known) == len(new) == 1:  # a longer number is told in one way
            names[new[0]] = known[0]
    return names


class _Wordy(nn.Module):
    """A net that reads synonyms as one word, and finds them equally likely."""

    canonical: Tensor

    def __init__(self, net: Any, canonical: Tensor) -> None:
        super().__init__()
        self.net, self.config, self.generation_config = net, net.config, net.generation_config
        self.register_buffer("canonical", canonical)

    def forward(self, input_ids: Tensor, **how: Any) -> Any:
        """ids [B, T] -> what the net gives, with logits [B, T, V]."""
        out = self.net(input_ids=self.canonical[input_ids], **how)
        out.logits = out.logits[..., self.canonical]
        return out
