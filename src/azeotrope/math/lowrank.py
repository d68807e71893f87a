"""z' = (I + A B) z: a low-rank map of logits: begun, applied, folded into a head, inverted. Knows no model and no loss.

Source: arXiv 2602.03396, the purifier z' = (E + A B) z with A [V, r] ~ N(0, 1), B [r, V] = 0: the identity, to begin
with. A head without a bias gives z = W h, so that z' = (W + A (B W)) h: the map is an update of the head's weights.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from azeotrope.errors import Misconfigured

SINGULAR = 1e6
"""Beyond this condition number I + B A counts as singular."""


class LowRank(NamedTuple):
    """I + A B."""

    a: Tensor
    """[V, r]."""
    b: Tensor
    """[r, V]."""

    @property
    def size(self) -> int:
        """V."""
        return self.a.shape[0]

    @property
    def rank(self) -> int:
        return self.a.shape[1]

    def to(self, like: Tensor) -> LowRank:
        """The same map where `like` is, in its precision."""
        return LowRank(self.a.to(like), self.b.to(like))


def identity(size: int, rank: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> LowRank:
    """A ~ N(0, 1), B = 0. Raises `Misconfigured` where the rank is not 1 to V."""
    if not 1 <= rank <= size:
        raise Misconfigured(f"the rank of a map on {size} logits is 1 to {size}; got {rank}")
    drawn = torch.randn(size, rank, generator=generator, dtype=torch.float64, device=generator.device)
    return LowRank(drawn.to(dtype), torch.zeros(rank, size, dtype=dtype, device=generator.device))


def applied(m: LowRank, logits: Tensor) -> Tensor:
    """[..., W] -> [..., W], a new tensor in the logits' own precision.

    Members of one family pad their vocabularies differently: where W is not V, the map acts on the logits that both
    have (the others pass as they are, and are read as 0). A token ruled out (-inf) stays so and is read as 0: what it
    would have said is not known any more.
    """
    _check(m)
    out = logits if logits.dtype == torch.float64 else logits.float()
    shared = min(m.size, logits.shape[-1])
    a, b = (each.to(out) for each in (m.a[:shared], m.b[:, :shared]))
    there = out[..., :shared]
    said = torch.addmm(_flat(there), _read(there, b), a.T).reshape(there.shape)
    said = said if shared == out.shape[-1] else torch.cat([said, out[..., shared:]], -1)
    return said.to(logits.dtype)


def _read(there: Tensor, b: Tensor) -> Tensor:
    """B z, [N, r], tokens that are ruled out read as 0.

    That there are some is seen at [N, r], which is cheaper than to look at all; but an accelerator would be waited for.
    """
    read = _flat(there) @ b.T if there.device.type == "cpu" else None
    if read is not None and bool(read.isfinite().all()):
        return read
    return _flat(there.masked_fill(there == -math.inf, 0.0)) @ b.T


def _flat(logits: Tensor) -> Tensor:
    return logits.reshape(-1, logits.shape[-1])


def folded(m: LowRank, weight: Tensor) -> Tensor:
    """A head's weights [W, d] -> W + A (B W), a new tensor: computed in float32 at least, rounded once at the end."""
    _check(m)
    assert weight.ndim == 2, f"a head is [W, d]; got {list(weight.shape)}"
    exact = weight if weight.dtype == torch.float64 else weight.float()
    shared = min(m.size, len(weight))
    a, b = (each.to(exact) for each in (m.a[:shared], m.b[:, :shared]))
    out = exact.clone()
    out[:shared] += a @ (b @ exact[:shared])
    return out.to(weight.dtype)


def centred(m: LowRank) -> LowRank:
    """The map that reads logits less their mean: I + A B (I - 11'/V).

    A softmax does not see a logit's offset; B does. This one answers z + c with z' + c, and folds as any other.
    """
    _check(m)
    return LowRank(m.a, m.b - m.b.mean(-1, keepdim=True))


def inverted(m: LowRank) -> LowRank:
    """(I + A B)^-1 = I - A (I + B A)^-1 B (Woodbury), again of low rank. In float64.

    Raises `Misconfigured` where I + B A is as good as singular: some logits cannot be told from others afterwards.
    """
    _check(m)
    a, b = m.a.double(), m.b.double()
    inner = torch.eye(m.rank, dtype=a.dtype, device=a.device) + b @ a
    condition = float(torch.linalg.cond(inner.detach())) if bool(inner.isfinite().all()) else math.inf
    if not condition < SINGULAR:
        raise Misconfigured(f"this map cannot be inverted: the condition of I + B A is {condition:.1e}")
    return LowRank(-a, torch.linalg.solve(inner, b))


def length(m: LowRank) -> float:
    """The Frobenius norm of A B, from the small products: ||AB||^2 = tr((A'A)(BB'))."""
    _check(m)
    a, b = m.a.detach().double(), m.b.detach().double()
    return math.sqrt(max(0.0, float(((a.T @ a) * (b @ b.T)).sum())))


def stretch(m: LowRank) -> float:
    """The spectral norm of A B, from the small products: the root of (BB')^1/2 A'A (BB')^1/2's greatest eigenvalue.

    No logits move further than so many times their own length.
    """
    _check(m)
    a, b = m.a.detach().double(), m.b.detach().double()
    values, vectors = torch.linalg.eigh(b @ b.T)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return math.sqrt(max(0.0, float(torch.linalg.eigvalsh(root @ (a.T @ a) @ root)[-1])))


def _check(m: LowRank) -> None:
    assert m.a.ndim == 2 and m.b.shape == m.a.shape[::-1], f"A is {list(m.a.shape)}, B is {list(m.b.shape)}"
