"""A purifier inside `generate` of transformers: `model.generate(..., logits_processor=[Purify("purifier/", model)])`.

A thin adapter: it knows the interface `(input_ids [B, T], scores [B, V]) -> scores` and nothing of the map. What
`generate` returns as `scores` is shaped; `output_logits=True` returns the teacher's own: do not hand those out.
"""

# transformers is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import LogitsProcessor

from azeotrope.errors import Misconfigured
from azeotrope.models import purifier


class Purify(LogitsProcessor):
    """Shapes every token of every row."""

    def __init__(self, artifact: str, model: Any, tokenizer: Any = None) -> None:
        """`model`: the net it is for; with its tokenizer, that is checked too. Raises `Misconfigured` for another's."""
        self._fitted = purifier.read(artifact)
        if tokenizer is not None and purifier.vocabulary(tokenizer) != self._fitted.about.tokenizer:
            raise Misconfigured(f"this purifier was fitted for {self._fitted.about.model}, which has another tokenizer")
        if purifier.fingerprint(model) != self._fitted.about.base:
            raise Misconfigured(f"this purifier was fitted for {self._fitted.about.model}, and this model is another")

    def __call__(self, input_ids: Any, scores: Any) -> Tensor:  # their names are the interface's
        return self._fitted.shape(input_ids, scores)
