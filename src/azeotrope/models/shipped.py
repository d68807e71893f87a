"""Tiny trained models as folders, with their recipe and digest inside; those in `weights/` ship with the package.

Knows no task: what a model was trained on is in its recipe, as data.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured, Unavailable
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


def claim(folder: Path) -> None:
    """Before a model is trained for it: the folder is there, and files can be written to it. Raises `Misconfigured`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Misconfigured(
            f"cannot write files to {folder}: {error.strerror}; name a folder that is not there yet, or one of yours"
        ) from None


@contextmanager
def writing(folder: Path) -> Generator[None]:
    """What is written to the folder while the block lasts is there when it ends. Raises `Unavailable`."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Unavailable(f"cannot write the model to {folder}: {why}; make room there and train it again") from None


def save(model: Open, folder: Path, recipe: Mapping[str, Any]) -> str:
    """Writes net, tokenizer, dialect; the recipe and the tensors' digest go into the weights' own header. -> digest.

    Raises `Unavailable`.
    """
    with writing(folder):
        return _save(model, folder, recipe)


def _save(model: Open, folder: Path, recipe: Mapping[str, Any]) -> str:
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
