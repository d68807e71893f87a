"""Another model reads along: its next-token log-probabilities for the contexts that a shape sees. Knows no shape.

Contexts that go on where the last ones ended, all of them or some, are not read again: the memory changes what is
computed, and the result up to rounding only. A context begins with its padding, which is masked.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor


class _Read(NamedTuple):
    """What was read last."""

    ids: Tensor
    """[B, T]."""
    cache: Any


class Along:
    """ids [B, T] -> log-probabilities of the next token, [B, V], in float32 or what is more precise. Any thread."""

    def __init__(self, net: Any, pad: int) -> None:
        self._net, self._pad = net, pad
        self._last: _Read | None = None

    @torch.no_grad()
    def __call__(self, ids: Tensor) -> Tensor:
        assert ids.ndim == 2, f"ids are [B, T]; got {list(ids.shape)}"
        ids = ids.to(next(self._net.parameters()).device)
        last, self._last = self._last, None  # taken, so that nobody else writes into the same cache
        cache = _continued(last, ids)
        mask = (ids != self._pad).cumsum(-1) > 0
        mask[:, -1] = True
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        new = slice(None) if cache is None else slice(-1, None)
        out = self._net(
            input_ids=ids[:, new], attention_mask=mask.long(), position_ids=positions[:, new], cache=cache,
            use_cache=True, logits_to_keep=1,
        )  # fmt: skip
        if out.cache is not None:
            self._last = _Read(ids, out.cache)
        logits: Tensor = out.logits[:, -1]
        return torch.log_softmax(logits if logits.dtype == torch.float64 else logits.float(), -1)


def _continued(last: _Read | None, ids: Tensor) -> Any:
    """The cache of these rows less their last token; None where they are no continuation."""
    if last is None or last.ids.shape[1] != ids.shape[1] - 1:
        return None
    before = ids[:, :-1]
    if torch.equal(before, last.ids):
        return last.cache
    places = {tuple(row): at for at, row in enumerate(last.ids.tolist())}
    found = [places.get(tuple(row)) for row in before.tolist()]
    if None in found:
        return None
    last.cache.batch_select_indices(torch.tensor(found, device=ids.device))
    return last.cache
