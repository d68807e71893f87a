"""Loads open weights and their tokenizer: a folder, a hub name, or a GGUF file, which is turned into plain tensors.

Knows no request. A GGUF file is read by transformers, which takes half a minute for a small model.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

from azeotrope.errors import Misconfigured
from azeotrope.models import weights


class Loaded(NamedTuple):
    """A net that is ready to answer, its tokenizer, and what the source is called."""

    net: Any
    tokenizer: Any
    name: str


def placed(device: str) -> torch.device:
    """ "auto": the accelerator where there is one, else the CPU; any other name as torch has it."""
    if device != "auto":
        return torch.device(device)
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def loaded(source: str | Path, *, gguf_file: str | None = None, device: str = "auto", **load: Any) -> Loaded:
    """`source`: a folder, a hub name, a path that ends in .gguf, or "smollm2", the embedded model's weights.

    `gguf_file`: a file of that folder or repository. `load`: what `from_pretrained` takes (revision, ...); `dtype` is
    the weights' own, on a CPU float32 (many are slow at anything shorter). Raises `Misconfigured`.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    name = Path(gguf_file or source).name.removesuffix(".gguf")
    if gguf_file is None and (source == weights.DEFAULT or str(source).endswith(".gguf")):
        found = weights.find(source)
        source, gguf_file, name = found.path.parent, found.path.name, found.name
    if gguf_file is not None:
        load = {**load, "gguf_file": gguf_file}
    there = placed(device)
    if there.type == "cpu":
        load = {"dtype": torch.float32, **load}
    try:
        with quiet():
            net: Any = AutoModelForCausalLM.from_pretrained(source, **load).eval()
            net.to(there)
            tokenizer = AutoTokenizer.from_pretrained(source, **{k: v for k, v in load.items() if k != "dtype"})
    except (OSError, ValueError, ImportError) as error:
        why = str(error).strip().partition("\n")[0]
        raise Misconfigured(f"cannot load a model from {source}: {why}; give a folder or a hub name") from None
    return Loaded(_plain(net), tokenizer, name)


def _plain(net: Any) -> Any:
    """A net that came from a GGUF file holds plain tensors: without these it counts as quantised and is not trained."""
    config = getattr(net.config, "quantization_config", None)
    method = config.get("quant_method") if isinstance(config, dict) else getattr(config, "quant_method", None)
    if method == "gguf":
        net.hf_quantizer, net.is_quantized = None, False
        del net.config.quantization_config
    return net


@contextmanager
def quiet() -> Generator[None]:
    """No progress bars of transformers' meanwhile."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
