"""One supervised run by trl's `SFTTrainer`, on examples that we encoded: trl renders no template and masks nothing.

Which positions have a loss is therefore `examples.encoded`'s word alone, for any template. A loss of one's own and
weights for rows go through the same trainer (`DistillationTrainer` computes but one family of losses, on text that it
samples itself). Sends nothing to anybody: trl's telemetry is off.
"""

# torch and transformers are typed in part; trl and peft hardly:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
import random
import threading
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from azeotrope.errors import Misconfigured
from azeotrope.training.examples import Batch, Encoded
from azeotrope.training.learner import Loss, Weigh

if TYPE_CHECKING:
    from azeotrope.models.open import Open
    from azeotrope.training.hub import Hub

try:
    import numpy as np
    from datasets import Dataset
    from peft import LoraConfig, PeftModel
    from transformers.trainer_callback import PrinterCallback
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer
except ImportError as error:
    raise Misconfigured(
        f"pretrained students need more packages ({error.name}): pip install 'azeotrope[train]'"
    ) from None

_ALONE = threading.Lock()
"""The trainer seeds the process's own generators: one run at a time."""


class Hooks(NamedTuple):
    """What a run does otherwise."""

    loss: Loss | None = None
    weigh: Weigh | None = None


class Run(NamedTuple):
    """What a run took: the loss of each step, and tokens read, padding included."""

    losses: list[float]
    tokens: int


def supervised(
    model: Open, rows: Sequence[Encoded], recipe: Hub, *, steps: int, seed: int, hooks: Hooks = Hooks()
) -> Run:
    """Trains the model's weights where they are; its net becomes a peft model when an adapter is trained.

    Raises `Misconfigured` where the machine or the weights do not allow it.
    """
    if recipe.device == "auto" and torch.cuda.device_count() > 1:
        raise Misconfigured("a student trains on one accelerator, and several are visible: set CUDA_VISIBLE_DEVICES")
    adapted = isinstance(model.net, PeftModel)
    if recipe.method == "full" and adapted:
        raise Misconfigured("these weights carry an adapter already: go on with method lora")
    with _ALONE, _generators_kept(), warnings.catch_warnings(), TemporaryDirectory() as nowhere:
        warnings.filterwarnings("ignore", ".*gradient_checkpointing", FutureWarning)  # between peft and transformers
        trainer = _Trainer(
            hooks, rows, model.pad, model=_trainable(model.net), processing_class=model.tokenizer,
            args=_settings(recipe, steps, seed, nowhere, model.device),
            peft_config=_adapter(recipe) if recipe.method == "lora" and not adapted else None,
        )  # fmt: skip
        trainer.train()
        model.net = trainer.released()
    return Run(trainer.losses, trainer.tokens)


