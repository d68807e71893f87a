"""A purifier inside SGLang, as a custom logit processor: only behind a gateway that overwrites what clients send.

Interface: `sglang.srt.sampling.custom_logit_processor.CustomLogitProcessor`: `(logits [rows, V], one dict a row) ->
logits`. SGLang takes processors as pickled code in the request (`--enable-custom-logit-processor`), so that whoever may
name one may run any code: never let clients reach it. The class's `to_str()` is what the gateway puts there. Excludes
SGLang's own watermark. Not tested against a running server here; fold the map into the weights where you can.
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


def _interface() -> Any:
    try:
        return import_module(HOME).CustomLogitProcessor
    except ImportError:
        raise Misconfigured("this plug-in runs inside SGLang, which is not installed here") from None


class Purify(_interface()):  # type: ignore[misc]
    """Shapes every row. The server makes it anew from its class: which artifact is for the variable to say."""

    def __call__(self, logits: Tensor, custom_param_list: list[dict[str, Any]] | None = None) -> Tensor:
        return _fitted(os.environ.get(VARIABLE, "")).shape(torch.empty(0), logits)


@lru_cache(1)
def _fitted(place: str) -> Purifier:
    if not place.strip():
        raise Misconfigured(f"{VARIABLE} names no purifier: set it to what azeotrope fit wrote")
    return purifier.read(place)
