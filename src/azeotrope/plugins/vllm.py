"""A purifier inside vLLM's two runners: `vllm serve MODEL --logits-processors azeotrope.plugins.vllm:Purify`.

AZEOTROPE_PURIFIER names the artifact; it is read when the engine starts, which refuses to start without one, or with
one for another tokenizer. Opt-in by that option, never by installing: an entry point would load for every model served.
It refuses to start, too, where raw logprobs would be shown, from before any processor, as vLLM does by default, however
few: `--max-logprobs 0` still lets the sampled token's out (its check passes over `logprobs=0`). Run with
`--logprobs-mode processed_logprobs` and a low `--max-logprobs`. Refused in a request: prompt logprobs, which are never
processed, and `logprob_token_ids`, which `--max-logprobs` does not bound.
A client cannot choose: `vllm_xargs` is not read. Folding (azeotrope fit export --fold) covers all of this and costs
nothing: prefer it.

Interfaces: `vllm.v1.worker.gpu.sample.logits_processor.LogitsProcessor` (the newer runner: rows are not requests, and
under speculative decoding one request has several) and `vllm.v1.sample.logits_processor.LogitsProcessor` (the older).
A class of one alone makes the other refuse to start. Weights cannot be seen from here: which model it is for is told
by tokenizer and vocabulary alone.
"""

# vLLM is no dependency of ours, and torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportMissingImports=false, reportUntypedBaseClass=false, reportUnknownParameterType=false

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from azeotrope.errors import Misconfigured
from azeotrope.models import purifier
from azeotrope.models.purifier import Purifier

VARIABLE = "AZEOTROPE_PURIFIER"
RUNNERS = ("vllm.v1.worker.gpu.sample.logits_processor", "vllm.v1.sample.logits_processor")
"""Where each runner's base class is, the newer first."""
REFUSED = {
    "prompt_logprobs": "it is never processed",
    "prompt_logprob_token_ids": "it is never processed",
    "logprob_token_ids": "it shows tokens of the client's choice, beyond --max-logprobs",
}
"""Of a request's sampling parameters; an older vLLM has the first alone."""


def _bases() -> tuple[Any, ...]:
    """The base classes that this vLLM has: an older one has no second runner."""
    found: list[Any] = []
    for home in RUNNERS:
        try:
            found.append(import_module(home).LogitsProcessor)
        except ImportError:
            continue
    if not found:
        raise Misconfigured("this plug-in runs inside vLLM, which is not installed here: pip install vllm")
    return tuple(found)


class Purify(*_bases()):  # type: ignore[misc]
    """z' = (I + A B) z on every row: per-request state is none, so that neither runner's bookkeeping matters."""

    def __init__(self, vllm_config: Any, *given: Any) -> None:
        """Newer: (config, request states); older: (config, device, is_pin_memory)."""
        self._fitted = _checked(vllm_config)

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Refuses what would show logits that no processor has seen, or more of them than the operator allowed."""
        for field, reason in REFUSED.items():
            if getattr(sampling_params, field, None) is not None:
                raise ValueError(f"{field} is not available here: {reason}")

    # --- the newer runner

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Every request is shaped."""
        return True

    def apply_staged_writes(self) -> None:
        """Nothing is staged."""

    # --- the older runner

    def is_argmax_invariant(self) -> bool:
        """False: even a map that keeps the argmax must be applied to greedy requests, whose logprobs are shown."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Nothing is kept."""

    # --- both

    def apply(self, logits: Tensor, ctx: Any = None) -> Tensor:
        """[rows, V] float32, -inf where a grammar rules out (it stays so), -> [rows, V]."""
        return self._fitted.shape(torch.empty(0), logits)


def _checked(config: Any) -> Purifier:
    place = os.environ.get(VARIABLE, "").strip()
    if not place:
        raise Misconfigured(f"{VARIABLE} names no purifier: set it to what azeotrope fit wrote")
    fitted, model = purifier.read(place), config.model_config
    _refuse_raw(model)
    size = int(model.get_vocab_size())
    if size < fitted.m.size:
        raise Misconfigured(f"this purifier is for a vocabulary of {fitted.m.size}, this model has {size}")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model.tokenizer)
    if purifier.vocabulary(tokenizer) != fitted.about.tokenizer:
        raise Misconfigured(
            f"this purifier was fitted for {fitted.about.model}, and {model.model} has another tokenizer"
        )
    return fitted


def _refuse_raw(model: Any) -> None:
    """An engine that does not say what it shows is one from before the option: it shows raw ones.

    Whatever `max_logprobs` is: a request for 0 is one for the sampled token's, and vLLM does not count it.
    """
    if not getattr(model, "logprobs_mode", "raw").startswith("processed"):
        raise Misconfigured(
            "this engine shows log-probabilities from before the purifier: add --logprobs-mode processed_logprobs "
            "(--max-logprobs 0 is not enough: the sampled token's would still be shown)"
        )
