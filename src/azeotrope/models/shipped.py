"""Tiny trained models as folders, with their recipe and digest inside; those in `weights/` ship with the package.

Knows no task: what a model was trained on is in its recipe, as data.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured
from azeotrope.models.open import Open
from azeotrope.models.sampling import Sampling
from azeotrope.types import Fields

WEIGHTS = "model.safetensors"


def names() -> tuple[str, ...]:
    """The models that ship with the package."""
    home = files("azeotrope").joinpath("weights")
    return tuple(sorted(entry.name for entry in home.iterdir() if entry.joinpath(WEIGHTS).is_file()))


def shipped(name: str, how: Sampling = Sampling()) -> Open:
    """A model that ships with the package. Raises `Misconfigured` for an unknown name and for damaged weights."""
    if name not in names():
        raise Misconfigured(f"no shipped model called {name!r}; there are: {', '.join(names())}")
    folder = Path(str(files("azeotrope").joinpath("weights", name)))
    check(folder)
    return Open.load(folder, name=name, how=how, local_files_only=True)


def save(model: Open, folder: Path, recipe: Mapping[str, Any]) -> str:
    """Writes net, tokenizer, dialect; the recipe and the tensors' digest go into the weights' own header. -> digest."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.contiguous() for name, value in model.net.state_dict().items()}
    if model.net.config.tie_word_embeddings:
        tensors.pop("lm_head.weight", None)
    model.net.config.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    (folder / "dialect.json").write_bytes(encode(model.dialect) + b"\n")
    made = digest_of(tensors)
    header = {"format": "pt", "digest": made, "recipe": encode(dict(recipe)).decode()}
    save_file(tensors, folder / WEIGHTS, header)
    return made


def check(folder: Path) -> Fields:
    """The weights' header {"digest", "recipe"}. Raises `Misconfigured` where the tensors are not what it says."""
    try:
        with safe_open(folder / WEIGHTS, "pt") as file:
            header = file.metadata() or {}
            found = digest_of({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise Misconfigured(f"cannot read the weights in {folder}: {type(error).__name__}; install again") from None
    if header.get("digest") != found:
        raise Misconfigured(f"the weights in {folder} are damaged: their digest is not the one written; install again")
    return {"digest": found, "recipe": header.get("recipe", "")}


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 (hex) over names, kinds, shapes and bytes, in the order of the names."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        sha.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
        sha.update(value.view(-1).numpy().tobytes())
    return sha.hexdigest()
