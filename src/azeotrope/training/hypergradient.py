"""What changing a text does to whoever trains on it: gradients through one step of training. Knows no defense.

Source: arXiv 2602.15143 names three gradient-based rewriters, HB, FO and RHB; the definitions here are ours. A text is
relaxed: token t is a vector of weights over the vocabulary, read as e_t = w_t E and taught as -w_t . log p_t; at the
text itself w_t is one token. E is the proxy's at theta; how e_t would train E is left out. One step of training,

    theta'(w) = theta - eta g(w),   g(w) = grad_theta L_sft(theta; w),   J(w) = L_held(theta'(w)),

and the gradient of J, which is to rise, is a mixed second derivative with v = grad_theta L_held(theta'):

    HB      grad_w J = -eta d/dw <v, g(w)>
    FO ii   -eta [grad_w L_sft(theta + h v) - grad_w L_sft(theta - h v)] / 2h   = HB + O(h^2)
    FO i    grad_w L_sft(theta): the loss on the text itself

What a target's weight moves in FO ii is eta times antidistillation sampling's b (arXiv 2504.13146).

While one of these functions runs, other weights stand in the net that it is handed, in place: lend it one that nobody
else reads (`proxies.Proxy.lent`). Afterwards its own are back.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from azeotrope.training.examples import Batch

Vector = Mapping[str, Tensor]
"""One tensor a parameter, by its name."""


class Text(NamedTuple):
    """A prompt and a response as tokens, and which of the response's are relaxed."""

    ids: Tensor
    """[T]."""
    start: int
    """The loss is on tokens from here on."""
    at: Tensor
    """[n], places of relaxed tokens; none before `start`."""


class Passes(NamedTuple):
    """What a gradient took of the proxy."""

    forwards: int = 0
    backwards: int = 0

    def plus(self, other: Passes) -> Passes:
        """Both."""
        return Passes(self.forwards + other.forwards, self.backwards + other.backwards)


class Rise(NamedTuple):
    """By how much the objective rises, to first order, per weight given to a token: [n, V]."""

    of: Tensor
    passes: Passes


def weights(net: Any) -> Vector:
    """theta: the net's floating-point parameters."""
    return {name: value.detach() for name, value in net.named_parameters() if value.is_floating_point()}


def moved(theta: Vector, by: Vector, much: float) -> Vector:
    """theta + much * by."""
    return {name: value + much * by[name] for name, value in theta.items()}


def held_loss(net: Any, theta: Vector, batch: Batch) -> Tensor:
    """Cross-entropy summed over the batch's tokens that have a loss, nats, []."""
    with sdpa_kernel(SDPBackend.MATH):
        out = functional_call(net, dict(theta), (), {"input_ids": batch.ids, "use_cache": False})
    return functional.cross_entropy(out.logits[:, :-1][batch.keep], batch.targets, reduction="sum")


def held_gradient(net: Any, theta: Vector, held: Sequence[Batch]) -> Vector:
    """grad_theta of the mean loss a token over all batches, one batch in memory at a time."""
    tokens = sum(len(batch.targets) for batch in held)
    own = _leaves(theta)
    total = [torch.zeros_like(value) for value in own.values()]
    for batch in held:
        found = _grad(held_loss(net, own, batch) / tokens, list(own.values()))
        total = [a + b for a, b in zip(total, found, strict=True)]
    return dict(zip(own, total, strict=True))


def sft_loss(net: Any, theta: Vector, text: Text, read: Tensor, taught: Tensor) -> Tensor:
    """L_sft, nats a token, []. `read` [n, d], added to the embeddings; `taught` [n, V], to the targets' weights.

    A change dw of the weights is read = dw E, taught = dw.
    """
    table: Tensor = net.get_input_embeddings()(text.ids).detach()
    embedded = table.index_add(0, text.at, read.to(table))[None]
    with sdpa_kernel(SDPBackend.MATH):
        out = functional_call(net, dict(theta), (), {"inputs_embeds": embedded, "use_cache": False})
    logs = torch.log_softmax(out.logits[0, text.start - 1 : -1], -1)
    nats = functional.nll_loss(logs, text.ids[text.start :], reduction="sum")
    return (nats - (taught * logs[text.at - text.start]).sum()) / len(logs)


def after_step(net: Any, text: Text, eta: float, read: Tensor, taught: Tensor) -> Vector:
    """theta'(w): the weights after one step of plain gradient descent on the text."""
    own = _leaves(weights(net))
    gradient = _grad(sft_loss(net, own, text, read, taught), list(own.values()))
    return moved(weights(net), dict(zip(own, gradient, strict=True)), -eta)