class _Trainer(SFTTrainer):
    """trl's trainer with our batches, and our loss where there is one."""

    loss_is_scaled_for_ga = True  # both losses are sums over the step's own total

    def __init__(self, hooks: Hooks, rows: Sequence[Encoded], pad: int, **how: Any) -> None:
        self.losses, self.tokens = list[float](), 0
        self._hooks, self._part = hooks, 0.0
        self._plain = hooks == Hooks() and all(row.weight == 1 for row in rows)
        places = Dataset.from_dict({"at": list(range(len(rows)))})
        super().__init__(
            train_dataset=places, data_collator=lambda found: collated([rows[one["at"]] for one in found], pad), **how
        )
        self.remove_callback(PrinterCallback)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Tensor]:
        """The parts of the next step, their rows weighed, and the step's total: tokens, each as its row weighs."""
        parts, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        if self._hooks.weigh is not None:
            net = self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model
            for part in parts:
                part["batch"] = replace(part["batch"], weights=self._hooks.weigh(net, part["batch"]))
        total = sum((self._worth(part["batch"]) for part in parts), torch.zeros((), device=device))
        return parts, total.clamp(min=1e-9)

    def _worth(self, batch: Batch) -> Tensor:
        if self._hooks.loss is not None:
            return batch.keep.sum()
        return batch.weights[batch.rows].sum()

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """This part's share of the step's loss, nats per token."""
        assert not return_outputs, "nothing is evaluated while a student trains"
        inputs = dict(inputs)
        batch: Batch = inputs.pop("batch")
        self.tokens += batch.ids.numel()
        if self._plain:
            return super().compute_loss(model, inputs, num_items_in_batch=num_items_in_batch)
        logits = kept_logits(model, batch, inputs["attention_mask"])
        if self._hooks.loss is not None:
            return self._hooks.loss(logits, batch) * self._worth(batch) / num_items_in_batch
        each = functional.cross_entropy(logits, batch.targets, reduction="none")
        return (each * batch.weights[batch.rows]).sum() / num_items_in_batch

    def training_step(self, *given: Any, **named: Any) -> Tensor:
        loss = super().training_step(*given, **named)
        self._part += loss.item()
        if self.accelerator.sync_gradients:
            self.losses.append(self._part)
            self._part = 0.0
        return loss

    def released(self) -> Any:
        """The trained net without the trainer's own forwards: a copy of it would call the original's."""
        net = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        base = net.get_base_model() if isinstance(net, PeftModel) else net
        for one in (net, base):
            for name in ("forward", "_original_forward"):
                vars(one).pop(name, None)
        return net.eval()

    def _send_telemetry(self) -> None:
        """Nothing."""


def kept_logits(net: Any, batch: Batch, mask: Tensor) -> Tensor:
    """The net's logits [N, V] in float32 where a next token has a loss; before the first such place none are made."""
    first = int(batch.keep.any(0).nonzero()[0])
    out = net(input_ids=batch.ids, attention_mask=mask, use_cache=False, logits_to_keep=batch.ids.shape[1] - first)
    return out.logits[:, :-1][batch.keep[:, first:]].float()


def collated(rows: Sequence[Encoded], pad: int) -> dict[str, Any]:
    """What the trainer hands to the net, and the batch for whoever weighs it."""
    batch = Batch.of(rows, pad)
    lengths = torch.tensor([len(row.ids) for row in rows])
    mask = (torch.arange(batch.ids.shape[1]) < lengths[:, None]).long()
    return {"input_ids": batch.ids, "attention_mask": mask, "labels": batch.labels, "batch": batch}


def _trainable(net: Any) -> Any:
    """The net with what is to be trained marked: all of it, or an adapter that it has already."""
    for name, weight in net.named_parameters():
        weight.requires_grad_(not isinstance(net, PeftModel) or "lora_" in name)
    return net


def _adapter(recipe: Hub) -> LoraConfig:
    targets = recipe.targets if isinstance(recipe.targets, str) else list(recipe.targets)
    return LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=recipe.dropout, target_modules=targets,
        task_type="CAUSAL_LM",
    )  # fmt: skip


def _settings(recipe: Hub, steps: int, seed: int, nowhere: str, device: torch.device) -> SFTConfig:
    from azeotrope.training.hub import computed

    return SFTConfig(
        output_dir=nowhere, max_steps=steps, seed=seed, data_seed=seed,
        per_device_train_batch_size=recipe.batch // recipe.accumulation,
        gradient_accumulation_steps=recipe.accumulation,
        learning_rate=recipe.rate, lr_scheduler_type=recipe.schedule, weight_decay=recipe.decay,
        warmup_steps=math.ceil(recipe.warmup * steps),
        max_length=None, dataset_kwargs={"skip_prepare_dataset": True}, remove_unused_columns=False,
        bf16=computed(recipe) is torch.bfloat16, use_cpu=device.type == "cpu", activation_checkpointing=False,
        report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True,
    )  # fmt: skip


@contextmanager
def _generators_kept() -> Generator[None]:
    """The process's own generators are afterwards as they were."""
    before, array = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(before)
            np.random.set_state(array)
