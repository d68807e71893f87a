"""How surprising texts are to a model of language: its mean loss on their tokens. Knows no trace and no defense."""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from azeotrope.models.loading import loaded

Perplexity = Callable[[Sequence[str]], list[tuple[float, int]]]
"""Texts -> (mean nats per token, tokens), one a text. exp of the first is the perplexity."""


def judge(source: str) -> Perplexity:
    """`source`: as `loading.loaded` takes it. A text is read by itself: its first token is given, not judged.

    Of a text with fewer than two tokens nothing can be said: (0, tokens).
    """
    model = loaded(source)
    place = next(model.net.parameters()).device

    @torch.no_grad()
    def nats(text: str) -> tuple[float, int]:
        ids = torch.tensor([model.tokenizer(text).input_ids], dtype=torch.long, device=place)
        size = ids.shape[1]
        return (float(model.net(input_ids=ids, labels=ids).loss) if size > 1 else 0.0), size

    return lambda texts: [nats(text) for text in texts]