def hb(net: Any, text: Text, held: Sequence[Batch], eta: float) -> Rise:
    """Of J, exactly: one Hessian-vector product."""
    own, (read, taught) = _leaves(weights(net)), _unmoved(net, text)
    gradient = _grad(sft_loss(net, own, text, read, taught), list(own.values()), create_graph=True)
    v = held_gradient(net, _stepped(own, gradient, eta), held)
    product = torch.stack([(a * b).sum() for a, b in zip(gradient, v.values(), strict=True)]).sum()
    return Rise(_of_tokens(net, _grad(-eta * product, [read, taught])), Passes(1 + len(held), 2 + len(held)))


def fo_difference(net: Any, text: Text, held: Sequence[Batch], eta: float, width: float) -> Rise:
    """Of J, by central differences: h |v| is `width`. Two gradients of the text's own loss."""
    theta, (read, taught) = weights(net), _unmoved(net, text)
    v = held_gradient(net, after_step(net, text, eta, read, taught), held)
    length = torch.stack([value.square().sum() for value in v.values()]).sum().sqrt().clamp(min=1e-30)
    ahead, behind = (
        _grad(sft_loss(net, moved(theta, v, float(sign * width / length)), text, read, taught), [read, taught])
        for sign in (1, -1)
    )
    rise = [-eta * length * (a - b) / (2 * width) for a, b in zip(ahead, behind, strict=True)]
    return Rise(_of_tokens(net, rise), Passes(3 + len(held), 3 + len(held)))


def fo_loss(net: Any, text: Text) -> Rise:
    """Of the loss on the text itself."""
    read, taught = _unmoved(net, text)
    return Rise(_of_tokens(net, _grad(sft_loss(net, weights(net), text, read, taught), [read, taught])), Passes(1, 1))


def gains(rise: Tensor, now: Tensor) -> Tensor:
    """[n, V], [n] -> what putting token v in the place of the one that is there gains, to first order, [n, V]."""
    return rise - rise.gather(1, now[:, None])


def apart(net: Any, now: Tensor) -> Tensor:
    """[n] -> squared distance of every token's embedding from theirs, [n, V]."""
    table: Tensor = net.get_input_embeddings().weight.detach()
    exact = "donot_use_mm_for_euclid_dist"  # else a token is at some distance from itself
    return torch.cdist(table[now].float()[None], table.float()[None], compute_mode=exact)[0].square().to(table)


def projected(gain: Tensor, distance: Tensor, allowed: Tensor, k: int) -> list[list[tuple[int, float]]]:
    """For each place, (token, gain) of the k allowed tokens that gain most: those that gain, nearest first, and then
    those that lose, the least first."""
    assert gain.shape == distance.shape == allowed.shape, "gain, distance and allowed are all [n, V]"
    best, tokens = gain.masked_fill(~allowed, -torch.inf).topk(min(k, gain.shape[1]), -1)
    near = distance.gather(1, tokens).masked_fill(best <= 0, torch.inf)
    order = near.sort(dim=-1, stable=True).indices
    columns = (tokens.gather(1, order).tolist(), best.gather(1, order).tolist())
    return [[(t, g) for t, g in zip(*row, strict=True) if g > -math.inf] for row in zip(*columns, strict=True)]


def _stepped(own: Vector, gradient: Sequence[Tensor], eta: float) -> Vector:
    return {name: (p - eta * g).detach() for (name, p), g in zip(own.items(), gradient, strict=True)}


def _unmoved(net: Any, text: Text) -> tuple[Tensor, Tensor]:
    table: Tensor = net.get_input_embeddings().weight
    size = net.get_output_embeddings().weight.shape[0]
    read, taught = table.new_zeros(len(text.at), table.shape[1]), table.new_zeros(len(text.at), size)
    return read.detach().requires_grad_(), taught.detach().requires_grad_()


def _of_tokens(net: Any, found: Sequence[Tensor]) -> Tensor:
    """(grad in e [n, d], grad in targets [n, V]) -> grad in w, [n, V]."""
    table: Tensor = net.get_input_embeddings().weight.detach()
    read, taught = found
    size = min(len(table), taught.shape[1])
    return (read @ table[:size].T + taught[:, :size]).detach()


def _leaves(theta: Vector) -> Vector:
    return {name: value.detach().requires_grad_() for name, value in theta.items()}


def _grad(of: Tensor, to: list[Tensor], *, create_graph: bool = False) -> list[Tensor]:
    found: Any = torch.autograd.grad(of, to, create_graph=create_graph, allow_unused=True, materialize_grads=True)
    return list(found)
