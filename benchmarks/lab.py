"""The lab on one core: tokens a processor second in training and in writing, and what batching seeds together gives.

The student is the lab's own (454 tokens, hidden 128, two layers) on the task `steps`. Knows no target.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional

from azeotrope.distill import examples, published
from azeotrope.models.shipped import shipped
from azeotrope.tasks import steps
from azeotrope.training import Batch, batches, encoded
from azeotrope.training.tiny import Tiny, TinyLearner
from benchmarks.records import Figure

SEEDS = 4
STUDENT = Tiny(steps=60)


def measure(rounds: int, *, told: Callable[[str], None]) -> Iterator[Figure]:
    """Each round: a short training, some writing, and one step of several seeds, together and one after another."""
    torch.set_num_threads(1)
    teacher = shipped("steps")
    task = steps.build(steps.Config(train=2000, validation=256))
    learner = TinyLearner(STUDENT, teacher.tokenizer)
    learned = examples(published(task.problems("train")))
    asked = [problem.request for problem in task.problems("validation")]
    for round_ in range(rounds):
        fitted = learner.fit(learned, seed=round_)
        began = time.process_time()
        written = sum(int((trace.usage or {})["completion_tokens"]) for trace in teacher.answers(asked))
        rates = {
            "trained": fitted.tokens / fitted.cpu_seconds,
            "written": written / (time.process_time() - began),
            "seeds together": _together(learner, learned),
        }
        told(f"round {round_ + 1}/{rounds} " + ", ".join(f"{name} {rate:,.2f}" for name, rate in rates.items()))
        for name, rate in rates.items():
            unit = "together_over_apart" if name == "seeds together" else "tokens_per_cpu_second"
            yield Figure(unit, name, round_, rate)


def _together(learner: TinyLearner, learned: Any) -> float:
    """Speed of one step of `SEEDS` students by torch.func's vmap over that of one student after another."""
    model = learner.fresh(0)
    todo = list(batches(encoded(model, learned, 256).rows, 32, 8, 0, model.pad))
    nets = [learner.fresh(seed).net for seed in range(SEEDS)]
    return _apart(nets, todo) / _stacked(nets, todo)


def _loss(logits: Any, labels: Any) -> Any:
    return functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)


def _apart(nets: list[Any], todo: list[Batch]) -> float:
    began = time.process_time()
    for net in nets:
        for batch in todo:
            net.zero_grad()
            _loss(net(input_ids=batch.ids, use_cache=False).logits, batch.labels).backward()
    return time.process_time() - began


def _stacked(nets: list[Any], todo: list[Batch]) -> float:
    frame = copy.deepcopy(nets[0]).to("meta")
    parameters, buffers = stack_module_state(nets)

    def loss(own: Any, fixed: Any, ids: Any, labels: Any) -> Any:
        return _loss(functional_call(frame, (own, fixed), kwargs={"input_ids": ids, "use_cache": False}).logits, labels)

    step = vmap(grad(loss), in_dims=(0, 0, None, None))
    own = {name: value.detach() for name, value in parameters.items()}
    step(own, buffers, todo[0].ids, todo[0].labels)
    began = time.process_time()
    for batch in todo:
        step(own, buffers, batch.ids, batch.labels)
    return time.process_time() - began
