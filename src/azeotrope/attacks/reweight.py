"""Weigh each trace of a batch by how far learning it would lower the loss on clean public workings: adaptive training.

Source: gradient agreement, as adaptive students are made: w_i ~ exp(eta <v, g_i>), v the gradient of the loss on a
clean holdout, g_i that of row i; weights average 1 over the batch. The rest is ours: <v, g_i> for all rows at once is a
directional derivative, by central differences [l_i(theta + h v) - l_i(theta - h v)] / 2h, error O(h^2), two forwards a
step; v has length 1 and is computed anew every `refresh` steps. Its control is `public`, on the holdout's
workings. Does not mend a batch in which every trace is bad.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
from msgspec import Meta
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from azeotrope.distill import Thief, examples, published
from azeotrope.errors import Misconfigured
from azeotrope.protocols import Attack, Model
from azeotrope.training import Batch, encoded
from azeotrope.types import Problem, Record

Vector = Mapping[str, Tensor]
"""One tensor a trained parameter, by its name."""


class Config(Record, frozen=True):
    """How sharply, against what, how often."""

    eta: Annotated[float, Meta(ge=0)] = 0.1
    """Per nat of holdout loss won by a step of length 1; 0 weighs all alike. Much larger, a few rows with large
    gradients are all of a batch: on `steps` (one seed) 1.0 took an undefended student to 15 %, 0.1 to 70 %."""
    holdout: Annotated[int, Meta(ge=1)] = 64
    """Public workings, the first ones."""
    refresh: Annotated[int, Meta(ge=1)] = 10
    """Batches (parts, where a batch is computed in several) for which one v serves."""
    width: Annotated[float, Meta(gt=0)] = 1e-2
    """h: half the distance of the two forwards."""
    longest: Annotated[int, Meta(ge=1)] = 1024
    """Tokens of a holdout working."""


def attack(config: Config, thief: Thief) -> Attack:
    """Teacher and problems -> a student of the traces that agree with public workings."""

    async def steal(teacher: Model, problems: Sequence[Problem]) -> Model:
        clean = published(thief.public)[: config.holdout]
        student = thief.learner.fresh(thief.seed)
        rows = encoded(student, examples(clean), config.longest).rows
        if not rows:
            raise Misconfigured(f"every public working is longer than {config.longest} tokens: raise `longest`")
        weigh = Agreement(config, Batch.of(rows, student.pad).to(student.device))
        traces = await thief.washed(await thief.ask(teacher, problems))
        stolen = thief.train(examples(traces), weigh=weigh)
        thief.bill.note(public_traces=len(rows), weights_effective=round(weigh.effective, 4))
        return stolen

    return steal


class Agreement:
    """Weights for a batch's rows."""

    def __init__(self, config: Config, clean: Batch) -> None:
        self._config, self._clean = config, clean
        self._direction: Vector = {}
        self._asked, self._shares = 0, 0.0

    def __call__(self, net: Any, batch: Batch) -> Tensor:
        training = net.training
        net.eval()
        if self._asked % self._config.refresh == 0:
            self._direction = direction(net, self._clean)
        scores = agreement(net, batch, self._direction, self._config.width)
        net.train(training)
        weights = (self._config.eta * scores).softmax(-1) * len(scores)
        self._asked += 1
        self._shares += float(weights.sum() ** 2 / (len(weights) * weights.square().sum()))
        return weights * batch.weights.to(weights)

    @property
    def effective(self) -> float:
        """(sum w)^2 / (n sum w^2), averaged over the batches: 1 where all weighed alike."""
        return self._shares / max(1, self._asked)


def direction(net: Any, clean: Batch) -> Vector:
    """v: the gradient of the mean row loss on `clean`, at length 1 (0 where it is 0)."""
    trained = _trained(net)
    gradients = torch.autograd.grad(row_losses(net, trained, clean).mean(), list(trained.values()))
    length = torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt().clamp(min=1e-12)
    return {name: gradient / length for name, gradient in zip(trained, gradients, strict=True)}


@torch.no_grad()
def agreement(net: Any, batch: Batch, along: Vector, width: float) -> Tensor:
    """<along, gradient of row i's loss> for every row, [B], by central differences of half-width `width`."""
    ahead, behind = (
        row_losses(net, {name: value + h * along[name] for name, value in _trained(net).items()}, batch)
        for h in (width, -width)
    )
    return (ahead - behind) / (2 * width)


def row_losses(net: Any, parameters: Vector, batch: Batch) -> Tensor:
    """Cross-entropy of each row, nats per token of the row, [B], at these parameters; the net stays as it is."""
    batch = batch.to(next(net.parameters()).device)
    out = functional_call(net, dict(parameters), (), {"input_ids": batch.ids, "use_cache": False})
    logits = out.logits[:, :-1][batch.keep]
    each = functional.cross_entropy(logits, batch.targets, reduction="none")
    total = each.new_zeros(len(batch.ids)).index_add(0, batch.rows, each)
    return total / batch.keep.sum(-1).clamp(min=1)


def _trained(net: Any) -> dict[str, Tensor]:
    return {name: value for name, value in net.named_parameters() if value.requires_grad}
