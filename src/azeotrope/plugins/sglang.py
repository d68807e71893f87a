"""A purifier inside SGLang, as a custom logit processor: only behind a gateway that overwrites what clients send.

Interface: `sglang.srt.sampling.custom_logit_processor.CustomLogitProcessor`: `(logits [rows, V], one dict a row) ->
logits`. SGLang takes processors as pickled code in the request (`--enable-custom-logit-processor`), so that whoever may
name one may run any code: never let clients reach it. The class's `to_str()` is what the gateway puts there. Excludes
SGLang's own watermark. It refuses a model with fewer tokens than the map has at the first request, and one whose server
names another tokenizer; weights cannot be seen from here. Not tested against a running server here; fold the map into
the weights where you can.
"""

# SGLang is no dependency of ours, and torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportMissingImports=false, reportUntypedBaseClass=false, reportUnknownParameterType=false

from __future__ import annotations

import os
from functools import lru_cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from azeotrope.errors import Misconfigured
from azeotrope.models import purifier
from azeotrope.models.purifier import Purifier

VARIABLE = "AZEOTROPE_PURIFIER"
HOME = "sglang.srt.sampling.custom_logit_processor"
SERVER = "sglang.srt.server_args"
"""Where a server says what it was started with, since late 2025."""


def _interface() -> Any:
    try:
        return import_module(HOME).CustomLogitProcessor
    except ImportError:
        raise Misconfigured("this plug-in runs inside SGLang, which is not installed here") from None


class Purify(_interface()):  # type: ignore[misc]
    """Shapes every row. The server makes it anew from its class: which artifact is for the variable to say."""

    def __call__(self, logits: Tensor, custom_param_list: list[dict[str, Any]] | None = None) -> Tensor:
        fitted, size = _fitted(os.environ.get(VARIABLE, "")), logits.shape[-1]
        if size < fitted.m.size:
            raise Misconfigured(f"this purifier is for a vocabulary of {fitted.m.size}, this model has {size}")
        return fitted.shape(torch.empty(0), logits)


@lru_cache(1)
def _fitted(place: str) -> Purifier:
    if not place.strip():
        raise Misconfigured(f"{VARIABLE} names no purifier: set it to what azeotrope fit wrote")
    fitted, named = purifier.read(place), _tokenizer()
    if named:
        from transformers import AutoTokenizer

        if purifier.vocabulary(AutoTokenizer.from_pretrained(named)) != fitted.about.tokenizer:
            raise Misconfigured(f"this purifier was fitted for {fitted.about.model}, and {named} is another tokenizer")
    return fitted


def _tokenizer() -> str:
    """What the server reads texts with; empty where it does not say, or is handed token ids."""
    try:
        told = import_module(SERVER).get_global_server_args()
    except (ImportError, AttributeError, ValueError):  # an older SGLang; outside a server
        return ""
    return "" if told.skip_tokenizer_init else str(told.tokenizer_path or "")
