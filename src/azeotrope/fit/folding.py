"""A purifier put into a model's own weights: lm_head := W + A (B W), embeddings untied. Any engine serves the result.

Source: z' = (I + A B) W h = (W + A (B W)) h, exact but for rounding. Log-probabilities, prompt log-probabilities and
speculative decoding are covered, for nothing is added at serving time. Does not fold what is no linear map: the variant
`argmax`, and whatever keeps the likeliest token, is refused; `topk` and `rounded` fold their map, and the interface
must cut and round what it shows.
"""

# torch, transformers and gguf are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured
from azeotrope.evaluate.teachers import shipped_folder
from azeotrope.math.lowrank import LowRank, folded
from azeotrope.models import purifier, weights
from azeotrope.models.open import Open
from azeotrope.models.purifier import Purifier
from azeotrope.placing import placed

Head = Literal["f16", "f32", "q8_0"]
SHIPPED = "shipped:"
OUTPUT, EMBEDDING = "output.weight", "token_embd.weight"
_LATER = {
    "topk": "Show only top-k log-probabilities (the gateway's top_logprobs): folding cuts nothing.",
    "rounded": "Round what is shown (the gateway's top_logprobs and logprob_step): folding rounds nothing.",
}


def export(artifact: Path, source: str, output: Path, head: Head = "f16") -> str:
    """Folds and writes; a sentence that says what was written. `output`: a folder, or a .gguf file of a .gguf source.

    Raises `Misconfigured` where the purifier is another model's, or cannot be folded.
    """
    fitted, model = purifier.read(artifact), _opened(source)
    fitted.check(model)
    _linear(fitted, model)
    if output.suffix == ".gguf":
        if source != weights.DEFAULT and not source.endswith(".gguf"):
            raise Misconfigured("a .gguf file is written from a .gguf file: name one as --model, or write a folder")
        write_gguf(weights.find(source).path, fitted.m, output, head)
    else:
        save(fold(model, fitted.m), output, fitted)
    later = _LATER.get(fitted.about.shows.variant, "")
    return f"{output}: {model.name} with its head folded; serve it as it is. {later}".rstrip()


def fold(model: Open, m: LowRank) -> Open:
    """The same model with a head of its own, W + A (B W) in the head's own type; the embeddings stay."""
    out = model.copied()
    head: Any = out.net.get_output_embeddings()
    if getattr(head, "bias", None) is not None:
        raise Misconfigured(f"the head of {model.name} has a bias: it cannot be folded into")
    if not head.weight.is_floating_point():
        raise Misconfigured(f"the head of {model.name} is quantised: fold into the model it was quantised from")
    new = nn.Linear(head.weight.shape[1], head.weight.shape[0], bias=False, device="meta")
    new.weight = nn.Parameter(folded(m, head.weight.detach()), requires_grad=False)
    out.net.set_output_embeddings(new)
    out.net.config.tie_word_embeddings = False
    return out


def save(model: Open, folder: Path, fitted: Purifier) -> None:
    """As transformers writes models, with the dialect, and beside it which purifier is inside."""
    folder.mkdir(parents=True, exist_ok=True)
    model.net.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    (folder / "dialect.json").write_bytes(encode(model.dialect) + b"\n")
    inside = {"purifier": fitted.about.digest, "of": fitted.about.base, "shows": fitted.about.shows}
    (folder / "purifier.json").write_bytes(encode(inside) + b"\n")


def write_gguf(source: Path, m: LowRank, output: Path, head: Head = "f16") -> None:
    """The file with another output tensor: the one it has, or the embeddings it ties to, folded. All else stays.

    f16 rounds a weight to 11 bits; q8_0 to 8 bits of the largest of 32; both keep what llama.cpp asks of a head.
    """
    gguf: Any = import_module("gguf")
    reader = gguf.GGUFReader(source)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    old = tensors.get(OUTPUT, tensors.get(EMBEDDING))
    if old is None:
        raise Misconfigured(f"{source} has neither {OUTPUT} nor {EMBEDDING}: it holds no language model")
    exact = torch.from_numpy(gguf.quants.dequantize(old.data, old.tensor_type).copy())
    kind, data = _quantised(gguf, folded(m, exact), head)
    with placed(output) as new:
        writer = gguf.GGUFWriter(new, reader.get_field("general.architecture").contents())
        _copy_keys(gguf, reader, writer)
        _write_tensors(writer, [tensor for tensor in reader.tensors if tensor.name != OUTPUT], data, kind)
        writer.close()


def _write_tensors(writer: Any, kept: Sequence[Any], data: Any, kind: Any) -> None:
    """These as they are, and the new output behind them."""
    for tensor in kept:
        where = (tensor.data.shape, tensor.data.dtype, tensor.data.nbytes)
        writer.add_tensor_info(tensor.name, *where, tensor.tensor_type)
    writer.add_tensor_info(OUTPUT, data.shape, data.dtype, data.nbytes, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for values in (*(tensor.data for tensor in kept), data):
        writer.write_tensor_data(values)


def _quantised(gguf: Any, weight: Tensor, head: Head) -> tuple[Any, Any]:
    """(its type, the numbers as they are written)."""
    kind = gguf.GGMLQuantizationType[head.upper()]
    if head == "q8_0" and weight.shape[1] % 32:
        raise Misconfigured(f"q8_0 takes rows of a multiple of 32 numbers, this head has {weight.shape[1]}: take f16")
    return kind, gguf.quants.quantize(weight.float().contiguous().numpy(), kind)


def _copy_keys(gguf: Any, reader: Any, writer: Any) -> None:
    for field in reader.fields.values():
        if field.name == "general.architecture" or field.name.startswith("GGUF."):
            continue  # the writer's own
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)
    writer.add_string("azeotrope.purified", "lm_head + A (B W)")


def _opened(source: str) -> Open:
    if source.startswith(SHIPPED):
        return Open.load(shipped_folder(source.removeprefix(SHIPPED)), name=source.removeprefix(SHIPPED))
    return Open.load(source)


def _linear(fitted: Purifier, model: Open) -> None:
    if not fitted.about.shows.linear:
        raise Misconfigured(
            "an argmax-preserving purifier is no linear map and cannot be folded: serve it as a shape (the defense "
            "purify, or a plug-in), or fit the variant paper, topk or rounded without keeps"
        )
    if getattr(model.net.config.get_text_config(), "final_logit_softcapping", None):
        raise Misconfigured(
            f"{model.name} caps its logits behind the head: a map of capped logits cannot be folded into what comes "
            "before; serve it as a shape"
        )
