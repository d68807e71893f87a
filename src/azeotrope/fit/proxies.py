"""A proxy student's tail: what its last decoder block makes of a text, as a function of that block's weights.

Source: arXiv 2602.03396 takes the gradient in the "second-to-last layer", the head being the last. Knows transformers'
usual shape: a list of blocks, a norm, a head without a bias. Attention is computed plainly inside, for gradients of
gradients; memory goes with the text's length squared there.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from azeotrope.errors import Misconfigured
from azeotrope.math.information import Tail, Vector
from azeotrope.training import Batch

_OFF = 0.03
"""Of the logits' range: more than bfloat16 rounds away."""


def tail(net: Any, batch: Batch) -> Tail:
    """Of this batch's positions that have a loss, row by row."""
    block, norm, head = parts(net)
    arguments, named = _entered(net, block, batch)
    names, theta = zip(*((n, p.detach()) for n, p in block.named_parameters() if p.is_floating_point()), strict=True)

    def states(weights: Vector) -> Tensor:
        with sdpa_kernel(SDPBackend.MATH):
            out = functional_call(block, dict(zip(names, weights, strict=True)), arguments, named)
        hidden: Tensor = out[0] if isinstance(out, tuple) else out
        return norm(hidden)[:, :-1][batch.keep]

    return Tail(states, theta, head.weight.detach())


@torch.no_grad()
def check(net: Any, batch: Batch) -> None:
    """Raises `Misconfigured` where the tail through the head is not what the net says: its gradients would mislead."""
    found = tail(net, batch)
    ours = (found.states(found.theta) @ found.head.T).float()
    theirs: Tensor = net(input_ids=batch.ids, use_cache=False).logits[:, :-1][batch.keep].float()
    if (ours - theirs).abs().max() > _OFF * (theirs.amax() - theirs.amin()):
        raise Misconfigured(
            f"{type(net).__name__} cannot be a proxy student: its logits are not its head's product with what its last "
            "norm says (capped, scaled, or another layout); take another model"
        )


def parts(net: Any) -> tuple[nn.Module, Callable[[Tensor], Tensor], Any]:
    """(last decoder block, the norm behind it, the head). Raises `Misconfigured` for a net of another shape."""
    head = net.get_output_embeddings()
    lists = [module for module in net.modules() if isinstance(module, nn.ModuleList) and len(module)]
    blocks = max(lists, key=lambda found: sum(p.numel() for p in found.parameters()), default=None)
    if head is None or blocks is None or getattr(head, "bias", None) is not None:
        raise Misconfigured(
            f"{type(net).__name__} cannot be a proxy student: it needs a list of decoder blocks and a head without bias"
        )
    holder = next(module for module in net.modules() if any(child is blocks for child in module.children()))
    found = [child for name, child in holder.named_children() if "norm" in name or name in ("ln_f", "final_layernorm")]
    return blocks[-1], found[-1] if found else nn.Identity(), head


@torch.no_grad()
def _entered(net: Any, block: nn.Module, batch: Batch) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the block is called with when the net reads the batch."""
    caught: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    hook = block.register_forward_pre_hook(lambda _, args, named: caught.append((args, named)), with_kwargs=True)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            net(input_ids=batch.ids, use_cache=False, logits_to_keep=1)
    finally:
        hook.remove()
    return caught[0]
